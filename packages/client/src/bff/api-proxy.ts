import { readBearerChallenge } from '../bearer-challenge.ts'
import type { CheckedRoute } from './api-routes.ts'
import { headersForApi, headersForBrowser } from './forwarded-headers.ts'

/** One request to forward. */
export interface Forwarding {
  readonly request: Request
  readonly url: URL
  readonly route: CheckedRoute
  readonly accessToken: string
}

/** What forwarding works with. */
export interface ApiProxyParts {
  readonly fetch: typeof globalThis.fetch
  /** The BFF's base path. */
  readonly base: string
  /** A good access token in place of one that the API has refused; undefined when there is none. */
  readonly renew: (refused: string) => Promise<string | undefined>
}

/**
 * Sends a request on with the access token, and its answer back. Bodies stream both ways. An API that refuses the token as
 * no longer valid is asked once more with a new one, if the request has no body that would be gone by then.
 *
 * @returns undefined when the API could not be reached
 */
export async function forward(forwarding: Forwarding, parts: ApiProxyParts): Promise<Response | undefined> {
  const { request, route, accessToken } = forwarding
  const answer = await send(forwarding, accessToken, parts)
  if (answer === undefined) return undefined
  const newer = isStale(answer) ? await parts.renew(accessToken) : undefined
  // With a body that is gone by now the browser has to ask again, and will find the new token here.
  if (newer === undefined || request.body !== null) return forBrowser(answer, route, parts.base)
  await answer.body?.cancel()
  const second = await send(forwarding, newer, parts)
  return second === undefined ? undefined : forBrowser(second, route, parts.base)
}

async function send(
  { request, url }: Forwarding,
  accessToken: string,
  { fetch }: ApiProxyParts,
): Promise<Response | undefined> {
  const { method, body, signal } = request
  const init: RequestInit & { readonly duplex: 'half' } = {
    method,
    headers: headersForApi(request.headers, accessToken),
    ...(body !== null && { body }),
    // A body that streams has to be declared so; the Fetch standard knows no other kind yet.
    duplex: 'half',
    // Followed, a redirection could lead out of the list, with the token.
    redirect: 'manual',
    cache: 'no-store',
    signal,
  }
  try {
    return await fetch(url, init)
  } catch {
    return undefined
  }
}

/** RFC 6750 section 3.1: another token might do better. */
function isStale(answer: Response): boolean {
  return answer.status === 401 && readBearerChallenge(answer.headers.get('WWW-Authenticate'))?.error === 'invalid_token'
}

function forBrowser(answer: Response, route: CheckedRoute, base: string): Response {
  const { status, statusText, body } = answer
  const init = { status, statusText, headers: headersForBrowser(answer, route, base) }
  return new Response(status === 204 || status === 205 || status === 304 ? null : body, init)
}
