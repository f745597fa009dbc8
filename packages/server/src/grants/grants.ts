import type { GrantType } from '@pawl/protocol'
import type { StoreClock } from '../tokens/check-access-token.ts'
import { clientCredentialsGrant } from './client-credentials-grant.ts'
import type { Grant } from './grant.ts'
import { type GrantSurroundings, refreshTokenGrant } from './refresh-token-grant.ts'
import { tokenExchangeGrant } from './token-exchange-grant.ts'

/** The grant types of this server. */
export type Grants = Readonly<Record<GrantType, Grant>>

/** Puts the grants together. */
export function createGrants(surroundings: GrantSurroundings & { readonly clock: StoreClock }): Grants {
  return {
    refresh_token: refreshTokenGrant(surroundings),
    client_credentials: clientCredentialsGrant(surroundings),
    'urn:ietf:params:oauth:grant-type:token-exchange': tokenExchangeGrant(surroundings),
  }
}
