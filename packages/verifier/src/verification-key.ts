import { decodeBase64url, type SignatureAlgorithm, signatureAlgorithms } from '@pawl/protocol'
import { createSignatureCheck, type PublicMembers, type SignatureCheck } from './signature-check.ts'

/** A public key that verifies by one algorithm and no other. */
export interface VerificationKey {
  readonly algorithm: SignatureAlgorithm
  /** The public members in one spelling: two keys are the same if and only if these are. */
  readonly identity: string
  /** Whether a signature is this key's over `signingInput`. Never rejects. */
  readonly verify: SignatureCheck
}

/** The public members of a JWK and how long its signatures are. */
interface KeyMaterial {
  readonly algorithm: SignatureAlgorithm
  readonly jwk: PublicMembers
  readonly signatureBytes: number
}

/**
 * Imports a JWK for verifying (RFC 7517, RFC 7518 section 6, RFC 8037 section 2). The key type decides the algorithm,
 * one to one; a `use`, `key_ops` or `alg` that says otherwise rules the key out, and so does a private member.
 *
 * @returns undefined for a key that cannot be used here
 */
export async function importVerificationKey(
  jwk: Readonly<Record<string, unknown>>,
): Promise<VerificationKey | undefined> {
  const material = readUsable(jwk)
  if (material === undefined) return undefined
  const { algorithm, signatureBytes } = material
  const check = await createSignatureCheck(algorithm, material.jwk)
  if (check === undefined) return undefined
  return {
    algorithm,
    identity: JSON.stringify(material.jwk),
    // Exactly R and S of 32 octets each (RFC 7518 section 3.4), not DER; 64 octets (RFC 8032); the modulus's length.
    verify: (signingInput, signature) => signature.length === signatureBytes && check(signingInput, signature),
  }
}

/** Whether a JWK, by what it says of itself, may verify access tokens here. */
export function isUsable(jwk: Readonly<Record<string, unknown>>): boolean {
  return readUsable(jwk) !== undefined
}

function readUsable(jwk: Readonly<Record<string, unknown>>): KeyMaterial | undefined {
  const { use = 'sig', key_ops: operations = ['verify'], alg } = jwk
  if (use !== 'sig' || !Array.isArray(operations) || !operations.includes('verify') || 'd' in jwk) return undefined
  const material = readMaterial(jwk)
  return alg === undefined || algorithmOf(alg) === material?.algorithm ? material : undefined
}

/** The algorithm that an `alg` value names. `EdDSA` is the old name of Ed25519 (RFC 8037, deprecated by RFC 9864). */
export function algorithmOf(alg: unknown): SignatureAlgorithm | undefined {
  return alg === 'EdDSA' ? 'Ed25519' : signatureAlgorithms.find((known) => known === alg)
}

function readMaterial(jwk: Readonly<Record<string, unknown>>): KeyMaterial | undefined {
  const { kty, crv, x, y, n, e } = jwk
  if (kty === 'EC' && crv === 'P-256' && isOctets(x, 32, 32) && isOctets(y, 32, 32)) {
    return { algorithm: 'ES256', jwk: { kty, crv, x, y }, signatureBytes: 64 }
  }
  if (kty === 'OKP' && crv === 'Ed25519' && isOctets(x, 32, 32)) {
    return { algorithm: 'Ed25519', jwk: { kty, crv, x }, signatureBytes: 64 }
  }
  // 2,048 to 8,192 bits: shorter is weak, longer makes every verification slow.
  if (kty === 'RSA' && isOctets(n, 256, 1024) && isOctets(e, 1, 4)) {
    return { algorithm: 'RS256', jwk: { kty, n, e }, signatureBytes: decodeBase64url(n)?.length ?? 0 }
  }
  return undefined
}

function isOctets(value: unknown, least: number, most: number): value is string {
  if (typeof value !== 'string') return false
  const length = decodeBase64url(value)?.length ?? -1
  return length >= least && length <= most
}
