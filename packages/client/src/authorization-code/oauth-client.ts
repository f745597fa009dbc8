import { type EnvironmentOptions, readEnvironment } from '../environment.ts'
import { failureOf } from '../error-classification.ts'
import type { ActiveSession } from '../session.ts'
import type { AnsweredSignIn, RefusedSignIn } from '../sign-in.ts'
import { holdStoredSession } from '../stored-tokens/stored-session-client.ts'
import type { StoredTokensClient } from '../stored-tokens/token-client.ts'
import type { TokenStore } from '../stored-tokens/token-store.ts'
import type { TransientFailure } from '../transient-failure.ts'
import type { WebStorage } from '../web-storage.ts'
import { codeTokenIssuer, reachTokenEndpoint, readIdToken, readTokens } from './code-tokens.ts'
import type { ServerMetadata } from './discovery.ts'
import { keepRequests, memoryStorage, type PendingRequest } from './pending-request.ts'

/** What a client that signs in by redirection can be told. */
export interface OAuthClientOptions extends EnvironmentOptions {
  /** As registered at the server; a public client. */
  readonly clientId: string
  /** Where the server sends the browser back to, exactly as registered. */
  readonly redirectUri: string | URL
  /** Where the tokens are kept. */
  readonly store: TokenStore
  /** What to ask for, separated by spaces. `openid` is always asked for. Default `openid`. */
  readonly scope?: string
  /** The APIs that the access token is for (RFC 8707). Default: what the server thinks fit. */
  readonly resource?: string
  /**
   * Where the request is remembered until the browser comes back. Default: `sessionStorage`, so that the tab that left is
   * the one that can come back; outside of a page the memory of this client.
   */
  readonly pending?: WebStorage
  /** Takes the browser somewhere else. Default: `location.assign`; outside of a page nothing, and the caller opens the URL. */
  readonly navigate?: (url: string) => void
}

/** Wishes of one sign-in. */
export interface SignInRequest {
  /** Comes back with the outcome: where the user wanted to go, say. Not sent anywhere. */
  readonly returnTo?: string
  /** Further parameters of the authorization request, such as `prompt` or `login_hint`. */
  readonly parameters?: Readonly<Record<string, string>>
}

/** Whether the browser is on its way to the server. */
export type SignInStart =
  | { readonly ok: true; readonly url: string }
  | { readonly ok: false; readonly cause: TransientFailure }

/**
 * What came of a sign-in by redirection. Beside the server's own words `code` may be
 * - `unknown_state`: this browser did not begin it, or has finished it already
 * - `wrong_issuer`: another server answered (RFC 9207)
 * - `invalid_id_token`: the answer belongs to another request, client or server
 */
export type FinishedSignIn =
  | { readonly ok: true; readonly session: ActiveSession; readonly returnTo: string | undefined }
  | RefusedSignIn

/** A client that signs in by redirection, with authorization code and PKCE. */
export interface OAuthClient extends StoredTokensClient {
  /** Begins a sign-in: takes the browser to the server. Takes at most 10 seconds. */
  readonly signIn: (request?: SignInRequest) => Promise<SignInStart>
  /**
   * Finishes a sign-in on the page that the server sent the browser back to. Called again with the same URL, as React's
   * StrictMode does, it gives the same outcome without another request. The code is taken out of the address bar.
   * Takes at most 40 seconds and does not reject.
   *
   * @param url default: the page's own
   */
  readonly finish: (url?: string | URL) => Promise<FinishedSignIn>
}

const longestMilliseconds = 10_000
const longestExchangeMilliseconds = 30_000

/** As much of a page as is used here. */
declare const location: { readonly href: string; assign(url: string): void } | undefined
declare const history: { readonly state: unknown; replaceState(state: unknown, unused: string, url: string): void }
declare const sessionStorage: WebStorage

/**
 * Makes a client that signs in by redirection (RFC 9700): `state`, PKCE with S256, `iss` and `nonce` are made for each
 * request and checked when the browser comes back, before anything that the answer says is used.
 *
 * @throws TypeError if the options cannot be right; the message names the option
 */
export function createOAuthClient(options: OAuthClientOptions): OAuthClient {
  const environment = readEnvironment(options)
  const { timeout, random } = environment
  const { clientId, resource, store } = options
  const redirectUri = String(options.redirectUri)
  if (!URL.canParse(redirectUri)) throw new TypeError('redirectUri has to be an absolute URL')
  const scope = [...new Set(['openid', ...(options.scope ?? '').split(' ')])].join(' ').trim()
  const page = typeof location === 'undefined' ? undefined : location
  const pending = keepRequests(options.pending ?? (page === undefined ? memoryStorage() : sessionStorage))
  const endpoint = reachTokenEndpoint(environment, clientId)
  const { begin, client } = holdStoredSession(environment, store, codeTokenIssuer(environment, clientId, endpoint))
  const finished = new Map<string, Promise<FinishedSignIn>>()
  const secret = () => base64url(random(32))

  async function signIn({ returnTo, parameters }: SignInRequest = {}): Promise<SignInStart> {
    const server = await endpoint.discover(timeout(longestMilliseconds))
    if ('kind' in server) return { ok: false, cause: server }
    const [state, nonce, verifier] = [secret(), secret(), secret()]
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
    const url = new URL(server.authorizationEndpoint)
    const request = {
      ...parameters,
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      scope,
      ...(resource !== undefined && { resource }),
      state,
      nonce,
      code_challenge: base64url(new Uint8Array(digest)),
      code_challenge_method: 'S256',
    }
    for (const [name, value] of Object.entries(request)) url.searchParams.set(name, value)
    pending.keep(state, { verifier, nonce, issuer: server.issuer, returnTo })
    if (options.navigate !== undefined) options.navigate(url.href)
    else page?.assign(url.href)
    return { ok: true, url: url.href }
  }

  /** Trades the code in, if the answer is one to this request. Until then nothing of what is under way is disturbed. */
  async function exchange(answer: URLSearchParams, request: PendingRequest): Promise<FinishedSignIn> {
    const server = await endpoint.discover(timeout(longestMilliseconds))
    if ('kind' in server) return { ok: false, code: 'unavailable', cause: server }
    const code = readCode(answer, request, server)
    if (typeof code !== 'string') return code
    const outcome = await begin((signal) => redeem(code, request, { server, signal }))
    return outcome.ok ? { ...outcome, returnTo: request.returnTo } : outcome
  }

  async function redeem(
    code: string,
    { verifier, nonce }: PendingRequest,
    { server, signal }: { readonly server: ServerMetadata; readonly signal: AbortSignal },
  ): Promise<AnsweredSignIn> {
    const parameters = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      ...(resource !== undefined && { resource }),
    }
    const limit = AbortSignal.any([signal, timeout(longestExchangeMilliseconds)])
    const reply = await endpoint.ask(server, parameters, limit)
    if (signal.aborted) return { ok: false, code: 'unavailable', cause: { kind: 'cancelled' } }
    const tokens = reply.status === 200 ? readTokens(reply.document) : undefined
    if (tokens === undefined) {
      const cause = failureOf(reply)
      const refusal = reply.status >= 500 ? undefined : cause.error
      return refusal === undefined ? { ok: false, code: 'unavailable', cause } : refused(refusal)
    }
    const { serverTime } = reply
    const user = readIdToken(reply.document, { issuer: server.issuer, clientId, nonce, serverTime })
    if (user === undefined) return refused('invalid_id_token')
    return { ok: true, reply: { ...tokens, user, sessionId: base64url(random(16)) }, serverTime }
  }

  return {
    ...client,
    signIn,
    finish: (given) => {
      const url = new URL(given ?? page?.href ?? redirectUri)
      const state = url.searchParams.get('state') ?? ''
      // Not to be found in the history, nor sent on as a referrer.
      if (given === undefined && page !== undefined && state !== '')
        history.replaceState(history.state, '', url.pathname + withoutAnswer(url.searchParams))
      const before = finished.get(state)
      if (before !== undefined) return before
      const request = pending.take(state)
      const outcome =
        request === undefined ? Promise.resolve(refused('unknown_state')) : exchange(url.searchParams, request)
      if (request !== undefined) finished.set(state, outcome)
      return outcome
    },
  }
}

/** Before anything else of the answer is believed or shown: whose is it? (RFC 9207 section 2.4, standards AZ-C3) */
function readCode(answer: URLSearchParams, request: PendingRequest, server: ServerMetadata): string | RefusedSignIn {
  const named = answer.getAll('iss')
  const isNamed = named.length === 1 && named[0] === server.issuer
  const mayBeUnnamed = named.length === 0 && !server.namesItself
  if (server.issuer !== request.issuer || (!isNamed && !mayBeUnnamed)) return refused('wrong_issuer')
  const error = answer.get('error')
  return error === null ? (answer.get('code') ?? refused('invalid_response')) : refused(error)
}

function refused(code: string): RefusedSignIn {
  return { ok: false, code }
}

/** The application's own part of the query. */
function withoutAnswer(parameters: URLSearchParams): string {
  const kept = new URLSearchParams(parameters)
  for (const name of ['code', 'state', 'iss', 'session_state', 'error', 'error_description', 'error_uri'])
    kept.delete(name)
  return kept.size === 0 ? '' : `?${kept}`
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
