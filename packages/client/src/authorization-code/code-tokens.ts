import type { UserDocument } from '@pawl/protocol'
import type { Environment } from '../environment.ts'
import { failureOf, type RefreshVerdict } from '../error-classification.ts'
import { askForDocument, type IssuerAnswer } from '../issuer-request.ts'
import type { StoredSession } from '../stored-tokens/stored-state.ts'
import type { TokenIssuer } from '../stored-tokens/token-issuer.ts'
import { isRecord, type TokenReply } from '../token-reply.ts'
import { createDiscovery, type Discover, type ServerMetadata } from './discovery.ts'

/** The token and the revocation endpoint of an authorization server. */
export interface TokenEndpoint {
  readonly discover: Discover
  readonly ask: (
    server: ServerMetadata,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) => Promise<IssuerAnswer>
}

/** What a server that names no lifetime (RFC 6749 section 5.1) is taken to mean, in seconds. */
const assumedLifetime = 300
/** A server that gives no `refresh_in`: the last tenth of a lifetime is for renewing. */
const freshShare = 0.9

/** @param clientId sent with every request: a client that lives in browsers and programs has no secret */
export function reachTokenEndpoint(environment: Environment, clientId: string): TokenEndpoint {
  return {
    discover: createDiscovery(environment),
    ask: ({ tokenEndpoint }, parameters, signal) =>
      post(environment, tokenEndpoint, { ...parameters, clientId }, signal),
  }
}

function post(
  { fetch }: Environment,
  url: string,
  { clientId, ...parameters }: Readonly<Record<string, string>> & { readonly clientId: string },
  signal: AbortSignal,
): Promise<IssuerAnswer> {
  const headers = new Headers({ 'Content-Type': 'application/x-www-form-urlencoded' })
  const body = new URLSearchParams({ client_id: clientId, ...parameters }).toString()
  return askForDocument(fetch, url, { method: 'POST', headers, body, credentials: 'omit', signal })
}

/** Refreshing and ending by the standard endpoints (RFC 6749 section 6, RFC 7009). */
export function codeTokenIssuer(environment: Environment, clientId: string, endpoint: TokenEndpoint): TokenIssuer {
  const { discover, ask } = endpoint
  return {
    refresh: async (session, attemptId, signal) => {
      const { refreshToken } = session
      if (refreshToken === '') return { verdict: { kind: 'ended', reason: 'no_refresh_token' }, serverTime: undefined }
      const server = await discover(signal)
      if ('kind' in server) return { verdict: { kind: 'failed', failure: server }, serverTime: undefined }
      const attempt = attemptId === undefined ? undefined : { attempt_id: attemptId }
      const parameters = { grant_type: 'refresh_token', refresh_token: refreshToken, ...attempt }
      const answer = await ask(server, parameters, signal)
      return { verdict: judge(answer, session), serverTime: answer.serverTime }
    },
    end: async (refreshToken, signal) => {
      const server = await discover(signal)
      if ('kind' in server) return { status: 0, failure: 'network' }
      // A server that cannot be told has nothing to be told.
      if (server.revocationEndpoint === undefined || refreshToken === '') return { status: 204 }
      const parameters = { token: refreshToken, token_type_hint: 'refresh_token', clientId }
      return post(environment, server.revocationEndpoint, parameters, signal)
    },
    endAll: undefined,
  }
}

/** Only `invalid_grant` of the token endpoint ends a session, whoever else says 4xx (RFC 6749 section 5.2). */
function judge(answer: IssuerAnswer, { sessionId, user, refreshToken }: StoredSession): RefreshVerdict {
  const tokens = answer.status === 200 ? readTokens(answer.document) : undefined
  // A server may go on with the refresh token that it has given (RFC 6749 section 6).
  if (tokens !== undefined)
    return { kind: 'renewed', reply: { ...tokens, sessionId, user, refreshToken: tokens.refreshToken ?? refreshToken } }
  const failure = failureOf(answer)
  return failure.status === 400 && failure.error === 'invalid_grant' && failure.kind !== 'superseded'
    ? { kind: 'ended', reason: failure.reason ?? failure.error }
    : { kind: 'failed', failure }
}

/** Reads a reply of the token endpoint; undefined when it is none. */
export function readTokens(document: unknown): Omit<TokenReply, 'sessionId' | 'user'> | undefined {
  if (!isRecord(document)) return undefined
  const { access_token, token_type, refresh_token, expires_in, refresh_in } = document
  if (typeof access_token !== 'string' || typeof token_type !== 'string' || token_type.toLowerCase() !== 'bearer')
    return undefined
  const expiresIn = typeof expires_in === 'number' ? expires_in : assumedLifetime
  return {
    accessToken: access_token,
    refreshToken: typeof refresh_token === 'string' ? refresh_token : undefined,
    expiresIn,
    refreshIn: typeof refresh_in === 'number' ? Math.min(refresh_in, expiresIn) : expiresIn * freshShare,
  }
}

/** What an id token has to say to be the answer to a request. */
export interface IdTokenExpectation {
  readonly issuer: string
  readonly clientId: string
  readonly nonce: string
  /** The server's clock, in milliseconds, where it is known. */
  readonly serverTime: number | undefined
}

/**
 * Reads who signed in off the id token. It came from the token endpoint over TLS, so its signature need not be checked
 * (OpenID Connect Core section 3.1.3.7, item 6); everything else is.
 *
 * @returns undefined when it is not the answer to this request
 */
export function readIdToken(document: unknown, expected: IdTokenExpectation): UserDocument | undefined {
  const token = isRecord(document) ? document['id_token'] : undefined
  const claims = typeof token === 'string' ? decodePayload(token) : undefined
  if (claims === undefined) return undefined
  const { iss, aud, azp, exp, sub, nonce, preferred_username, email, roles } = claims
  const audience = [aud].flat()
  if (iss !== expected.issuer || nonce !== expected.nonce || !audience.includes(expected.clientId)) return undefined
  if ((audience.length > 1 || azp !== undefined) && azp !== expected.clientId) return undefined
  if (typeof sub !== 'string' || typeof exp !== 'number') return undefined
  if (expected.serverTime !== undefined && exp * 1000 <= expected.serverTime) return undefined
  const username = [preferred_username, email].find((name) => typeof name === 'string')
  return {
    id: sub,
    username: typeof username === 'string' ? username : sub,
    roles: Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [],
  }
}

function decodePayload(token: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'))
    const claims: unknown = JSON.parse(
      new TextDecoder().decode(Uint8Array.from(text, (character) => character.charCodeAt(0))),
    )
    return isRecord(claims) ? claims : undefined
  } catch {
    return undefined
  }
}
