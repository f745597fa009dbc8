import type { ErrorCode } from '@pawl/protocol'
import type { ClientRecord } from '../registered-clients/client.ts'
import { isRegisteredRedirectUri } from './redirect-uri.ts'

/** What the pages may be asked to do (OpenID Connect Core section 3.1.2.1). */
export type Prompt = 'none' | 'login' | 'consent' | 'select_account'

/** Where an answer goes, good or bad: settled before anything else, for nobody may be sent anywhere else. */
export interface AnswerPlace {
  readonly client: ClientRecord
  readonly redirectUri: string
  readonly state: string | undefined
}

/** An authorization request that asks for what there is. */
export interface AuthorizationRequest extends AnswerPlace {
  readonly scope: readonly string[]
  readonly resources: readonly string[]
  /** SHA-256 of the verifier, as base64url (RFC 7636 section 4.2). */
  readonly codeChallenge: string
  readonly nonce: string | undefined
  readonly prompts: ReadonlySet<Prompt>
  /** Seconds. */
  readonly maxAge: number | undefined
  /** What the session's `acr` will be: the value that was asked for, and reached. */
  readonly acr: string | null
  readonly loginHint: string | undefined
}

/** What a request comes to. */
export type AuthorizationReading =
  /** There is nowhere to send an answer to: the person is told (standards AZ-3). */
  | { readonly kind: 'unanswerable'; readonly error: ErrorCode; readonly fault: 'client' | 'redirect_uri' | 'request' }
  /** @param silent whether it asked that nobody be shown a page */
  | { readonly kind: 'faulty'; readonly place: AnswerPlace; readonly error: ErrorCode; readonly silent: boolean }
  | { readonly kind: 'request'; readonly request: AuthorizationRequest }

/** What a request is measured by. */
export interface AuthorizationRules {
  readonly findClient: (id: string) => Promise<ClientRecord | undefined>
  /** Resources that a client may ask tokens for. */
  readonly resourcesOf: (client: ClientRecord) => readonly string[]
  /** Values of `acr` that signing in at the pages reaches. */
  readonly reachedAcr: readonly string[]
  /** Whether `acr_values` that are not reached are passed over (OpenID Connect Core) or refused (RFC 9470 section 5). */
  readonly acrIsVoluntary: boolean
}

/** Value of `acr` for who typed the right password at the pages. */
export const passwordAcr = 'urn:pawl:acr:password'

/** Parameters that may stand once. `resource` may be repeated (RFC 8707 section 2); what is not known is passed over. */
const single = [
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'nonce',
  'prompt',
  'max_age',
  'acr_values',
  'login_hint',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
]

/** Reads an authorization request (RFC 6749 section 4.1.1, standards AZ-1 to AZ-5, AZ-10). Pure but for finding the client. */
export async function readAuthorizationRequest(
  parameters: URLSearchParams,
  rules: AuthorizationRules,
): Promise<AuthorizationReading> {
  const all = (name: string) => parameters.getAll(name).filter((value) => value !== '')
  const one = (name: string) => all(name)[0]
  const repeated = new Set(single.filter((name) => all(name).length > 1))

  const id = one('client_id')
  const client = id === undefined || repeated.has('client_id') ? undefined : await rules.findClient(id)
  if (client === undefined) return { kind: 'unanswerable', error: 'invalid_request', fault: 'client' }
  const redirectUri = redirectUriOf(client, one('redirect_uri'))
  if (redirectUri === undefined || repeated.has('redirect_uri')) {
    return { kind: 'unanswerable', error: 'invalid_request', fault: 'redirect_uri' }
  }
  const place: AnswerPlace = { client, redirectUri, state: repeated.has('state') ? undefined : one('state') }
  const prompts = promptsOf(one('prompt'))
  const faulty = (error: ErrorCode): AuthorizationReading => ({
    kind: 'faulty',
    place,
    error,
    silent: prompts?.has('none') ?? false,
  })

  if (repeated.size > 0) return faulty('invalid_request')
  const shape = faultOfShape(one)
  if (shape !== undefined) return faulty(shape)
  if (!client.grants.includes('authorization_code')) return faulty('unauthorized_client')
  const codeChallenge = challengeOf(one)
  const maxAge = secondsOf(one('max_age'))
  if (codeChallenge === undefined || maxAge === 'malformed' || prompts === undefined) return faulty('invalid_request')
  const scope = scopeOf(one('scope'), client.scopes)
  if (scope === undefined) return faulty('invalid_scope')
  const resources = resourcesAsked(all('resource'), rules.resourcesOf(client))
  if (resources === undefined) return faulty('invalid_target')
  const acr = acrOf(one('acr_values'), rules)
  if (acr === undefined) return faulty('unmet_authentication_requirements')
  const wishes = {
    scope,
    resources,
    codeChallenge,
    nonce: one('nonce'),
    prompts,
    maxAge,
    acr,
    loginHint: one('login_hint'),
  }
  return { kind: 'request', request: { ...place, ...wishes } }
}

/** A client with a single redirect URI need not name it (RFC 6749 section 3.1.2.3). */
function redirectUriOf(client: ClientRecord, asked: string | undefined): string | undefined {
  if (asked === undefined) return client.redirectUris.length === 1 ? client.redirectUris[0] : undefined
  return isRegisteredRedirectUri(asked, client.redirectUris) ? asked : undefined
}

function faultOfShape(one: (name: string) => string | undefined): ErrorCode | undefined {
  if (one('request') !== undefined) return 'request_not_supported'
  if (one('request_uri') !== undefined) return 'invalid_request_uri'
  const type = one('response_type')
  if (type === undefined) return 'invalid_request'
  if (type !== 'code') return 'unsupported_response_type'
  return (one('response_mode') ?? 'query') === 'query' ? undefined : 'invalid_request'
}

/** A missing method would mean `plain` (standards trap 1), so the method is asked for as well. */
function challengeOf(one: (name: string) => string | undefined): string | undefined {
  const challenge = one('code_challenge')
  const fits = one('code_challenge_method') === 'S256' && /^[A-Za-z0-9_-]{43}$/.test(challenge ?? '')
  return fits ? challenge : undefined
}

function promptsOf(text: string | undefined): ReadonlySet<Prompt> | undefined {
  const known: readonly Prompt[] = ['none', 'login', 'consent', 'select_account']
  const words = text === undefined ? [] : text.split(' ')
  const prompts = new Set(words.flatMap((word) => known.find((prompt) => prompt === word) ?? []))
  const fits = prompts.size === new Set(words).size && !(prompts.has('none') && prompts.size > 1)
  return fits ? prompts : undefined
}

function secondsOf(text: string | undefined): number | undefined | 'malformed' {
  if (text === undefined) return undefined
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : 'malformed'
}

/** Nothing asked means the client's own scope (standards: a default scope). */
function scopeOf(asked: string | undefined, allowed: readonly string[]): readonly string[] | undefined {
  if (asked === undefined) return allowed
  const values = [...new Set(asked.split(' ').filter((value) => value !== ''))]
  return values.length > 0 && values.every((value) => allowed.includes(value)) ? values : undefined
}

function resourcesAsked(asked: readonly string[], allowed: readonly string[]): readonly string[] | undefined {
  if (asked.length === 0) return allowed
  return asked.every((resource) => allowed.includes(resource)) ? [...new Set(asked)] : undefined
}

function acrOf(asked: string | undefined, rules: AuthorizationRules): string | null | undefined {
  if (asked === undefined) return null
  const reached = asked.split(' ').find((value) => rules.reachedAcr.includes(value))
  return reached ?? (rules.acrIsVoluntary ? null : undefined)
}
