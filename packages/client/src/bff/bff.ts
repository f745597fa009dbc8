import type { UserDocument } from '@pawl/protocol'
import type { SignedOutReason } from '../session.ts'
import type { TransientFailure } from '../transient-failure.ts'
import { createBffAnswer } from './bff-answer.ts'
import { bffCookies } from './bff-cookies.ts'
import { type BffOptions, readBffOptions } from './bff-options.ts'
import { createAskEndpoint } from './issuer-endpoints.ts'
import { createIssuerTokens } from './issuer-tokens.ts'
import { type BffStanding, createSessionRenewal, type PeekStanding } from './session-renewal.ts'

export type { ApiRoute } from './api-routes.ts'
export type { BffOptions } from './bff-options.ts'
export type { BffClient } from './issuer-tokens.ts'
export type { SessionKeeping, SessionKeepingChoice } from './session-keeping.ts'

/** A backend for a frontend: keeps the tokens of browsers on the application's own server. */
export interface Bff {
  /** Answers every request below the base path. Never rejects; what lies elsewhere is 404. */
  readonly fetch: (request: Request) => Promise<Response>
  /**
   * For code of the application's server whose answer can set cookies: a good access token, renewed if it is due.
   *
   * @param cookie the `Cookie` header of the browser's request
   */
  readonly renew: (cookie: string | null) => Promise<BffRenewal>
  /**
   * For code whose answer cannot set cookies, and for prefetches: an access token, without moving the session.
   *
   * @param cookie the `Cookie` header of the browser's request
   */
  readonly peek: (cookie: string | null) => Promise<BffAccess>
  /**
   * Whether the browser has a session whose access token has expired. Asks nobody but the keeping of sessions.
   *
   * @param cookie the `Cookie` header of the browser's request
   */
  readonly isExpired: (cookie: string | null) => Promise<boolean>
  /**
   * A whole URL below the base path that renews the session, sets its cookies and sends the browser back.
   *
   * @param returnTo a path of the application; anything else leads to `/`
   */
  readonly renewalAddress: (returnTo: string) => string
}

/** Whether code of the application's server may act for the user now, told apart by `status`. */
export type BffAccess =
  | { readonly status: 'active'; readonly accessToken: string; readonly user: UserDocument; readonly sessionId: string }
  /** The issuer could not be asked. The session may well live. */
  | { readonly status: 'stale'; readonly cause: TransientFailure }
  /** The session has to be renewed first, in an answer that can set cookies. */
  | { readonly status: 'rotation-required' }
  | { readonly status: 'signed-out'; readonly reason: SignedOutReason }

/** What a renewal came to, and what has to be done with it. */
export interface BffRenewal {
  readonly access: BffAccess
  /** `Set-Cookie` lines for the answer to the browser; often none. */
  readonly setCookies: readonly string[]
  /** The `Cookie` header for code that still works on this request. */
  readonly cookie: string | null
}

/**
 * Makes a BFF.
 *
 * @throws TypeError if the options cannot be right; the message names the option
 * @example
 * const bff = createBff({
 *   issuer: 'https://id.example',
 *   origin: 'https://app.example',
 *   sessions: memorySessions(),
 *   routes: [{ path: '/api/', to: 'https://api.example/', methods: ['GET', 'POST'] }],
 * })
 */
export function createBff(options: BffOptions): Bff {
  const settings = readBffOptions(options)
  const { now, client, origin, sameSite } = settings
  const cookies = bffCookies(origin.startsWith('https:'), sameSite)
  const tokens = createIssuerTokens(createAskEndpoint(settings), client, now)
  const keeping = options.sessions(settings)
  const renewal = createSessionRenewal({ keeping, tokens, now })
  return {
    fetch: createBffAnswer({ ...settings, cookies, tokens, keeping, renewal }),
    renew: async (cookie) => {
      const standing = await renewal.renew(cookies.readSession(cookie))
      const access = accessOf(standing)
      if (standing.kind !== 'live') return { access, setCookies: [], cookie }
      const setCookies = cookies.forSession(cookie, standing.value, standing.session, now())
      return { access, setCookies, cookie: cookies.withSession(cookie, standing.value) }
    },
    peek: async (cookie) => accessOf(await renewal.peek(cookies.readSession(cookie))),
    isExpired: async (cookie) => {
      const shown = cookies.readSession(cookie)
      const session = shown === undefined ? undefined : await keeping.find(shown).catch(() => undefined)
      return session?.kind === 'live' && session.endsAt > now() && session.expiresAt <= now()
    },
    renewalAddress: (returnTo) => `${origin}${settings.base}/renew?return_to=${encodeURIComponent(returnTo)}`,
  }
}

function accessOf(standing: BffStanding | PeekStanding): BffAccess {
  switch (standing.kind) {
    case 'live':
    case 'peeked': {
      const { accessToken, user, sessionId } = standing.session
      return { status: 'active', accessToken, user, sessionId }
    }
    case 'failed':
      return { status: 'stale', cause: standing.failure }
    case 'rotation-required':
      return { status: 'rotation-required' }
    case 'ended':
      return { status: 'signed-out', reason: standing.reason }
    case 'none':
      return { status: 'signed-out', reason: 'not_signed_in' }
  }
}
