import {
  deviceSeconds,
  pollSeconds,
  shownUserCode,
  startDeviceAuthorization,
} from '../../authorizations/device-authorization.ts'
import { clientResources } from '../../grants/refreshing-client.ts'
import { narrowResources, narrowScope } from '../../grants/requested-scope.ts'
import { type PawlContext, refuse } from '../refusal-response.ts'
import type { Services } from '../services.ts'
import { readClientRequest } from './client-request.ts'

/** `POST /oauth/device_authorization` (RFC 8628 section 3.1): for clients that are registered for the grant, and no other. */
export async function authorizeDevice(context: PawlContext, services: Services): Promise<Response> {
  const request = await readClientRequest(context, services)
  if (request.kind === 'answered') return request.response
  const { client, form } = request
  if (!client.grants.includes('urn:ietf:params:oauth:grant-type:device_code')) {
    return refuse(context, { error: 'unauthorized_client' })
  }
  const { settings, tickets, tokens } = services
  const scope = narrowScope(form.one('scope'), client.scopes)
  if (scope.kind === 'refused') return refuse(context, scope.refusal)
  const allowed = clientResources(client, settings.audience)
  const resources = narrowResources(form.all('resource'), allowed, allowed)
  if (resources.kind === 'refused') return refuse(context, resources.refusal)
  const started = await startDeviceAuthorization(
    { client, scope: scope.values, resources: resources.values, now: await tokens.clock.storeNow() },
    { tickets, random: tokens.random },
  )
  if (started === undefined) {
    return refuse(context, { error: 'too_many_requests', reason: 'too_many_pending', retryAfterSeconds: 60 })
  }
  context.set('outcome', 'device_code_issued')
  const place = `${settings.issuer}/oauth/device`
  const userCode = shownUserCode(started.userCode)
  return context.json({
    device_code: started.deviceCode,
    user_code: userCode,
    verification_uri: place,
    verification_uri_complete: `${place}?user_code=${userCode}`,
    expires_in: deviceSeconds,
    interval: pollSeconds,
  })
}
