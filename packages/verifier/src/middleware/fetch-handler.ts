import type { AccessTokenClaims } from '@pawl/protocol'
import { refusalResponse } from '../refusal.ts'
import { assertRequirement } from '../requirement.ts'
import type { Verifier, VerifyOptions } from '../verifier.ts'

/**
 * Wraps a handler of web-standard requests, as Bun, Deno, Workers and Next.js route handlers have them, so that it is
 * called only with a good access token, whose claims it gets as second argument. All other requests are answered here,
 * with a challenge (RFC 6750 section 3).
 *
 * @throws TypeError, at once, for a scope that cannot exist
 * @example
 * const handler = protect(verifier, (request, claims) => Response.json({ owner: claims.sub }))
 */
export function protect<Rest extends readonly unknown[]>(
  verifier: Verifier,
  handler: (request: Request, claims: AccessTokenClaims, ...rest: Rest) => Response | Promise<Response>,
  options: VerifyOptions = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  assertRequirement(options.require ?? {})
  return async (request, ...rest) => {
    const verification = await verifier.verify(request, options)
    return verification.ok ? handler(request, verification.claims, ...rest) : refusalResponse(verification.refusal)
  }
}
