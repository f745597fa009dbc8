/** What every client can be told, however it holds its session. */
export interface EnvironmentOptions {
  /** URL of the Pawl server. Default: the page's own origin. */
  readonly issuer?: string | URL
  /** As which of the server's own clients to sign in. Default: the server's built-in one. */
  readonly clientId?: string
  /** Origins whose requests may carry the access token and cause a refresh. Default: the issuer's origin alone. */
  readonly allowedOrigins?: readonly (string | URL)[]
  /** Default `globalThis.fetch`. */
  readonly fetch?: typeof globalThis.fetch
  /**
   * Milliseconds that only move forward. Default: `performance.now`, and what the time of day is ahead of it after the
   * device has slept. The time of day itself is never asked whether a token is still good.
   */
  readonly monotonic?: () => number
  /**
   * The device's time of day in milliseconds since 1970. It tells only how old a stored access token is, and a wrong one
   * costs a refresh. Default `Date.now`.
   */
  readonly now?: () => number
  /** A signal that fires, with a `TimeoutError`, after that many milliseconds. Default `AbortSignal.timeout`. */
  readonly timeout?: Timeout
  /** That many unguessable bytes. Default `crypto.getRandomValues`. */
  readonly random?: (bytes: number) => Uint8Array
  /** Whether there is a network: without one nothing is refreshed. Default `navigator.onLine`, where there is that. */
  readonly online?: () => boolean
}

/** Limits how long something may take: gives a signal that fires after that many milliseconds. */
export type Timeout = (milliseconds: number) => AbortSignal

/** {@link EnvironmentOptions} with every default filled in. */
export interface Environment {
  /** Without trailing slash. */
  readonly issuer: string
  readonly issuerUrl: URL
  readonly clientId: string | undefined
  readonly allowedOrigins: ReadonlySet<string>
  readonly fetch: typeof globalThis.fetch
  readonly monotonic: () => number
  readonly now: () => number
  readonly timeout: Timeout
  readonly random: (bytes: number) => Uint8Array
  readonly online: () => boolean
  /** Whether anybody may be looking: what is hidden renews nothing before it must (T20.3). */
  readonly visible: () => boolean
  /** What relative URLs are relative to, right now. */
  readonly baseUrl: () => string
}

/** As much of a page as is used here. */
declare const document: { readonly baseURI: string; readonly visibilityState: string } | undefined
declare const location: { readonly href: string; readonly origin: string } | undefined
declare const navigator: { readonly onLine?: boolean } | undefined

/**
 * Fills in the defaults.
 *
 * @throws TypeError naming the option that cannot be right
 */
export function readEnvironment(options: EnvironmentOptions): Environment {
  const page = typeof location === 'undefined' ? undefined : location
  const given = options.issuer ?? page?.origin
  if (given === undefined) throw new TypeError('issuer has to be given outside of a page')
  const issuerUrl = readUrl('issuer', given)
  if (issuerUrl.href !== issuerUrl.origin + issuerUrl.pathname)
    throw new TypeError('issuer may not have a query, a fragment or credentials')
  const issuer = issuerUrl.href.replace(/\/$/, '')
  return {
    issuer,
    issuerUrl,
    clientId: options.clientId,
    allowedOrigins: new Set(
      options.allowedOrigins?.map((origin) => readUrl('allowedOrigins', origin).origin) ?? [issuerUrl.origin],
    ),
    // A function of the page must be called as one of the page's.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    monotonic: options.monotonic ?? forwardClock(),
    now: options.now ?? (() => Date.now()),
    timeout: options.timeout ?? ((milliseconds) => AbortSignal.timeout(milliseconds)),
    random: options.random ?? ((bytes) => crypto.getRandomValues(new Uint8Array(bytes))),
    online: options.online ?? (() => typeof navigator === 'undefined' || navigator.onLine !== false),
    visible: () => typeof document === 'undefined' || document.visibilityState !== 'hidden',
    baseUrl: () => (typeof document === 'undefined' ? (page?.href ?? issuer) : document.baseURI),
  }
}

/**
 * A clock that counts the device's sleep, through which `performance.now` stands still on some. A time of day that was set
 * forward counts as sleep, too, and costs one refresh; one that was set back counts for nothing (T20.1, T21.1).
 */
function forwardClock(): () => number {
  let [at, timeOfDay, now] = [performance.now(), Date.now(), 0]
  return () => {
    const [nextAt, nextTimeOfDay] = [performance.now(), Date.now()]
    now += Math.max(nextAt - at, nextTimeOfDay - timeOfDay)
    at = nextAt
    timeOfDay = nextTimeOfDay
    return now
  }
}

function readUrl(name: string, text: string | URL): URL {
  if (!/^https?:/i.test(String(text)) || !URL.canParse(text)) throw new TypeError(`${name} has to be an https URL`)
  return new URL(text)
}
