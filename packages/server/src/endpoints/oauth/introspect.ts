import type { AccessTokenClaims } from '@pawl/protocol'
import { issuedAt } from '../../tokens/access-token.ts'
import { checkAccessToken } from '../../tokens/check-access-token.ts'
import { type PawlContext, refuse } from '../refusal-response.ts'
import type { Services } from '../services.ts'
import { readClientRequest } from './client-request.ts'

/**
 * `POST /oauth/introspect` (RFC 7662), for confidential clients. A token that is not active, or is meant for no resource
 * of the caller's, gives exactly `{"active":false}`: not even the reason is told (standards IN-1).
 */
export async function introspect(context: PawlContext, services: Services): Promise<Response> {
  const request = await readClientRequest(context, services)
  if (request.kind === 'answered') return request.response
  const { client, form } = request
  // Who has proven nothing may not ask about others' tokens.
  if (client.type !== 'confidential') return refuse(context, { error: 'invalid_client' })
  const token = form.one('token')
  if (token === undefined) return refuse(context, { error: 'invalid_request', reason: 'missing_parameter' })

  const { settings, tokens } = services
  const check = await checkAccessToken(token, { issuer: settings.issuer, audience: client.resources }, tokens)
  const inactive = () => context.json({ active: false })
  if (check.kind === 'refused') return inactive()
  const { claims, standing } = check
  // The end of a session says nothing of a client that got a token by exchanging one of that session.
  const exchanged = standing !== undefined && standing.session.clientId !== claims.client_id
  const removed = (standing === undefined || exchanged) && (await isOfRemovedClient(claims, services))
  const outdated = removed || (standing !== undefined && (await isStale(claims, services)))
  if (outdated) return inactive()
  return context.json({
    ...claims,
    active: true,
    token_type: 'Bearer',
    ...(standing !== undefined && { username: standing.user.username }),
  })
}

/** A client that was registered anew under the id of a removed one is another one. */
async function isOfRemovedClient(claims: AccessTokenClaims, { findClient }: Services): Promise<boolean> {
  const client = await findClient(claims.client_id)
  return client === undefined || issuedAt(claims) < client.createdAt
}

/** Whether the user's roles or claims were changed since, to count at once (T22.1). */
async function isStale(claims: AccessTokenClaims, { claimsChangedAt }: Services): Promise<boolean> {
  return issuedAt(claims) <= ((await claimsChangedAt(claims.sub)) ?? Number.NEGATIVE_INFINITY)
}
