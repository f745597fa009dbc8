import type { GrantType } from '@pawl/protocol'
import { type AuthorizationCodeSurroundings, authorizationCodeGrant } from './authorization-code-grant.ts'
import { type ClientCredentialsSurroundings, clientCredentialsGrant } from './client-credentials-grant.ts'
import { deviceCodeGrant } from './device-code-grant.ts'
import type { Grant } from './grant.ts'
import { refreshTokenGrant } from './refresh-token-grant.ts'
import { tokenExchangeGrant } from './token-exchange-grant.ts'

/** The grant types of this server. */
export type Grants = Readonly<Record<GrantType, Grant>>

/** Puts the grants together. */
export function createGrants(surroundings: ClientCredentialsSurroundings & AuthorizationCodeSurroundings): Grants {
  return {
    authorization_code: authorizationCodeGrant(surroundings),
    'urn:ietf:params:oauth:grant-type:device_code': deviceCodeGrant(surroundings),
    refresh_token: refreshTokenGrant(surroundings),
    client_credentials: clientCredentialsGrant(surroundings),
    'urn:ietf:params:oauth:grant-type:token-exchange': tokenExchangeGrant(surroundings),
  }
}
