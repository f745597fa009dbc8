import { refusalResponse } from '../refusal.ts'
import { assertRequirement } from '../requirement.ts'
import type { Verifier, VerifyOptions } from '../verifier.ts'
import { keepClaims } from './request-claims.ts'

/** What the middleware reads of Hono's context. */
interface HonoContext {
  readonly req: { readonly raw: Request }
}

/**
 * Hono middleware that lets a request pass only with a good access token. The handlers after it read the claims with
 * `claimsOf`; all others are answered here, with a challenge (RFC 6750 section 3).
 *
 * @throws TypeError, at once, for a scope that cannot exist
 * @example
 * app.get('/notes', protect(verifier, { require: { scope: ['notes:read'] } }), (context) => {
 *   return context.json({ owner: claimsOf(context).sub })
 * })
 */
export function protect(
  verifier: Verifier,
  options: VerifyOptions = {},
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  assertRequirement(options.require ?? {})
  return async (context, next) => {
    const verification = await verifier.verify(context.req.raw, options)
    if (!verification.ok) return refusalResponse(verification.refusal)
    keepClaims(context, verification.claims)
    await next()
    return undefined
  }
}
