import { grantTypes } from '@pawl/protocol'
import { deviceOf } from '../first-party/unsafe-request.ts'
import { type PawlContext, refuse } from '../refusal-response.ts'
import { clientHasLeft } from '../request-surroundings.ts'
import type { Services } from '../services.ts'
import { readClientRequest } from './client-request.ts'

/** `POST /oauth/token` (RFC 6749 section 3.2). */
export async function token(context: PawlContext, services: Services): Promise<Response> {
  const request = await readClientRequest(context, services)
  if (request.kind === 'answered') return request.response
  const { client, form } = request
  const requested = form.one('grant_type')
  if (requested === undefined) return refuse(context, { error: 'invalid_request', reason: 'missing_parameter' })
  const grantType = grantTypes.find((known) => known === requested)
  if (grantType === undefined) return refuse(context, { error: 'unsupported_grant_type' })
  if (!client.grants.includes(grantType)) return refuse(context, { error: 'unauthorized_client' })
  const outcome = await services.grants[grantType]({
    client,
    parameter: form.one,
    resources: form.all('resource'),
    audiences: form.all('audience'),
    device: deviceOf(context),
    arrivedAt: context.get('arrivedAt'),
    hasLeft: () => clientHasLeft(context),
  })
  const became = outcome.kind === 'refused' ? (outcome.refusal.reason ?? outcome.refusal.error) : outcome.outcome
  if (grantType === 'refresh_token') services.metrics.countRefresh(became)
  if (grantType === 'urn:ietf:params:oauth:grant-type:token-exchange') services.metrics.countPeek(became)
  if (outcome.kind === 'refused') return refuse(context, outcome.refusal)
  await services.selfRegistrations.used(client)
  context.set('outcome', outcome.outcome)
  return context.json(outcome.response)
}
