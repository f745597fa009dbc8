import type { RefusalReason } from '@pawl/protocol'
import { constantTimeEqual } from '../secrets/constant-time-equal.ts'
import { digestSecret } from '../secrets/secret-digest.ts'
import { readBasicCredentials } from './basic-credentials.ts'
import type { ClientRecord } from './client.ts'
import type { ClientStore } from './client-store.ts'

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
 * the one that the client was registered with, secrets compared in constant time by their digests.
 */
export type AuthenticateClient = (credentials: ClientCredentials) => Promise<ClientAuthenticationOutcome>

/** Finds a client by its id, the built-in one included. */
export type FindClient = (id: string) => Promise<ClientRecord | undefined>

// Compared with when there is no secret to compare with, so that an unknown client costs as much as a wrong secret.
const nobody = new Uint8Array(32)

const parameterNames = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'] as const

/**
 * Finds clients in a store, and the built-in one, which is in no store.
 */
export function createClientFinder(options: {
  readonly store: Pick<ClientStore, 'findClient'>
  readonly builtIn: ClientRecord
}): FindClient {
  const { store, builtIn } = options
  return async (id) => {
    if (id === builtIn.id) return builtIn
    // What cannot be a client id is not looked up: not every store takes every string.
    return /^[\x21-\x7e]{1,2048}$/.test(id) ? await store.findClient(id) : undefined
  }
}

/**
 * Client authentication over a store.
 *
 * @param options.builtIn the server's own public client
 */
export function createClientAuthentication(options: {
  readonly store: Pick<ClientStore, 'findClient'>
  readonly builtIn: ClientRecord
}): AuthenticateClient {
  const find = createClientFinder(options)
  return async (credentials) => {
    const presented = readPresented(credentials)
    if ('ok' in presented) return presented
    const { method, id, secret } = presented
    const client = await find(id)
    const secretMatches = constantTimeEqual(digestSecret(secret ?? ''), client?.secretHash ?? nobody)
    const proven = client?.authentication === method && (method === 'none' || secretMatches)
    if (client !== undefined && proven) return { ok: true, client }
    return { ok: false, error: 'invalid_client', challenge: method === 'client_secret_basic', claimedClientId: id }
  }
}

interface PresentedCredentials {
  readonly method: ClientRecord['authentication']
  readonly id: string
  readonly secret?: string
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
  // No client is registered for assertions; they are known only so that they count as a method.
  if (id === undefined || assertion !== undefined || assertionType !== undefined) {
    return { ok: false, error: 'invalid_client', challenge: false }
  }
  return secret === undefined ? { method: 'none', id } : { method: 'client_secret_post', id, secret }
}

function readBasic(
  authorization: string,
  idInBody: string | undefined,
): PresentedCredentials | ClientAuthenticationRefusal {
  const basic = readBasicCredentials(authorization)
  if (basic === undefined) return { ok: false, error: 'invalid_client', challenge: true }
  // Naming the client in the body as well is no second method; naming another one is.
  return idInBody === undefined || idInBody === basic.id ? { method: 'client_secret_basic', ...basic } : conflict()
}

function conflict(): ClientAuthenticationRefusal {
  return { ok: false, error: 'invalid_request', reason: 'conflicting_authentication', challenge: false }
}
