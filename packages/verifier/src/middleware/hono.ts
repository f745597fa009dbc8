import { refusalResponse } from '../refusal.ts'
import { assertVerifyOptions, type VerifyOptions } from '../requirement.ts'
import type { Verifier } from '../verifier.ts'
import { asksForMetadata, prepareMetadata } from './metadata-reply.ts'
import { keepClaims } from './request-claims.ts'

/** What the middleware reads of Hono's context. */
interface HonoContext {
  readonly req: { readonly raw: Request }
}

/**
 * Hono middleware that lets a request pass only with a good access token. The handlers after it read the claims with
 * `claimsOf`; all others are answered here, with a challenge (RFC 6750 section 3).
 *
 * @throws TypeError, at once, for options that no token could meet
 * @example
 * app.get('/notes', protect(verifier, { require: { scope: ['notes:read'] } }), (context) => {
 *   return context.json({ owner: claimsOf(context).sub })
 * })
 */
export function protect(
  verifier: Pick<Verifier, 'verify'>,
  options: VerifyOptions = {},
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  assertVerifyOptions(options)
  return async (context, next) => {
    const verification = await verifier.verify(context.req.raw, options)
    if (!verification.ok) return refusalResponse(verification.refusal)
    keepClaims(context, verification.claims, verifier)
    await next()
    return undefined
  }
}

/**
 * Hono middleware that describes the API at its well-known path (RFC 9728).
 *
 * @throws TypeError for a verifier that was made without the option `resourceMetadata`
 * @example
 * app.use(resourceMetadata(verifier))
 */
export function resourceMetadata(
  verifier: Pick<Verifier, 'resourceMetadata'>,
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  const { body, headers, path } = prepareMetadata(verifier)
  return async ({ req }, next) => {
    if (asksForMetadata(req.raw.method, req.raw.url, path)) return new Response(body, { headers })
    await next()
    return undefined
  }
}
