import { beginSession } from './begin-session.ts'
import { type BffHandler, type BffParts, refuse, withCookies } from './bff-parts.ts'
import { isPrefetch } from './prefetch.ts'
import { createSignInRedirect, pathWithin } from './sign-in-redirect.ts'

/** The addresses that a browser navigates to, by path. */
export function createSignInAnswers(parts: BffParts): ReadonlyMap<string, BffHandler> {
  const { issuer, origin, base, client, random, cookies, tokens, renewal } = parts

  /** For pages that could not be rendered because the session has to move first, where a cookie can be set. */
  async function renew(request: Request, url: URL): Promise<Response> {
    // Nobody may ever look at what is fetched on suspicion, and then the new cookie is lost on it (T2.3).
    if (isPrefetch(request.headers)) return new Response(null, { status: 204 })
    const standing = await renewal.renew(cookies.readSession(request.headers.get('Cookie')))
    if (standing.kind === 'failed') {
      return refuse(parts, {
        error: 'temporarily_unavailable',
        retryAfterSeconds: standing.failure.retryAfterSeconds ?? 1,
      })
    }
    const answer = redirect(pathWithin(origin, url.searchParams.get('return_to')))
    // A session that cannot be renewed must not bring the browser here again and again.
    if (standing.kind !== 'live') for (const line of cookies.clearSession()) answer.headers.append('Set-Cookie', line)
    return withCookies(parts, request, answer, standing)
  }

  if (client === undefined) return new Map([['/renew', renew]])
  const redirectUri = `${origin}${base}/callback`
  const { scope = [], resources = [] } = client
  const flow = createSignInRedirect({ issuer, clientId: client.id, redirectUri, scope, resources, random })

  async function signIn(_request: Request, url: URL): Promise<Response> {
    const { location, cookie } = await flow.begin(pathWithin(origin, url.searchParams.get('return_to')))
    const answer = redirect(location)
    answer.headers.append('Set-Cookie', cookies.forSignIn(cookie))
    return answer
  }

  async function callback(request: Request, url: URL): Promise<Response> {
    const returned = await flow.read(url.searchParams, cookies.readSignIn(request.headers.get('Cookie')))
    if (returned.kind === 'foreign') return refuse(parts, { error: 'invalid_request', reason: 'malformed_parameter' })
    const answer = arrive(pathWithin(origin, returned.returnTo))
    answer.headers.append('Set-Cookie', cookies.clearSignIn())
    if (returned.kind === 'refused') return answer
    const { code, verifier } = returned
    const opened = await tokens.redeem({ code, verifier, redirectUri, userAgent: request.headers.get('User-Agent') })
    if (opened.kind === 'opened') return beginSession(parts, request, opened.session, answer)
    const { status } = opened.answer
    const refused = status >= 400 && status < 500 ? 'invalid_request' : 'temporarily_unavailable'
    return refuse(parts, { error: refused })
  }

  return new Map([
    ['/renew', renew],
    ['/sign-in', signIn],
    ['/callback', callback],
  ])
}

function redirect(location: string): Response {
  return new Response(null, { status: 303, headers: { Location: location, 'Cache-Control': 'no-store' } })
}

/**
 * Leads into the application by a page of its own. After a redirection from another site the browser would still hold back
 * a Strict cookie; from a page of this site it does not (standards CK-3).
 */
function arrive(path: string): Response {
  const address = path
    .replaceAll('&', '&amp;')
    .replaceAll('"', '&quot;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
  const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Signed in</title><meta http-equiv="refresh" content="0; url=${address}"><a href="${address}">Continue</a></html>`
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Referrer-Policy': 'no-referrer',
  }
  return new Response(page, { headers })
}
