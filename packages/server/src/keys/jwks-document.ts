import type { SignatureAlgorithm } from '@pawl/protocol'
import type { PublicJwk } from './public-jwk.ts'
import type { VerifyingKey } from './signing-key.ts'

/** One key of the published set (RFC 7517 section 4). */
export type PublishedJwk = PublicJwk & { readonly use: 'sig'; readonly alg: SignatureAlgorithm; readonly kid: string }

/** The published key set (RFC 7517 section 5). */
export interface JwksDocument {
  readonly keys: readonly PublishedJwk[]
}

/** Writes the key set that verifiers fetch: public members only, each key with its `use`, `alg` and `kid` (standards JW-8). */
export function jwksDocument(keys: readonly VerifyingKey[]): JwksDocument {
  return { keys: keys.map(({ publicJwk, algorithm, kid }) => ({ ...publicJwk, use: 'sig', alg: algorithm, kid })) }
}
