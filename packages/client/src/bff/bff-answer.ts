import { forward } from './api-proxy.ts'
import { createAuthAnswers } from './auth-endpoints.ts'
import { type BffParts, refuse, refuseStanding, withCookies } from './bff-parts.ts'
import { judgeRequestOrigin } from './request-origin.ts'
import { createSignInAnswers } from './sign-in-endpoints.ts'

/** Answers every request below the base path. */
export function createBffAnswer(parts: BffParts): (request: Request) => Promise<Response> {
  const { base, origin, requiredHeader, matchRoute } = parts
  const auth = createAuthAnswers(parts)
  const navigations = createSignInAnswers(parts)

  async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    if (!url.pathname.startsWith(`${base}/`)) return refuse(parts, { error: 'not_found' })
    const path = url.pathname.slice(base.length)
    const navigation = navigations.get(path)
    if (navigation !== undefined) {
      return request.method === 'GET' ? navigation(request, url) : refuseMethod(parts, ['GET'])
    }
    const foreign = judgeRequestOrigin(request.headers, { origin, requiredHeader })
    if (foreign !== undefined) return refuse(parts, foreign)
    const own = auth.get(path)
    if (own === undefined) return forwardTo(request, path, url.search)
    return request.method === own.method ? own.handler(request, url) : refuseMethod(parts, [own.method])
  }

  async function forwardTo(request: Request, path: string, search: string): Promise<Response> {
    const match = matchRoute(request.method, path, search)
    if (match.kind === 'unknown') return refuse(parts, { error: 'not_found' })
    if (match.kind === 'malformed') return refuse(parts, { error: 'invalid_request', reason: 'malformed_target' })
    if (match.kind === 'method-not-allowed') return refuseMethod(parts, match.methods)
    const { url, route } = match
    const shown = parts.cookies.readSession(request.headers.get('Cookie'))
    let standing = await parts.renewal.renew(shown)
    if (standing.kind !== 'live') return refuseStanding(parts, standing)
    const answered = await forward(
      { request, url, route, accessToken: standing.session.accessToken },
      {
        ...parts,
        renew: async (refused) => {
          const renewed = await parts.renewal.renew(shown, refused)
          if (renewed.kind !== 'live' || renewed.session.accessToken === refused) return undefined
          standing = renewed
          return renewed.session.accessToken
        },
      },
    )
    return withCookies(parts, request, answered ?? refuse(parts, { error: 'api_unavailable' }), standing)
  }

  return async (request) => {
    try {
      return await answer(request)
    } catch {
      return refuse(parts, { error: 'server_error' })
    }
  }
}

function refuseMethod(parts: BffParts, methods: readonly string[]): Response {
  const answer = refuse(parts, { error: 'method_not_allowed' })
  answer.headers.set('Allow', methods.join(', '))
  return answer
}
