import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import type { SignatureAlgorithm } from '@pawl/protocol'
import { jwkThumbprint, type PublicJwk, readPublicJwk } from './public-jwk.ts'

const generate = promisify(generateKeyPair)
const rsaBits = 2048

const signatureForms = {
  // RFC 7518 section 3.4: R || S, not the DER that OpenSSL gives by default.
  ES256: { digest: 'sha256', bytes: 64, encoding: { dsaEncoding: 'ieee-p1363' } },
  // RFC 8032 hashes for itself.
  Ed25519: { digest: null, bytes: 64, encoding: {} },
  RS256: { digest: 'sha256', bytes: rsaBits / 8, encoding: {} },
} as const satisfies Record<SignatureAlgorithm, unknown>

/** A public key ready for use. */
export interface VerifyingKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  readonly publicJwk: PublicJwk
  /** Whether `signature` (raw bytes, as they stand in a JWS) is this key's over the text. */
  readonly verify: (signingInput: string, signature: Uint8Array) => boolean
}

/** A key pair ready for use. The private half stays inside the closures. */
export interface SigningPair extends VerifyingKey {
  /** Length of its signatures in bytes. */
  readonly signatureBytes: number
  /** Signs a JWS signing input: raw R || S for ES256 (RFC 7518 section 3.4), 64 bytes for Ed25519 (RFC 8037 section 3.1). */
  readonly sign: (signingInput: string) => Uint8Array
}

/**
 * Makes a new key pair. Its randomness is the platform's: key generation takes no other.
 *
 * @returns the pair, and its private half as PKCS #8 bytes to be sealed and stored
 */
export async function generateSigningKey(
  algorithm: SignatureAlgorithm,
): Promise<{ readonly pair: SigningPair; readonly pkcs8: Uint8Array }> {
  const { privateKey } = await generateFor(algorithm)
  return {
    pair: pairOf(privateKey, algorithm),
    pkcs8: new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' })),
  }
}

/**
 * Reads a key pair from PKCS #8.
 *
 * @throws when the bytes are no private key of that algorithm
 */
export function readSigningKey(pkcs8: Uint8Array, algorithm: SignatureAlgorithm): SigningPair {
  return pairOf(createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }), algorithm)
}

/**
 * Makes a public key usable.
 *
 * @returns undefined if the numbers are no key, such as a point off its curve
 */
export function readVerifyingKey(publicJwk: PublicJwk, algorithm: SignatureAlgorithm): VerifyingKey | undefined {
  try {
    return verifyingKeyOf(createPublicKey({ key: publicJwk, format: 'jwk' }), publicJwk, algorithm)
  } catch {
    return undefined
  }
}

function pairOf(privateKey: KeyObject, algorithm: SignatureAlgorithm): SigningPair {
  const publicKey = createPublicKey(privateKey)
  const publicJwk = readPublicJwk(publicKey.export({ format: 'jwk' }), algorithm)
  if (publicJwk === undefined) throw new TypeError(`not a private key for ${algorithm}`)
  const { digest, bytes, encoding } = signatureForms[algorithm]
  return {
    ...verifyingKeyOf(publicKey, publicJwk, algorithm),
    signatureBytes: bytes,
    sign: (signingInput) => new Uint8Array(sign(digest, Buffer.from(signingInput), { key: privateKey, ...encoding })),
  }
}

function verifyingKeyOf(publicKey: KeyObject, publicJwk: PublicJwk, algorithm: SignatureAlgorithm): VerifyingKey {
  const { digest, bytes, encoding } = signatureForms[algorithm]
  // A client's RSA key may be longer than ours.
  const length = publicJwk.kty === 'RSA' ? Buffer.from(publicJwk.n, 'base64url').length : bytes
  return {
    kid: jwkThumbprint(publicJwk),
    algorithm,
    publicJwk,
    verify: (signingInput, signature) =>
      signature.length === length &&
      verify(digest, Buffer.from(signingInput), { key: publicKey, ...encoding }, signature),
  }
}

function generateFor(algorithm: SignatureAlgorithm): Promise<{ readonly privateKey: KeyObject }> {
  switch (algorithm) {
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' })
    case 'Ed25519':
      return generate('ed25519')
    case 'RS256':
      return generate('rsa', { modulusLength: rsaBits })
  }
}
