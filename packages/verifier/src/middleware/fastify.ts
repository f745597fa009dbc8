import { refusalReply } from '../refusal.ts'
import { assertVerifyOptions, type VerifyOptions } from '../requirement.ts'
import type { Verifier } from '../verifier.ts'
import { asksForMetadata, prepareMetadata } from './metadata-reply.ts'
import { type NodeRequest, readNodeRequest } from './node-request.ts'
import { keepClaims } from './request-claims.ts'

/** What the hook reads of Fastify's request. */
interface FastifyRequest {
  readonly raw: NodeRequest
}

/** What the hook uses of Fastify's reply. */
interface FastifyReply {
  code(status: number): unknown
  header(name: string, value: string): unknown
  send(body: string): unknown
}

/**
 * Fastify hook, for `onRequest` of one route or of all, that lets a request pass only with a good access token. The
 * handler reads the claims with `claimsOf`; all others are answered here, with a challenge (RFC 6750 section 3).
 *
 * @throws TypeError, at once, for options that no token could meet
 * @example
 * app.get('/notes', { onRequest: protect(verifier, { require: { scope: ['notes:read'] } }) }, (request) => {
 *   return { owner: claimsOf(request).sub }
 * })
 */
export function protect(
  verifier: Pick<Verifier, 'verify'>,
  options: VerifyOptions = {},
): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown> {
  assertVerifyOptions(options)
  return async (request, reply) => {
    const verification = await verifier.verify(readNodeRequest(request.raw), options)
    if (verification.ok) {
      keepClaims(request, verification.claims, verifier)
      return undefined
    }
    const { status, headers, body } = refusalReply(verification.refusal)
    reply.code(status)
    for (const [name, value] of Object.entries(headers)) reply.header(name, value)
    reply.send(body)
    return reply
  }
}

/**
 * Fastify hook that describes the API at its well-known path (RFC 9728).
 *
 * @throws TypeError for a verifier that was made without the option `resourceMetadata`
 * @example
 * app.addHook('onRequest', resourceMetadata(verifier))
 */
export function resourceMetadata(
  verifier: Pick<Verifier, 'resourceMetadata'>,
): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown> {
  const { body, headers, path } = prepareMetadata(verifier)
  return async ({ raw }, reply) => {
    if (!asksForMetadata(raw.method ?? '', raw.url ?? '', path)) return undefined
    for (const [name, value] of Object.entries(headers)) reply.header(name, value)
    reply.send(body)
    return reply
  }
}
