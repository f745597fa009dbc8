import 'fake-indexeddb/auto'
import { type Client, type ClientOptions, createClient } from '@pawl/client'
import { type Cookie, CookieJar } from 'tough-cookie'
import { onTestFinished } from 'vitest'
import { issuer, type StartedIssuer } from './started-issuer.ts'

/** What stands between a page and the server. Answers, delays, loses or lets through. */
export type Network = (request: Request, proceed: () => Promise<Response>) => Promise<Response>

/** A browser: cookies that all its tabs share, and a network that can be made to fail. */
export interface Browser {
  readonly jar: CookieJar
  /** Every request that a page sent, as `METHOD /path`, in order. */
  readonly sent: string[]
  /** Replaced to inject faults. */
  network: Network
  /** Opens a tab at the issuer's origin with a client of its own. */
  readonly openTab: (options?: ClientOptions) => Tab
  /** All cookies, also those that no script can read. */
  readonly cookies: () => readonly Cookie[]
  /** What `document.cookie` shows. */
  readonly readableCookies: () => string
}

/** A tab with a page in it. */
export interface Tab {
  readonly client: Client
  /** Moves the page's monotonic clock, and nothing else. */
  readonly passTime: (seconds: number) => void
}

/** The network as it should be. */
export const sound: Network = (_request, proceed) => proceed()

/** Opens a browser with an empty jar. */
export function openBrowser(server: StartedIssuer): Browser {
  const jar = new CookieJar()
  const sent: string[] = []
  const browser: Browser = {
    jar,
    sent,
    network: sound,
    cookies: () => jar.getCookiesSync(`${issuer}/auth/refresh`),
    readableCookies: () => jar.getCookieStringSync(`${issuer}/`, { http: false }),
    openTab: (options = {}) => {
      let now = 1_000_000
      const client = createClient({
        issuer,
        fetch: send,
        cookies: {
          read: browser.readableCookies,
          write: (cookie) => void jar.setCookieSync(cookie, `${issuer}/`, { http: false }),
        },
        monotonic: () => now,
        ...options,
      })
      onTestFinished(client.dispose)
      return {
        client,
        passTime: (seconds) => {
          now += seconds * 1000
        },
      }
    },
  }

  /** `fetch` as a page at the issuer's origin has it. */
  async function send(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init)
    const { origin, pathname } = new URL(request.url)
    sent.push(`${request.method} ${pathname}`)
    request.headers.set('Sec-Fetch-Site', origin === issuer ? 'same-origin' : 'cross-site')
    if (origin === issuer && request.credentials !== 'omit') {
      request.headers.set('Cookie', jar.getCookieStringSync(request.url))
    }
    const response = await browser.network(request, () => server.answer(request))
    // A browser that gave up waiting throws the reply away, cookies and all.
    request.signal.throwIfAborted()
    for (const line of response.headers.getSetCookie()) jar.setCookieSync(line, request.url, { ignoreError: true })
    const headers = new Headers(response.headers)
    headers.delete('Set-Cookie')
    return new Response(response.body, { status: response.status, headers })
  }

  return browser
}

/** How often a page asked for a path. */
export function countSent(browser: Browser, line: string): number {
  return browser.sent.filter((sent) => sent === line).length
}

/** Resolves as soon as it is so. The test's own time is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate)
}
