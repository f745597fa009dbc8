import { readAuthorizationRequest } from '../../authorizations/authorization-request.ts'
import { pushedSeconds, pushRequest } from '../../authorizations/pushed-request.ts'
import { type PawlContext, refuse } from '../refusal-response.ts'
import type { Services } from '../services.ts'
import { authorizationRules } from './authorization-rules.ts'
import { readClientRequest } from './client-request.ts'

/**
 * `POST /oauth/par` (RFC 9126): a client sends its authorization request ahead, and so learns of its faults before any
 * browser is involved.
 */
export async function pushAuthorizationRequest(context: PawlContext, services: Services): Promise<Response> {
  const request = await readClientRequest(context, services)
  if (request.kind === 'answered') return request.response
  const { client, form } = request
  if (form.one('request_uri') !== undefined) {
    return refuse(context, { error: 'invalid_request', reason: 'malformed_parameter' })
  }
  const parameters = new URLSearchParams(form.names().flatMap((name) => form.all(name).map((value) => [name, value])))
  parameters.set('client_id', client.id)
  const reading = await readAuthorizationRequest(parameters, authorizationRules(services))
  if (reading.kind === 'unanswerable') return refuse(context, { error: reading.error, reason: 'wrong_redirect_uri' })
  if (reading.kind === 'faulty') return refuse(context, { error: reading.error })
  const { tickets, tokens } = services
  const now = await tokens.clock.storeNow()
  const requestUri = await pushRequest({ client, parameters, now }, { tickets, random: tokens.random })
  if (requestUri === undefined) {
    return refuse(context, { error: 'too_many_requests', reason: 'too_many_pending', retryAfterSeconds: 60 })
  }
  context.set('outcome', 'request_pushed')
  return context.json({ request_uri: requestUri, expires_in: pushedSeconds }, 201)
}
