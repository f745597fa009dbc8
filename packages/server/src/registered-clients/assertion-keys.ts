import { decodeBase64url, type SignatureAlgorithm } from '@pawl/protocol'
import { type PublicJwk, readPublicJwk } from '../keys/public-jwk.ts'
import { readVerifyingKey, type VerifyingKey } from '../keys/signing-key.ts'

/** One public key of a client. */
export interface ClientKey {
  /** As the client named it; untrusted text. */
  readonly kid?: string
  readonly jwk: PublicJwk
}

/** How a client signs its assertions, and where its public keys stand: in the registration, or at a URL of the client's. */
export type AssertionKeys =
  | { readonly algorithm: SignatureAlgorithm; readonly jwks: readonly ClientKey[] }
  | { readonly algorithm: SignatureAlgorithm; readonly jwksUri: string }

/** So many keys of one client are looked at. */
const mostKeys = 20
const longestKeyId = 256
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** What a key set (RFC 7517 section 5) holds that a client can sign with by one algorithm. */
export function readClientKeys(
  keySet: Readonly<Record<string, unknown>>,
  algorithm: SignatureAlgorithm,
): readonly ClientKey[] {
  return entriesOf(keySet).flatMap((entry) => readClientKey(entry, algorithm) ?? [])
}

/** Whether a key set gives away what only the client may know. */
export function holdsPrivateKey(keySet: Readonly<Record<string, unknown>>): boolean {
  return entriesOf(keySet).some((entry) => privateMembers.some((name) => name in entry))
}

/** The key, ready for use; undefined where it is one for another algorithm. */
export function usableKey({ jwk }: ClientKey, algorithm: SignatureAlgorithm): VerifyingKey | undefined {
  return readPublicJwk(jwk, algorithm) && readVerifyingKey(jwk, algorithm)
}

function entriesOf(keySet: Readonly<Record<string, unknown>>): readonly Readonly<Record<string, unknown>>[] {
  const { keys } = keySet
  return Array.isArray(keys) ? keys.slice(0, mostKeys).filter(isMembers) : []
}

/** What a key says of itself rules it out, too (standards JW-2). */
function readClientKey(entry: Readonly<Record<string, unknown>>, algorithm: SignatureAlgorithm): ClientKey | undefined {
  const { kid, use, key_ops: operations, alg } = entry
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined
  if (alg !== undefined && algorithmNamed(alg) !== algorithm) return undefined
  if (kid !== undefined && !(typeof kid === 'string' && kid.length <= longestKeyId)) return undefined
  const jwk = readPublicJwk(entry, algorithm)
  if (jwk === undefined || !isStrong(jwk) || readVerifyingKey(jwk, algorithm) === undefined) return undefined
  return kid === undefined ? { jwk } : { kid, jwk }
}

/** The algorithm that an `alg` names. `EdDSA` is the old name of Ed25519 (RFC 8037, deprecated by RFC 9864). */
export function algorithmNamed(alg: unknown): SignatureAlgorithm | undefined {
  if (alg === 'EdDSA') return 'Ed25519'
  return alg === 'ES256' || alg === 'Ed25519' || alg === 'RS256' ? alg : undefined
}

/** RSA of 2,048 to 8,192 bits: shorter is weak, longer makes every check slow (standards JW-5). */
function isStrong(jwk: PublicJwk): boolean {
  if (jwk.kty !== 'RSA') return true
  const octets = decodeBase64url(jwk.n)?.length ?? 0
  return octets >= 256 && octets <= 1_024 && (decodeBase64url(jwk.e)?.length ?? 0) <= 4
}

function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
