import type { AttemptStore } from './attempt-ids.ts'
import { indexedDbAttempts } from './indexed-db-attempts.ts'
import type { CookieAccess } from './state-cookie.ts'

/** What a client can be told. All fields are optional in a page that the issuer itself serves. */
export interface ClientOptions {
  /** URL of the Pawl server. Default: the page's own origin. */
  readonly issuer?: string | URL
  /** As which of the server's own clients to sign in. Default: the server's built-in one. */
  readonly clientId?: string
  /**
   * Where the access token lives. `cookie` (default): in an HttpOnly cookie, for APIs on the issuer's own host. `memory`:
   * in this page's memory, sent as `Authorization: Bearer` to the allowed origins and nowhere else. The refresh token is
   * in an HttpOnly cookie either way, and no script ever sees it.
   */
  readonly access?: 'cookie' | 'memory'
  /** Origins whose requests may carry the access token and cause a refresh. Default: the issuer's origin alone. */
  readonly allowedOrigins?: readonly (string | URL)[]
  /** Default `globalThis.fetch`. */
  readonly fetch?: typeof globalThis.fetch
  /** Where attempt ids are kept, so that a lost reply can be fetched again. Default: IndexedDB, where there is one. */
  readonly attempts?: AttemptStore
  /** Default: `document.cookie`, in a page on the issuer's host. */
  readonly cookies?: CookieAccess
  /** Milliseconds that only move forward. Default `performance.now`; never the device's time of day. */
  readonly monotonic?: () => number
  /** A signal that fires, with a `TimeoutError`, after that many milliseconds. Default `AbortSignal.timeout`. */
  readonly timeout?: Timeout
  /** That many unguessable bytes. Default `crypto.getRandomValues`. */
  readonly random?: (bytes: number) => Uint8Array
}

/** Limits how long something may take: gives a signal that fires after that many milliseconds. */
type Timeout = (milliseconds: number) => AbortSignal

/** Options with every default filled in. */
export interface ClientSettings {
  /** Without trailing slash. */
  readonly issuer: string
  readonly clientId: string | undefined
  readonly access: 'cookie' | 'memory'
  readonly allowedOrigins: ReadonlySet<string>
  readonly fetch: typeof globalThis.fetch
  readonly attempts: AttemptStore | undefined
  readonly cookies: CookieAccess | undefined
  readonly monotonic: () => number
  readonly timeout: Timeout
  readonly random: (bytes: number) => Uint8Array
  readonly baseUrl: () => string
  readonly credentials: RequestInit['credentials']
}

/** As much of a page as is used here. */
declare const document: { cookie: string; readonly baseURI: string } | undefined
declare const location: { readonly href: string; readonly origin: string; readonly hostname: string } | undefined

/**
 * Fills in the defaults.
 *
 * @throws TypeError naming the option that cannot be right
 */
export function readOptions(options: ClientOptions): ClientSettings {
  const page = typeof location === 'undefined' ? undefined : location
  const given = options.issuer ?? page?.origin
  if (given === undefined) throw new TypeError('issuer has to be given outside of a page')
  const issuer = readUrl('issuer', given)
  if (issuer.search !== '' || issuer.hash !== '' || issuer.username !== '' || issuer.password !== '') {
    throw new TypeError('issuer may not have a query, a fragment or credentials')
  }
  const { access = 'cookie' } = options
  const address = issuer.href.replace(/\/$/, '')
  // A function of the page must be called as one of the page's.
  const fetch: typeof globalThis.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  return {
    issuer: address,
    clientId: options.clientId,
    access,
    allowedOrigins: new Set(options.allowedOrigins?.map(readOrigin) ?? [issuer.origin]),
    fetch,
    attempts: options.attempts ?? indexedDbAttempts(`pawl ${address}`),
    // Cookies know hosts, not ports: only a page on the issuer's own host can read its cookies.
    cookies: options.cookies ?? (page?.hostname === issuer.hostname ? pageCookies() : undefined),
    monotonic: options.monotonic ?? (() => performance.now()),
    timeout: options.timeout ?? ((milliseconds) => AbortSignal.timeout(milliseconds)),
    random: options.random ?? ((bytes) => crypto.getRandomValues(new Uint8Array(bytes))),
    baseUrl: () => (typeof document === 'undefined' ? (page?.href ?? address) : document.baseURI),
    credentials: access === 'cookie' ? 'include' : undefined,
  }
}

function pageCookies(): CookieAccess | undefined {
  if (typeof document === 'undefined') return undefined
  const page = document
  return {
    read: () => page.cookie,
    write: (cookie) => {
      page.cookie = cookie
    },
  }
}

function readOrigin(origin: string | URL): string {
  return readUrl('allowedOrigins', origin).origin
}

function readUrl(name: string, text: string | URL): URL {
  if (!URL.canParse(text)) throw new TypeError(`${name} has to be an absolute URL`)
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TypeError(`${name} has to be an https URL`)
  return url
}
