import { type SignatureAlgorithm, testKeyMember } from '@pawl/protocol'
import type { PublicJwk } from './public-jwk.ts'
import type { VerifyingKey } from './signing-key.ts'

/** One key of the published set (RFC 7517 section 4). */
export type PublishedJwk = PublicJwk & {
  readonly use: 'sig'
  readonly alg: SignatureAlgorithm
  readonly kid: string
  readonly [testKeyMember]?: true
}

/** The published key set (RFC 7517 section 5). */
export interface JwksDocument {
  readonly keys: readonly PublishedJwk[]
}

/** A key to be published. */
type KeyToPublish = Pick<VerifyingKey, 'publicJwk' | 'algorithm' | 'kid'> & {
  /** Whether it is sealed under a secret that everybody knows. */
  readonly forTests?: boolean
}

/**
 * Writes the key set that verifiers fetch: public members only, each key with its `use`, `alg` and `kid` (standards
 * JW-8), and a mark on those for tests.
 */
export function jwksDocument(keys: readonly KeyToPublish[]): JwksDocument {
  return {
    keys: keys.map(({ publicJwk, algorithm, kid, forTests = false }) => ({
      ...publicJwk,
      use: 'sig',
      alg: algorithm,
      kid,
      ...(forTests && { [testKeyMember]: true }),
    })),
  }
}
