import {
  type ClientAuthenticationMethod,
  clientAuthenticationMethods,
  type GrantType,
  grantTypes,
} from '@pawl/protocol'
import type { Random } from '../secrets/random.ts'
import { digestSecret } from '../secrets/secret-digest.ts'
import { checkAssertionKeys } from './check-assertion-keys.ts'
import { type ClientRecord, type ExchangePolicy, firstPartyClientId, type RotationPolicy } from './client.ts'

/** Longest access lifetime that a client may be given, in seconds: one day. */
export const longestClientAccessSeconds = 86_400

const rotationPolicies: readonly RotationPolicy[] = ['rotating', 'strict', 'shared-store']
const exchangePolicies: readonly ExchangePolicy[] = ['own', 'received']
const clientTypes: readonly ClientRecord['type'][] = ['public', 'confidential']
const shortestSecret = 22
const longestSecret = 512
const generatedSecretBytes = 32

/** What an administrator asks for, unchecked. Absent lists are empty. */
export interface ClientRegistration {
  /** 1 to 128 of `A-Z a-z 0-9 . _ ~ -`. */
  readonly id: string
  /** `public` or `confidential`. */
  readonly type: string
  /** Default: `none` for public clients, `client_secret_basic` for confidential ones. */
  readonly auth?: string
  /** Secret of a confidential client that authenticates by one; made when absent. */
  readonly secret?: string
  /** With `private_key_jwt`: its public keys as a key set (RFC 7517 section 5), or instead of them `jwksUri`. */
  readonly jwks?: unknown
  /** With `private_key_jwt`: where its key set is published; https, or http on a loopback address. */
  readonly jwksUri?: string
  /** With `private_key_jwt`: the one algorithm that it signs with. Default: that of the keys, `ES256` with `jwksUri`. */
  readonly signingAlgorithm?: string
  readonly redirectUris?: readonly string[]
  readonly grants?: readonly string[]
  readonly scopes?: readonly string[]
  readonly resources?: readonly string[]
  /** Default: `rotating`. */
  readonly policy?: string
  /** With the token exchange grant: `own` or `received` access tokens, see {@link ExchangePolicy}. Default: refresh tokens only. */
  readonly exchange?: string
  /** Lifetime of its access tokens, 1 to 86,400 seconds; default: the server's. */
  readonly accessSeconds?: number
}

/** A refused registration: which field, and what would be right. Holds no secret. */
export interface RegistrationRefusal {
  readonly ok: false
  readonly field:
    | 'id'
    | 'type'
    | 'auth'
    | 'secret'
    | 'jwks'
    | 'jwks-uri'
    | 'signing-algorithm'
    | 'redirect-uri'
    | 'grant'
    | 'scope'
    | 'resource'
    | 'policy'
    | 'exchange'
    | 'access-seconds'
  /** What is wrong and what would be right, in sentences. */
  readonly message: string
}

/** A registration that can be written down. */
export interface CheckedRegistration {
  readonly ok: true
  readonly client: Omit<ClientRecord, 'createdAt'>
  /** Present when the server made the secret: to be shown once. */
  readonly generatedSecret?: string
}

/**
 * Checks a registration and fills in what it leaves out. Pure but for the secret that it may draw.
 *
 * @param random draws a secret for a confidential client that brings none
 */
export function checkRegistration(
  registration: ClientRegistration,
  random: Random,
): CheckedRegistration | RegistrationRefusal {
  const {
    id,
    type,
    redirectUris = [],
    grants = [],
    scopes = [],
    resources = [],
    policy = 'rotating',
    exchange,
    accessSeconds,
  } = registration
  const idFault = describeIdFault(id)
  if (idFault !== undefined) return refuse('id', idFault)
  const knownType = clientTypes.find((candidate) => candidate === type)
  if (knownType === undefined) return refuse('type', `The type must be one of ${clientTypes.join(', ')}.`)
  const authentication = checkAuthentication(registration.auth, knownType)
  if (typeof authentication === 'object') return authentication
  const secret = checkSecret(registration.secret, authentication, random)
  if ('ok' in secret) return secret
  const keys = checkAssertionKeys(registration, authentication)
  if (keys !== undefined && 'ok' in keys) return keys
  const knownGrants = checkGrants(grants, knownType)
  if ('ok' in knownGrants) return knownGrants
  if (knownGrants.grants.includes('authorization_code') && redirectUris.length === 0) {
    return refuse('redirect-uri', 'The grant authorization_code needs at least one redirect URI to answer to.')
  }
  const uriFault = redirectUris.map(describeRedirectUriFault).find((fault) => fault !== undefined)
  if (uriFault !== undefined) return refuse('redirect-uri', uriFault)
  if (!scopes.every(isScopeToken)) {
    return refuse(
      'scope',
      'A scope value is one word of printable ASCII without spaces, quotes and backslashes. Give one --scope for each.',
    )
  }
  if (!resources.every(isAbsoluteUri))
    return refuse('resource', 'A resource is an absolute URI without a fragment, such as https://api.example.com.')
  const knownPolicy = rotationPolicies.find((candidate) => candidate === policy)
  if (knownPolicy === undefined) return refuse('policy', `The policy must be one of ${rotationPolicies.join(', ')}.`)
  const knownExchange = exchangePolicies.find((candidate) => candidate === exchange)
  const exchangeFault = describeExchangeFault(exchange, knownGrants.grants)
  if (exchangeFault !== undefined) return refuse('exchange', exchangeFault)
  if (accessSeconds !== undefined && !isAccessSeconds(accessSeconds)) {
    return refuse(
      'access-seconds',
      `The access lifetime must be a whole number of seconds from 1 to ${longestClientAccessSeconds}.`,
    )
  }
  const client = {
    id,
    type: knownType,
    authentication,
    secretHash: secret.hash,
    ...(keys !== undefined && { assertionKeys: keys }),
    redirectUris: unique(redirectUris),
    grants: knownGrants.grants,
    scopes: unique(scopes),
    resources: unique(resources),
    policy: knownPolicy,
    accessSeconds: accessSeconds ?? null,
    ...(knownExchange !== undefined && { exchange: knownExchange }),
  }
  return { ok: true, client, ...(secret.generated !== undefined && { generatedSecret: secret.generated }) }
}

function refuse(field: RegistrationRefusal['field'], message: string): RegistrationRefusal {
  return { ok: false, field, message }
}

function describeIdFault(id: string): string | undefined {
  if (id === firstPartyClientId) return `${firstPartyClientId} is the server's own client. Choose another id.`
  // A client_credentials token has the client as its subject: it must never read like a user, nor like a client whose id is a URL.
  if (id.startsWith('usr_')) return 'A client id must not start with usr_, as user ids do. Choose another id.'
  if (id.startsWith('https://')) return 'A client id must not be a URL. Choose another id.'
  return /^[A-Za-z0-9._~-]{1,128}$/.test(id) ? undefined : 'A client id is 1 to 128 characters of A-Z a-z 0-9 . _ ~ -'
}

function checkAuthentication(
  auth: string | undefined,
  type: ClientRecord['type'],
): ClientAuthenticationMethod | RegistrationRefusal {
  const method = clientAuthenticationMethods.find(
    (candidate) => candidate === (auth ?? (type === 'public' ? 'none' : 'client_secret_basic')),
  )
  if (method === undefined)
    return refuse('auth', `The authentication must be one of ${clientAuthenticationMethods.join(', ')}.`)
  if (type === 'public' && method !== 'none')
    return refuse('auth', 'A public client cannot keep a secret: its authentication is none.')
  if (type === 'confidential' && method === 'none') {
    return refuse(
      'auth',
      'A confidential client proves who it is: use client_secret_basic, client_secret_post or private_key_jwt.',
    )
  }
  return method
}

function checkSecret(
  secret: string | undefined,
  method: ClientAuthenticationMethod,
  random: Random,
): { readonly hash: Uint8Array | null; readonly generated?: string } | RegistrationRefusal {
  if (method === 'none' || method === 'private_key_jwt') {
    const fault =
      method === 'none'
        ? 'A public client has no secret. Leave it out, or make the client confidential.'
        : 'A client that signs who it is has no secret. Leave it out.'
    return secret === undefined ? { hash: null } : refuse('secret', fault)
  }
  return secret === undefined ? drawClientSecret(random) : checkClientSecret(secret)
}

/** The digest of a secret, and the secret where it was drawn here. */
export interface ClientSecret {
  readonly hash: Uint8Array
  readonly generated?: string
}

/** Draws a secret of 256 bits. */
export function drawClientSecret(random: Random): ClientSecret {
  const generated = Buffer.from(random(generatedSecretBytes)).toString('base64url')
  return { hash: digestSecret(generated), generated }
}

/** Looks at a secret that was brought along. */
export function checkClientSecret(secret: string): ClientSecret | RegistrationRefusal {
  // RFC 6749 appendix A.2: VSCHAR. 22 characters of base64url hold 128 bits.
  if (!/^[\x20-\x7e]*$/.test(secret)) return refuse('secret', 'A client secret is printable ASCII on one line.')
  if (secret.length < shortestSecret || secret.length > longestSecret) {
    return refuse(
      'secret',
      `A client secret is ${shortestSecret} to ${longestSecret} random characters. Leave it out to have one made.`,
    )
  }
  return { hash: digestSecret(secret) }
}

function checkGrants(
  grants: readonly string[],
  type: ClientRecord['type'],
): { readonly grants: readonly GrantType[] } | RegistrationRefusal {
  const known = grants.flatMap((grant) => grantTypes.find((candidate) => candidate === grant) ?? [])
  if (known.length !== grants.length) return refuse('grant', `A grant must be one of ${grantTypes.join(', ')}.`)
  if (type === 'public' && known.includes('client_credentials')) {
    return refuse('grant', 'client_credentials is for confidential clients only (RFC 6749 section 4.4).')
  }
  if (type === 'public' && known.includes('urn:ietf:params:oauth:grant-type:token-exchange')) {
    return refuse('grant', 'Token exchange is for confidential clients only: a copied token must not be enough for it.')
  }
  return { grants: unique(known) }
}

function describeExchangeFault(exchange: string | undefined, grants: readonly GrantType[]): string | undefined {
  if (exchange === undefined) return undefined
  if (!exchangePolicies.some((policy) => policy === exchange))
    return `The exchange policy must be one of ${exchangePolicies.join(', ')}.`
  return grants.includes('urn:ietf:params:oauth:grant-type:token-exchange')
    ? undefined
    : 'A client that exchanges access tokens needs the grant urn:ietf:params:oauth:grant-type:token-exchange.'
}

function describeRedirectUriFault(uri: string): string | undefined {
  if (!isAbsoluteUri(uri))
    return 'A redirect URI is an absolute URI without a fragment, such as https://app.example.com/callback.'
  const { protocol, hostname } = new URL(uri)
  const scripting = ['javascript:', 'data:', 'vbscript:', 'blob:', 'file:'].includes(protocol)
  if (scripting) return 'A redirect URI must not be one that a browser would run or read from a file.'
  if (protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(hostname)) {
    return 'Over plain http a code can be read on the way: use https, or an address of the same machine.'
  }
  // RFC 8252 section 7.1: two applications must not come to claim one scheme by accident.
  if (protocol !== 'http:' && protocol !== 'https:' && !protocol.includes('.')) {
    return 'A private scheme is a domain name of yours turned round, such as com.example.app:/callback.'
  }
  return undefined
}

/** RFC 3986 section 4.3: a scheme, no fragment; compared as text later on, so it must be what it looks like. */
function isAbsoluteUri(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:[\x21\x22\x24-\x7e]+$/.test(text) && text.length <= 2048 && URL.canParse(text)
}

/** RFC 6749 section 3.3: scope-token. */
function isScopeToken(text: string): boolean {
  return /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(text)
}

function isAccessSeconds(seconds: number): boolean {
  return Number.isInteger(seconds) && seconds >= 1 && seconds <= longestClientAccessSeconds
}

function unique<Value>(values: readonly Value[]): readonly Value[] {
  return [...new Set(values)]
}
