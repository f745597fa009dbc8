import type { AccessTokenClaims } from '@pawl/protocol'
import { refusalResponse } from '../refusal.ts'
import { assertVerifyOptions, type VerifyOptions } from '../requirement.ts'
import type { Verifier } from '../verifier.ts'
import { protect as protectHandler, resourceMetadata as serveMetadata } from './fetch-handler.ts'

/**
 * Wraps a route handler of Next.js so that it is called only with a good access token: with the request, the token's
 * claims, and whatever Next.js gives it besides. All other requests are answered here, with a challenge.
 *
 * @throws TypeError, at once, for options that no token could meet
 * @example
 * export const GET = protect(verifier, (request, claims) => Response.json({ owner: claims.sub }))
 */
export function protect<Claims extends AccessTokenClaims, Rest extends readonly unknown[]>(
  verifier: Pick<Verifier<Claims>, 'verify'>,
  handler: (request: Request, claims: Claims, ...rest: Rest) => Response | Promise<Response>,
  options: VerifyOptions = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  return protectHandler(verifier, handler, options)
}

/**
 * The function of a `proxy.ts` (`middleware.ts` before Next.js 16): it lets a request go on only with a good access
 * token. It comes before the routes and does not replace {@link protect} in them: they get no claims from it, and a route
 * that its `matcher` misses would stand open.
 *
 * @throws TypeError, at once, for options that no token could meet
 * @example
 * export const proxy = guard(verifier)
 * export const config = { matcher: '/api/:path*' }
 */
export function guard(
  verifier: Pick<Verifier, 'verify'>,
  options: VerifyOptions = {},
): (request: Request) => Promise<Response | undefined> {
  assertVerifyOptions(options)
  return async (request) => {
    const verification = await verifier.verify(request, options)
    return verification.ok ? undefined : refusalResponse(verification.refusal)
  }
}

/**
 * The route handler that describes the API (RFC 9728), for `app/.well-known/oauth-protected-resource/[[...path]]/route.ts`.
 *
 * @throws TypeError for a verifier that was made without the option `resourceMetadata`
 * @example
 * export const GET = resourceMetadata(verifier)
 */
export function resourceMetadata(verifier: Pick<Verifier, 'resourceMetadata'>): (request: Request) => Response {
  return serveMetadata(verifier)
}
