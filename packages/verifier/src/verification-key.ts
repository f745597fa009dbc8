import { decodeBase64url, type SignatureAlgorithm } from '@pawl/protocol'

/** A public key that verifies by one algorithm and no other. */
export interface VerificationKey {
  readonly algorithm: SignatureAlgorithm
  /** Whether `signature` is this key's over `signingInput`. Never rejects. */
  verify(signingInput: string, signature: Uint8Array<ArrayBuffer>): Promise<boolean>
}

interface PublicMembers {
  readonly kty: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
}

/** The public members of a JWK and what WebCrypto has to know about them. */
interface KeyMaterial {
  readonly algorithm: SignatureAlgorithm
  readonly jwk: PublicMembers
  readonly parameters: { readonly name: string; readonly hash?: string; readonly namedCurve?: string }
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
  const material = readMaterial(jwk)
  if (material === undefined) return undefined
  const { use, key_ops: operations, alg } = jwk
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined
  if (alg !== undefined && algorithmOf(alg) !== material.algorithm) return undefined
  if ('d' in jwk) return undefined
  const { parameters, signatureBytes } = material
  let key: CryptoKey
  try {
    key = await crypto.subtle.importKey('jwk', material.jwk, parameters, false, ['verify'])
  } catch {
    // A point off the curve, or a runtime without the algorithm.
    return undefined
  }
  return {
    algorithm: material.algorithm,
    async verify(signingInput, signature) {
      // Exactly R and S of 32 octets each (RFC 7518 section 3.4), not DER; 64 octets (RFC 8032); the modulus's length.
      if (signature.length !== signatureBytes) return false
      try {
        return await crypto.subtle.verify(parameters, key, signature, new TextEncoder().encode(signingInput))
      } catch {
        return false
      }
    },
  }
}

/** The algorithm that an `alg` value names. `EdDSA` is the old name of Ed25519 (RFC 8037, deprecated by RFC 9864). */
export function algorithmOf(alg: unknown): SignatureAlgorithm | undefined {
  switch (alg) {
    case 'ES256':
    case 'Ed25519':
    case 'RS256':
      return alg
    case 'EdDSA':
      return 'Ed25519'
    default:
      return undefined
  }
}

function readMaterial(jwk: Readonly<Record<string, unknown>>): KeyMaterial | undefined {
  const { kty, crv, x, y, n, e } = jwk
  if (kty === 'EC' && crv === 'P-256' && isOctets(x, 32, 32) && isOctets(y, 32, 32)) {
    const parameters = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
    return { algorithm: 'ES256', jwk: { kty, crv, x, y }, parameters, signatureBytes: 64 }
  }
  if (kty === 'OKP' && crv === 'Ed25519' && isOctets(x, 32, 32)) {
    return { algorithm: 'Ed25519', jwk: { kty, crv, x }, parameters: { name: 'Ed25519' }, signatureBytes: 64 }
  }
  // 2,048 to 8,192 bits: shorter is weak, longer makes every verification slow.
  if (kty === 'RSA' && isOctets(n, 256, 1024) && isOctets(e, 1, 4)) {
    const parameters = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
    return { algorithm: 'RS256', jwk: { kty, n, e }, parameters, signatureBytes: decodeBase64url(n)?.length ?? 0 }
  }
  return undefined
}

function isOctets(value: unknown, least: number, most: number): value is string {
  if (typeof value !== 'string') return false
  const length = decodeBase64url(value)?.length ?? -1
  return length >= least && length <= most
}
