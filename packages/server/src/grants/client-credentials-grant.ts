import type { ClientRecord } from '../registered-clients/client.ts'
import { mintAccessToken } from '../tokens/access-token.ts'
import type { StoreClock } from '../tokens/check-access-token.ts'
import type { Grant } from './grant.ts'
import type { GrantSurroundings } from './refresh-token-grant.ts'
import { clientResources } from './refreshing-client.ts'
import { narrowResources, narrowScope } from './requested-scope.ts'

/** What this grant works with. */
export interface ClientCredentialsSurroundings extends GrantSurroundings {
  readonly clock: StoreClock
  readonly findClient: (id: string) => Promise<ClientRecord | undefined>
}

/**
 * `grant_type=client_credentials` (RFC 6749 section 4.4): a token for the client itself, no session, no refresh token
 * (standards TK-7).
 */
export function clientCredentialsGrant(surroundings: ClientCredentialsSurroundings): Grant {
  return async ({ client, parameter, resources: requested }) => {
    const { settings, tokens, clock, findClient } = surroundings
    const scope = narrowScope(parameter('scope'), client.scopes)
    if (scope.kind === 'refused') return scope
    const allowed = clientResources(client, settings.audience)
    const resources = narrowResources(requested, allowed, allowed)
    if (resources.kind === 'refused') return resources

    const now = await clock.storeNow()
    // Once more, after the instant that the token will bear: a removal that this does not see comes later than it, and
    // its revocation covers the token.
    if ((await findClient(client.id)) === undefined) return { kind: 'refused', refusal: { error: 'invalid_client' } }
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
