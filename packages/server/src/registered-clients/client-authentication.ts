import { clientAssertionType, type RefusalReason } from '@pawl/protocol'
import { constantTimeEqual } from '../secrets/constant-time-equal.ts'
import { digestSecret } from '../secrets/secret-digest.ts'
import { readBasicCredentials } from './basic-credentials.ts'
import type { ClientRecord } from './client.ts'
import { type CheckAssertion, claimedBy } from './client-assertion.ts'
import type { FindClient } from './find-client.ts'

/** What a request brings to prove which client it comes from. */
export interface ClientCredentials {
  /** Value of the `Authorization` header, if there is one. */
  readonly authorization: string | null | undefined
  /** The form parameters of the body. */
  readonly parameters: Pick<URLSearchParams, 'getAll'>
}

/** A request that does not come from a client we know, or does not prove it. */
export interface ClientAuthenticationRefusal {
  readonly ok: false
  readonly error: 'invalid_client' | 'invalid_request'
  readonly reason?: RefusalReason
  /** The client tried by the `Authorization` header: the reply owes it `WWW-Authenticate: Basic` (RFC 6749 section 5.2). */
  readonly challenge: boolean
  /** The client that the request claimed to be, for throttling and audit; unproven, and of the sender's making. */
  readonly claimedClientId?: string
}

/** Outcome of client authentication. */
export type ClientAuthenticationOutcome =
  | { readonly ok: true; readonly client: ClientRecord }
  | ClientAuthenticationRefusal

/**
 * Tells which client a request comes from (RFC 6749 section 2.3, standards CA-1 to CA-3): one method per request, exactly
 * the one that the client was registered with, secrets compared in constant time by their digests, assertions checked as
 * client-assertion.ts has it.
 */
export type AuthenticateClient = (credentials: ClientCredentials) => Promise<ClientAuthenticationOutcome>

// Compared with when there is no secret to compare with, so that an unknown client costs as much as a wrong secret.
const nobody = new Uint8Array(32)

const parameterNames = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'] as const

/**
 * Client authentication.
 *
 * @param options.find finds the client that a request names
 * @param options.checkAssertion default: no assertion is good
 */
export function createClientAuthentication(options: {
  readonly find: FindClient
  readonly checkAssertion?: CheckAssertion
}): AuthenticateClient {
  const { find, checkAssertion = async () => false } = options
  return async (credentials) => {
    const presented = readPresented(credentials)
    if ('ok' in presented) return presented
    const { method, id, proof } = presented
    const client = await find(id)
    const secretMatches = holdsSecret(client, proof)
    if (client?.authentication === method) {
      const signed = method === 'private_key_jwt' && (await checkAssertion(proof, client))
      if (method === 'none' || signed || (method !== 'private_key_jwt' && secretMatches)) return { ok: true, client }
    }
    return { ok: false, error: 'invalid_client', challenge: method === 'client_secret_basic', claimedClientId: id }
  }
}

/** Both are compared, whichever of them it is, and whether or not there are any. */
function holdsSecret(client: ClientRecord | undefined, secret: string): boolean {
  const digest = digestSecret(secret)
  const newer = constantTimeEqual(digest, client?.secretHash ?? nobody)
  const older = constantTimeEqual(digest, client?.previousSecretHash ?? nobody)
  return newer || older
}

interface PresentedCredentials {
  readonly method: ClientRecord['authentication']
  readonly id: string
  /** The secret or the assertion; empty where the method has neither. */
  readonly proof: string
}

/** Finds the one method that a request uses. */
function readPresented(credentials: ClientCredentials): PresentedCredentials | ClientAuthenticationRefusal {
  const { parameters } = credentials
  const authorization = credentials.authorization ?? undefined
  if (parameterNames.some((name) => parameters.getAll(name).length > 1)) {
    return { ok: false, error: 'invalid_request', reason: 'repeated_parameter', challenge: false }
  }
  // RFC 6749 section 3.2: a parameter without a value counts as absent.
  const [id, secret, assertion, assertionType] = parameterNames.map((name) => parameters.getAll(name)[0] || undefined)
  const methods = [authorization, secret, assertion ?? assertionType]
  if (methods.filter((used) => used !== undefined).length > 1) return conflict()
  if (authorization !== undefined) return readBasic(authorization, id)
  if (assertion !== undefined || assertionType !== undefined) return readAssertion(assertion, assertionType, id)
  if (id === undefined) return { ok: false, error: 'invalid_client', challenge: false }
  return secret === undefined ? { method: 'none', id, proof: '' } : { method: 'client_secret_post', id, proof: secret }
}

/** RFC 7521 section 4.2: `client_id` is optional beside an assertion, and names the same client. */
function readAssertion(
  assertion: string | undefined,
  type: string | undefined,
  idInBody: string | undefined,
): PresentedCredentials | ClientAuthenticationRefusal {
  const id = assertion === undefined ? undefined : claimedBy(assertion)
  const named = id !== undefined && (idInBody === undefined || idInBody === id)
  if (assertion === undefined || type !== clientAssertionType || !named) {
    return { ok: false, error: 'invalid_client', challenge: false }
  }
  return { method: 'private_key_jwt', id, proof: assertion }
}

function readBasic(
  authorization: string,
  idInBody: string | undefined,
): PresentedCredentials | ClientAuthenticationRefusal {
  const basic = readBasicCredentials(authorization)
  if (basic === undefined) return { ok: false, error: 'invalid_client', challenge: true }
  // Naming the client in the body as well is no second method; naming another one is.
  return idInBody === undefined || idInBody === basic.id
    ? { method: 'client_secret_basic', id: basic.id, proof: basic.secret }
    : conflict()
}

function conflict(): ClientAuthenticationRefusal {
  return { ok: false, error: 'invalid_request', reason: 'conflicting_authentication', challenge: false }
}
