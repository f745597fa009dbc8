import { createHash } from 'node:crypto'
import { encodeBase64url, type SignatureAlgorithm } from '@pawl/protocol'
import { z } from 'zod'

// 32 octets, whose base64url is 43 characters long (RFC 7518 section 6.2.1.2, RFC 8037 section 2).
const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const integer = z.string().regex(/^[A-Za-z0-9_-]+$/)
const ellipticJwk = z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: coordinate, y: coordinate })
const edwardsJwk = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: coordinate })
const rsaJwk = z.object({ kty: z.literal('RSA'), n: integer, e: integer })

/** A public key as its required members only (RFC 7517, RFC 7518 section 6, RFC 8037). */
export type PublicJwk =
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }

const schemas: Readonly<Record<SignatureAlgorithm, z.ZodType<PublicJwk>>> = {
  ES256: ellipticJwk,
  Ed25519: edwardsJwk,
  RS256: rsaJwk,
}

/**
 * Takes the public members out of a JWK and leaves everything else behind, a private half above all.
 *
 * @returns undefined if it is no key of that algorithm
 */
export function readPublicJwk(jwk: unknown, algorithm: SignatureAlgorithm): PublicJwk | undefined {
  return schemas[algorithm].safeParse(jwk).data
}

/** The thumbprint of a key, which is its id (RFC 7638 section 3: SHA-256 over the required members in order, without spaces). */
export function jwkThumbprint(jwk: PublicJwk): string {
  return encodeBase64url(
    createHash('sha256')
      .update(JSON.stringify(requiredMembers(jwk)))
      .digest(),
  )
}

function requiredMembers(jwk: PublicJwk): Readonly<Record<string, string>> {
  switch (jwk.kty) {
    case 'EC':
      return { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }
    case 'OKP':
      return { crv: jwk.crv, kty: jwk.kty, x: jwk.x }
    case 'RSA':
      return { e: jwk.e, kty: jwk.kty, n: jwk.n }
  }
}
