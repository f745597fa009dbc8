import { type EnvironmentOptions, readEnvironment } from '../environment.ts'
import { type ApiRoute, type MatchRoute, matchRoutes } from './api-routes.ts'
import type { BffClient } from './issuer-tokens.ts'
import type { SessionKeepingChoice } from './session-keeping.ts'

/** What a BFF is told. */
export interface BffOptions {
  /** URL of the Pawl server. */
  readonly issuer: string | URL
  /** The origin under which browsers reach the application. Nothing is inferred from `Host`. */
  readonly origin: string | URL
  /** How sessions are kept: `memorySessions()`, `sqliteSessions(file)`, `storedSessions(store)`, `sealedSessions(secrets)`. */
  readonly sessions: SessionKeepingChoice
  /**
   * The application as a confidential client of the issuer. With it, users sign in at the issuer's own page; the redirect
   * URI to be registered is `<origin><basePath>/callback`.
   */
  readonly client?: BffClient & {
    /** What is asked for at the sign-in. Default: what the issuer grants when nothing is asked for. */
    readonly scope?: readonly string[]
    /** APIs that the tokens shall be for (RFC 8707). */
    readonly resources?: readonly string[]
  }
  /** Whether users may sign in with a password, at `POST <basePath>/auth/login`. Default: if there is no `client`. */
  readonly passwords?: boolean
  /** What browsers may reach, with the access token added. Default: nothing. */
  readonly routes?: readonly ApiRoute[]
  /** Path below which the BFF answers. Default `/bff`. */
  readonly basePath?: string
  /**
   * Of the session cookie. Default `Strict`. `Lax` where pages are rendered with the session and people come to them by links
   * from elsewhere.
   */
  readonly sameSite?: 'Strict' | 'Lax'
  /** A header that every request but sign-in navigations must carry, in addition to the cross-site rule. Default none. */
  readonly requiredHeader?: string
  /** Default `globalThis.fetch`. */
  readonly fetch?: typeof globalThis.fetch
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number
  /** A signal that fires, with a `TimeoutError`, after that many milliseconds. Default `AbortSignal.timeout`. */
  readonly timeout?: (milliseconds: number) => AbortSignal
  /** That many unguessable bytes. Default `crypto.getRandomValues`. */
  readonly random?: (bytes: number) => Uint8Array
}

/** Options with every default filled in. */
export interface BffSettings {
  readonly issuer: string
  readonly origin: string
  readonly base: string
  readonly client: BffOptions['client']
  readonly passwords: boolean
  readonly matchRoute: MatchRoute
  readonly sameSite: 'Strict' | 'Lax'
  readonly requiredHeader: string | undefined
  readonly fetch: typeof globalThis.fetch
  readonly now: () => number
  readonly timeout: (milliseconds: number) => AbortSignal
  readonly random: (bytes: number) => Uint8Array
}

/**
 * Fills in the defaults.
 *
 * @throws TypeError naming the option that cannot be right
 */
export function readBffOptions(options: BffOptions): BffSettings {
  const { basePath = '/bff', client, routes = [], sameSite = 'Strict', requiredHeader } = options
  const { issuer, fetch, now, timeout, random } = readEnvironment(environmentOf(options))
  if (!URL.canParse(options.origin)) throw new TypeError('origin has to be an absolute URL')
  const { origin, protocol, href } = new URL(options.origin)
  if ((protocol !== 'https:' && protocol !== 'http:') || href !== `${origin}/`) {
    throw new TypeError('origin has to be the scheme, host and port of the application, and nothing more')
  }
  if (!/^(\/[A-Za-z0-9._~-]+)+$/.test(basePath) || basePath.split('/').includes('..')) {
    throw new TypeError('basePath has to be a plain path such as /bff')
  }
  if (client !== undefined && (client.id === '' || client.secret === '')) {
    throw new TypeError('client has to have an id and a secret')
  }
  return {
    issuer,
    origin,
    base: basePath,
    client,
    passwords: options.passwords ?? client === undefined,
    matchRoute: matchRoutes(routes),
    sameSite,
    requiredHeader,
    fetch,
    now,
    timeout,
    random,
  }
}

/** As much of the options as every client takes. */
function environmentOf({ issuer, fetch, now, timeout, random }: BffOptions): EnvironmentOptions {
  return {
    issuer,
    ...(fetch !== undefined && { fetch }),
    ...(now !== undefined && { now }),
    ...(timeout !== undefined && { timeout }),
    ...(random !== undefined && { random }),
  }
}
