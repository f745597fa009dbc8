import { fetchKeySet, importKeys } from './key-set.ts'
import { createKeySource, type KeySource } from './key-source.ts'
import type { RevocationFeed, RevocationSurroundings } from './revocation-source.ts'
import type { IssuerSettings, VerifierSettings } from './verifier-options.ts'

/** An issuer on the closed list, with what is its own and no other's: its keys and its revocations. */
export interface TrustedIssuer extends Pick<IssuerSettings, 'audience' | 'algorithms'> {
  readonly keys: KeySource
  readonly feed: RevocationFeed | undefined
}

/** What a verifier takes from the world around it. */
export type Surroundings = Omit<RevocationSurroundings, 'issuer' | 'clockSkewSeconds'>

/**
 * Makes an issuer of its settings. A feed that is read as a stream is connected to at once.
 *
 * @throws TypeError for a feed whose address is not allowed
 */
export function createTrustedIssuer(
  options: IssuerSettings,
  settings: VerifierSettings,
  surroundings: Surroundings,
): TrustedIssuer {
  const { issuer, jwksUri, pinnedKeys, revocations } = options
  const { clockSkewSeconds } = settings
  const { clock, fetch } = surroundings
  return {
    ...options,
    keys: createKeySource({
      load: () => fetchKeySet(jwksUri, fetch, options.dangerouslyAcceptTestKeys),
      loadPinned: pinnedKeys && (() => importKeys(pinnedKeys.keys)),
      clock,
      ...settings,
    }),
    feed: revocations?.({ ...surroundings, issuer, clockSkewSeconds }),
  }
}
