import { type AuthorizationRules, passwordAcr } from '../../authorizations/authorization-request.ts'
import { clientResources } from '../../grants/refreshing-client.ts'
import type { Services } from '../services.ts'

/** What authorization requests are measured by, wherever they come in. */
export function authorizationRules({ settings, findClient }: Services): AuthorizationRules {
  return {
    findClient,
    resourcesOf: (client) => clientResources(client, settings.audience),
    reachedAcr: [passwordAcr],
    acrIsVoluntary: settings.profile === 'oidc',
  }
}
