import type { Bff, BffAccess } from '../bff/bff.ts'
import { isPrefetch } from '../bff/prefetch.ts'

/** Acting for the user while pages are rendered on the application's server. */
export interface ServerRendering {
  /**
   * For code that runs before a page is rendered, such as the proxy of Next.js: when the access token has expired, an answer
   * that sends the browser to be renewed and back, before anybody renders or caches anything. Undefined: go on.
   *
   * Only a document that somebody asked for is worth it: prefetches, and what scripts fetch, go on as they are.
   */
  readonly renewFirst: (request: Pick<Request, 'method' | 'url' | 'headers'>) => Promise<Response | undefined>
  /**
   * For pages and layouts, whose answer can set no cookie: an access token, got without moving the session. All who ask in
   * one process with the same cookie share one request to the issuer.
   *
   * @param headers those of the browser's request
   */
  readonly access: (headers: Pick<Headers, 'get'>) => Promise<BffAccess>
  /**
   * For route handlers, whose answer can set cookies: the session is renewed if it is due, and its cookies go out with the
   * handler's answer. During a prefetch it is not moved.
   *
   * @param handler gets the user's access token, or the word that there is none
   */
  readonly answer: (
    request: Pick<Request, 'headers'>,
    handler: (access: BffAccess) => Response | Promise<Response>,
  ) => Promise<Response>
  /**
   * Where to send a browser whose page found `rotation-required`.
   *
   * @param returnTo the page's own path
   */
  readonly renewalAddress: (returnTo: string) => string
}

/** @param bff made by `createBff`, whose `fetch` answers below its base path */
export function createServerRendering(bff: Omit<Bff, 'fetch'>): ServerRendering {
  const { renewalAddress } = bff
  const cookieOf = (headers: Pick<Headers, 'get'>) => headers.get('Cookie')
  return {
    renewalAddress,
    access: (headers) => bff.peek(cookieOf(headers)),
    renewFirst: async ({ method, url, headers }) => {
      if (method !== 'GET' || isPrefetch(headers) || !asksForDocument(headers)) return undefined
      if (!(await bff.isExpired(cookieOf(headers)))) return undefined
      const { pathname, search } = new URL(url)
      // Not by way of the page itself: a cookie must never stand on an answer that a cache may keep (T14.3).
      const location = renewalAddress(pathname + search)
      return new Response(null, { status: 307, headers: { Location: location, 'Cache-Control': 'private, no-store' } })
    },
    answer: async ({ headers }, handler) => {
      const cookie = cookieOf(headers)
      if (isPrefetch(headers)) return handler(await bff.peek(cookie))
      const { access, setCookies } = await bff.renew(cookie)
      const answer = await handler(access)
      if (setCookies.length === 0) return answer
      const kept = new Headers(answer.headers)
      for (const line of setCookies) kept.append('Set-Cookie', line)
      kept.set('Cache-Control', 'private, no-store')
      const { status, statusText } = answer
      return new Response(answer.body, { status, statusText, headers: kept })
    },
  }
}

function asksForDocument(headers: Pick<Headers, 'get'>): boolean {
  const destination = headers.get('Sec-Fetch-Dest')
  if (destination !== null) return destination === 'document'
  return /\btext\/html\b/.test(headers.get('Accept') ?? '')
}
