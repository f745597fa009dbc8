import { refusalReply } from '../refusal.ts'
import { assertVerifyOptions, type VerifyOptions } from '../requirement.ts'
import type { Verifier } from '../verifier.ts'
import { asksForMetadata, prepareMetadata } from './metadata-reply.ts'
import { type NodeRequest, readNodeRequest } from './node-request.ts'
import { keepClaims } from './request-claims.ts'

/** What the middleware writes to: `http.ServerResponse`, and so Express's response too. */
interface NodeResponse {
  statusCode: number
  setHeader(name: string, value: string): unknown
  end(body: string): unknown
}

/**
 * Express middleware (also for Connect and the like) that lets a request pass only with a good access token. The handlers
 * after it read the claims with `claimsOf`; all others are answered here, with a challenge (RFC 6750 section 3).
 *
 * @throws TypeError, at once, for options that no token could meet
 * @example
 * app.get('/notes', protect(verifier, { require: { scope: ['notes:read'] } }), (request, response) => {
 *   response.json({ owner: claimsOf(request).sub })
 * })
 */
export function protect(
  verifier: Pick<Verifier, 'verify'>,
  options: VerifyOptions = {},
): (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => void {
  assertVerifyOptions(options)
  return (request, response, next) => {
    const guard = async () => {
      const verification = await verifier.verify(readNodeRequest(request), options)
      if (verification.ok) {
        keepClaims(request, verification.claims, verifier)
        return true
      }
      const { status, headers, body } = refusalReply(verification.refusal)
      response.statusCode = status
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
      response.end(body)
      return false
    }
    guard()
      .then((passed) => passed && next())
      .catch(next)
  }
}

/**
 * Express middleware that describes the API at its well-known path (RFC 9728). Use it at the root of the application.
 *
 * @throws TypeError for a verifier that was made without the option `resourceMetadata`
 * @example
 * app.use(resourceMetadata(verifier))
 */
export function resourceMetadata(
  verifier: Pick<Verifier, 'resourceMetadata'>,
): (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => void {
  const { body, headers, path } = prepareMetadata(verifier)
  return (request, response, next) => {
    if (!asksForMetadata(request.method ?? '', request.url ?? '', path)) return next()
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    response.end(body)
  }
}
