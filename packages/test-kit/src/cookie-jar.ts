/** A cookie in a jar. */
export interface TestCookie {
  readonly name: string
  readonly value: string
  /** Host that it is sent to. */
  readonly domain: string
  /** Whether it goes to that host alone, and not to those below it. */
  readonly hostOnly: boolean
  readonly path: string
  readonly secure: boolean
  readonly httpOnly: boolean
  /** Milliseconds since 1970; undefined: it goes when the browser is closed. */
  readonly expiresAt: number | undefined
}

/** The cookies of one browser, as far as RFC 6265 sections 5.3 and 5.4 matter here; they expire by the test clock. */
export interface CookieJar {
  /** Takes a `Set-Cookie` line of a reply from that URL, or of a script of that page. */
  readonly set: (line: string, url: URL, by: 'reply' | 'script') => void
  /** The cookies that go with a request to that URL, or that a script of that page may read, as `name=value; …`. */
  readonly header: (url: URL, by: 'reply' | 'script') => string
  readonly all: () => readonly TestCookie[]
  readonly clear: () => void
}

/** @param now milliseconds since 1970 */
export function createCookieJar(now: () => number): CookieJar {
  const cookies = new Map<string, TestCookie>()

  function sweep(): void {
    for (const [key, { expiresAt }] of cookies) {
      if (expiresAt !== undefined && expiresAt <= now()) cookies.delete(key)
    }
  }

  return {
    set: (line, url, by) => {
      sweep()
      const cookie = readCookie(line, url, now())
      if (cookie === undefined) return
      const key = [cookie.domain, cookie.path, cookie.name].join(' ')
      // A script neither makes nor overwrites what it may not read.
      if (by === 'script' && (cookie.httpOnly || cookies.get(key)?.httpOnly === true)) return
      cookies.set(key, cookie)
      sweep()
    },
    header: (url, by) => {
      sweep()
      return [...cookies.values()]
        .filter((cookie) => goesTo(cookie, url) && !(by === 'script' && cookie.httpOnly))
        .sort((one, other) => other.path.length - one.path.length)
        .map(({ name, value }) => `${name}=${value}`)
        .join('; ')
    },
    all: () => {
      sweep()
      return [...cookies.values()]
    },
    clear: () => cookies.clear(),
  }
}

/** Reads a `Set-Cookie` line; undefined for what a browser refuses. */
function readCookie(line: string, url: URL, now: number): TestCookie | undefined {
  const [pair = '', ...rest] = line.split(';').map((part) => part.trim())
  const equals = pair.indexOf('=')
  if (equals < 1) return undefined
  const attributes = new Map(rest.map(readAttribute))
  const name = pair.slice(0, equals)
  const secure = attributes.has('secure')
  const given = attributes.get('domain')?.replace(/^\./, '').toLowerCase() ?? ''
  const path = attributes.get('path') ?? ''
  const cookie: TestCookie = {
    name,
    value: pair.slice(equals + 1),
    domain: given === '' ? url.hostname : given,
    hostOnly: given === '',
    path: path.startsWith('/') ? path : url.pathname.slice(0, Math.max(1, url.pathname.lastIndexOf('/'))),
    secure,
    httpOnly: attributes.has('httponly'),
    expiresAt: expiryOf(attributes, now),
  }
  if (!isHostOf(url.hostname, cookie) || (secure && !isTrustworthy(url))) return undefined
  if (name.startsWith('__Secure-') && !secure) return undefined
  if (name.startsWith('__Host-') && !(secure && cookie.hostOnly && path === '/')) return undefined
  return cookie
}

function readAttribute(part: string): [string, string] {
  const [name = '', ...value] = part.split('=')
  return [name.trim().toLowerCase(), value.join('=').trim()]
}

/** `Max-Age` before `Expires` (RFC 6265 section 5.3, step 3). */
function expiryOf(attributes: ReadonlyMap<string, string>, now: number): number | undefined {
  const seconds = attributes.get('max-age') ?? ''
  if (/^-?\d+$/.test(seconds)) return now + Number(seconds) * 1_000
  const instant = Date.parse(attributes.get('expires') ?? '')
  return Number.isNaN(instant) ? undefined : instant
}

function goesTo(cookie: TestCookie, url: URL): boolean {
  const { path } = cookie
  const below = url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
  return below && isHostOf(url.hostname, cookie) && (!cookie.secure || isTrustworthy(url))
}

function isHostOf(hostname: string, { domain, hostOnly }: Pick<TestCookie, 'domain' | 'hostOnly'>): boolean {
  return hostname === domain || (!hostOnly && hostname.endsWith(`.${domain}`))
}

/** Where browsers keep a Secure cookie although the page is not https: on this machine. */
function isTrustworthy({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || hostname === 'localhost' || hostname.endsWith('.localhost')
}
