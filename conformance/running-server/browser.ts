import { type Cookie, CookieJar } from 'tough-cookie'
import type { Reply, RequestLine } from './http-request.ts'
import type { StartedServer } from './started-server.ts'

/** A browser on a page of the issuer's own origin: one cookie jar, and the headers that browsers add. */
export interface Browser {
  readonly send: (path: string, request?: RequestLine) => Promise<Reply>
  readonly jar: CookieJar
  /** Cookies that go with a request to a path below the issuer. */
  readonly cookiesFor: (path: string) => Promise<readonly Cookie[]>
  /** One of our cookies by name; undefined when the jar holds none. */
  readonly cookie: (name: string) => Promise<Cookie | undefined>
}

/** Opens a browser. Headers of a request win over those that the browser adds. */
export function openBrowser(server: Pick<StartedServer, 'send' | 'issuer'>): Browser {
  const jar = new CookieJar()
  const origin = new URL(server.issuer).origin
  return {
    jar,
    send: async (path, request = {}) => {
      const url = server.issuer + path
      const cookies = await jar.getCookieString(url)
      const reply = await server.send(path, {
        ...request,
        headers: {
          'sec-fetch-site': 'same-origin',
          ...(request.method !== 'GET' && { origin }),
          ...(cookies !== '' && { cookie: cookies }),
          ...request.headers,
        },
      })
      for (const line of reply.setCookies) await jar.setCookie(line, url)
      return reply
    },
    cookiesFor: (path) => jar.getCookies(server.issuer + path),
    cookie: async (name) =>
      (await jar.getCookies(`${server.issuer}/auth/refresh`)).find((cookie) => cookie.key === name),
  }
}
