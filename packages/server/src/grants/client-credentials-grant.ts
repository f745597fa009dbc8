import { mintAccessToken } from '../tokens/access-token.ts'
import type { StoreClock } from '../tokens/check-access-token.ts'
import type { Grant } from './grant.ts'
import type { GrantSurroundings } from './refresh-token-grant.ts'
import { clientResources } from './refreshing-client.ts'
import { narrowResources, narrowScope } from './requested-scope.ts'

/**
 * `grant_type=client_credentials` (RFC 6749 section 4.4): a token for the client itself, no session, no refresh token
 * (standards TK-7).
 */
export function clientCredentialsGrant(surroundings: GrantSurroundings & { readonly clock: StoreClock }): Grant {
  return async ({ client, parameter, resources: requested }) => {
    const { settings, tokens, clock } = surroundings
    const scope = narrowScope(parameter('scope'), client.scopes)
    if (scope.kind === 'refused') return scope
    const allowed = clientResources(client, settings.audience)
    const resources = narrowResources(requested, allowed, allowed)
    if (resources.kind === 'refused') return resources

    const now = await clock.storeNow()
    const accessSeconds = client.accessSeconds ?? settings.accessSeconds
    const plan = {
      issuer: settings.issuer,
      subject: client.id,
      clientId: client.id,
      audience: resources.values,
      scope: scope.values,
      application: {},
    }
    const exp = Math.floor(now / 1000) + accessSeconds
    const accessToken = mintAccessToken(plan, await tokens.signer.signingKey(), now, exp, tokens.random)
    return {
      kind: 'granted',
      outcome: 'client_credentials',
      response: {
        access_token: accessToken,
        token_type: 'Bearer',
        expires_in: accessSeconds,
        ...(scope.values.length > 0 && { scope: scope.values.join(' ') }),
      },
    }
  }
}
