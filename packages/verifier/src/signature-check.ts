import type { Octets, SignatureAlgorithm } from '@pawl/protocol'
import { checkAtOnce } from '#check-at-once'

/** The public members of a JWK. */
export interface PublicMembers {
  readonly kty: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
}

/** Whether a signature of the right length is one key's over a text of ASCII characters. Never throws, never rejects. */
export type SignatureCheck = (signingInput: string, signature: Octets) => boolean | Promise<boolean>

const webParameters = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  Ed25519: { name: 'Ed25519' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
} as const

const encoder = new TextEncoder()

/**
 * Makes the check of one public key, the seam to the cryptography of the runtime: Node's own where there is such a thing,
 * which answers at once, else WebCrypto, which answers later. A bundle for browsers or Workers holds only the latter: the
 * package's `imports` say which file `#check-at-once` is.
 *
 * @returns undefined for a key that is none (a point off the curve), or where the runtime lacks the algorithm
 */
export async function createSignatureCheck(
  algorithm: SignatureAlgorithm,
  jwk: PublicMembers,
): Promise<SignatureCheck | undefined> {
  try {
    return checkAtOnce(algorithm, jwk) ?? (await webCheck(algorithm, jwk))
  } catch {
    return undefined
  }
}

async function webCheck(algorithm: SignatureAlgorithm, jwk: PublicMembers): Promise<SignatureCheck> {
  const parameters = webParameters[algorithm]
  const key = await crypto.subtle.importKey('jwk', { ...jwk }, parameters, false, ['verify'])
  return (signingInput, signature) => {
    return crypto.subtle.verify(parameters, key, signature, encoder.encode(signingInput)).catch(() => false)
  }
}
