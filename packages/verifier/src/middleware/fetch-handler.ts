import type { AccessTokenClaims } from '@pawl/protocol'
import { refusalResponse } from '../refusal.ts'
import { assertVerifyOptions, type VerifyOptions } from '../requirement.ts'
import type { Verifier } from '../verifier.ts'
import { asksForMetadata, prepareMetadata } from './metadata-reply.ts'

/**
 * Wraps a handler of web-standard requests, as Bun, Deno and others have them, so that it is called only with a good
 * access token, whose claims it gets as second argument. All other requests are answered here, with a challenge
 * (RFC 6750 section 3).
 *
 * @throws TypeError, at once, for options that no token could meet
 * @example
 * const handler = protect(verifier, (request, claims) => Response.json({ owner: claims.sub }))
 */
export function protect<Claims extends AccessTokenClaims, Rest extends readonly unknown[]>(
  verifier: Pick<Verifier<Claims>, 'verify'>,
  handler: (request: Request, claims: Claims, ...rest: Rest) => Response | Promise<Response>,
  options: VerifyOptions = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  assertVerifyOptions(options)
  return async (request, ...rest) => {
    const verification = await verifier.verify(request, options)
    return verification.ok ? handler(request, verification.claims, ...rest) : refusalResponse(verification.refusal)
  }
}

/**
 * A handler that describes the API at its well-known path (RFC 9728), and answers 404 anywhere else.
 *
 * @throws TypeError for a verifier that was made without the option `resourceMetadata`
 */
export function resourceMetadata(verifier: Pick<Verifier, 'resourceMetadata'>): (request: Request) => Response {
  const { body, headers, path } = prepareMetadata(verifier)
  return (request) => {
    return asksForMetadata(request.method, request.url, path)
      ? new Response(body, { headers })
      : new Response(null, { status: 404 })
  }
}
