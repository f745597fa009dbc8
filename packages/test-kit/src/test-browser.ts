import { type Client, type ClientOptions, createClient } from '@pawl/client'
import { type CookieJar, createCookieJar, type TestCookie } from './cookie-jar.ts'
import { memoryAttempts } from './memory-attempts.ts'
import type { Random } from './seeded-random.ts'
import type { TestClock } from './test-clock.ts'

/** How a client of a test behaves; the rest of its options is the kit's to set. */
export type TestClientOptions = Pick<ClientOptions, 'access' | 'allowedOrigins' | 'attempts'>

/** A real client of `@pawl/client`, and the browser that it runs in. */
export interface TestClient extends Client {
  readonly browser: TestBrowser
}

/** A browser: cookies and attempt ids that all its tabs share. Its pages are on the issuer's origin. */
export interface TestBrowser {
  /** Opens a tab with a client of its own. Nobody signs in by that. */
  readonly openTab: (options?: TestClientOptions) => TestClient
  /** `fetch` as a page has it, cookies included. */
  readonly fetch: typeof globalThis.fetch
  /** All cookies that have not expired, also those that no script can read. */
  readonly cookies: () => readonly TestCookie[]
  readonly clearCookies: () => void
}

/** What browsers are made of. */
export interface BrowserParts {
  /** URL without trailing slash. */
  readonly issuer: string
  readonly fetch: typeof globalThis.fetch
  readonly clock: TestClock
  readonly random: Random
}

/** Opens a browser with an empty jar. */
export function openBrowser(parts: BrowserParts): TestBrowser {
  const { issuer, clock, random } = parts
  const page = new URL(`${issuer}/`)
  const jar = createCookieJar(clock.now)
  const attempts = memoryAttempts()
  const fetch = fetchOfPage(parts.fetch, page, jar)
  const browser: TestBrowser = {
    openTab: (options = {}) => {
      const client = createClient({
        attempts,
        ...options,
        issuer,
        fetch,
        cookies: {
          read: () => jar.header(page, 'script'),
          write: (line) => jar.set(line, page, 'script'),
        },
        monotonic: clock.now,
        timeout: clock.timeout,
        random,
      })
      return { ...client, browser }
    },
    fetch,
    cookies: jar.all,
    clearCookies: jar.clear,
  }
  return browser
}

/** Adds to `fetch` what a browser does: cookies both ways, and the headers that say where a request comes from. */
function fetchOfPage(fetch: typeof globalThis.fetch, page: URL, jar: CookieJar): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input instanceof Request ? input : new URL(input, page), init)
    const url = new URL(request.url)
    const sameOrigin = url.origin === page.origin
    const withCookies = request.credentials === 'include' || (sameOrigin && request.credentials !== 'omit')
    request.headers.set('Sec-Fetch-Site', sameOrigin ? 'same-origin' : 'cross-site')
    if (!sameOrigin || !['GET', 'HEAD'].includes(request.method)) request.headers.set('Origin', page.origin)
    const cookies = withCookies && url.hostname === page.hostname ? jar.header(url, 'reply') : ''
    if (cookies !== '') request.headers.set('Cookie', cookies)
    const signal = init?.signal ?? request.signal
    const reply = await fetch(request, { signal })
    // A browser that gave up waiting throws the reply away, cookies and all.
    signal.throwIfAborted()
    if (withCookies) for (const line of reply.headers.getSetCookie()) jar.set(line, url, 'reply')
    const headers = new Headers(reply.headers)
    headers.delete('Set-Cookie')
    return new Response(reply.body, { status: reply.status, statusText: reply.statusText, headers })
  }
}
