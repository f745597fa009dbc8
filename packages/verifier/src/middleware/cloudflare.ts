import type { AccessTokenClaims } from '@pawl/protocol'
import { refusalResponse } from '../refusal.ts'
import { assertVerifyOptions, type VerifyOptions } from '../requirement.ts'
import type { Verifier } from '../verifier.ts'
import { asksForMetadata, type MetadataReply, prepareMetadata } from './metadata-reply.ts'

/** What the adapter uses of a Worker's execution context. */
interface WorkerContext {
  waitUntil(promise: Promise<unknown>): void
}

/** A verifier, and what to answer to those who ask what it protects. */
interface Guard<Claims extends AccessTokenClaims> {
  readonly verifier: Verifier<Claims>
  readonly metadata: MetadataReply | undefined
}

/**
 * The `fetch` of a module Worker: the handler is called only with a good access token, whose claims it gets as second
 * argument; all other requests are answered here, with a challenge (RFC 6750 section 3). The API's description
 * (RFC 9728) is served too, if the verifier has one.
 *
 * A Worker does nothing between requests, so the feed of revocations has to be read `on-demand`; what a request begins
 * beside its own answer is kept alive with `waitUntil`.
 *
 * @param verifier one, or what makes one of the Worker's bindings; it is then made once
 * @throws TypeError, at once, for options that no token could meet
 * @example
 * export default { fetch: protect(verifier, (request, claims) => Response.json({ owner: claims.sub })) }
 */
export function protect<Claims extends AccessTokenClaims, Env, Context extends WorkerContext>(
  verifier: Verifier<Claims> | ((env: Env) => Verifier<Claims>),
  handler: (request: Request, claims: Claims, env: Env, context: Context) => Response | Promise<Response>,
  options: VerifyOptions = {},
): (request: Request, env: Env, context: Context) => Promise<Response> {
  assertVerifyOptions(options)
  let made: Guard<Claims> | undefined
  return async (request, env, context) => {
    made ??= guardOf(typeof verifier === 'function' ? verifier(env) : verifier)
    const { metadata } = made
    if (metadata !== undefined && asksForMetadata(request.method, request.url, metadata.path)) {
      return new Response(metadata.body, { headers: metadata.headers })
    }
    const verification = await made.verifier.verify(request, options)
    context.waitUntil(made.verifier.settled())
    return verification.ok ? handler(request, verification.claims, env, context) : refusalResponse(verification.refusal)
  }
}

function guardOf<Claims extends AccessTokenClaims>(verifier: Verifier<Claims>): Guard<Claims> {
  return { verifier, metadata: verifier.resourceMetadata && prepareMetadata(verifier) }
}
