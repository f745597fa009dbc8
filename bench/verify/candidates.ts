import { createPublicKey, verify as verifyRaw } from 'node:crypto'
import { createVerifier as createPawlVerifier, type Verifier } from '@pawl/verifier'
import { revocationFeed } from '@pawl/verifier/revocation-feed'
import { createVerifier as createFastJwt } from 'fast-jwt'
import { importJWK, jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import type { Work } from '../measuring/paired-rates.ts'
import type { Issued } from './issued-tokens.ts'

/** A verifier whose feed is up to date. */
export interface LiveVerifier extends Disposable {
  readonly verifier: Verifier
}

/** Makes our verifier as applications do, its fetch going to the server in this process. */
export async function startVerifier({ issuer, fetch }: Issued, maxTokens: number): Promise<LiveVerifier> {
  const verifier = createPawlVerifier({
    issuer,
    audience: issuer,
    revocations: revocationFeed(),
    cache: { maxTokens },
    fetch,
  })
  return { verifier, [Symbol.dispose]: () => verifier.close() }
}

/** The text of a token as it comes with a request: a string that nothing is known of yet, not even its hash. */
type Arrivals = () => string

/** Tokens in turn, again and again. */
export function arrivalsOf(tokens: readonly string[]): Arrivals {
  const bytes = tokens.map((token) => Buffer.from(token))
  let at = 0
  return () => {
    at = (at + 1) % bytes.length
    return bytes[at]?.toString('latin1') ?? ''
  }
}

/** Ours. */
export function pawl({ verifier }: LiveVerifier, next: Arrivals): Work {
  return async (units) => {
    for (let unit = 0; unit < units; unit += 1) {
      const verification = await verifier.verify(next())
      if (!verification.ok) throw new Error(`refused: ${verification.refusal.reason}`)
    }
  }
}

/** The signature alone: one call of `node:crypto` for each token that arrives, all that it takes prepared beforehand. */
export function raw({ publicKey, tokens }: Issued, next: Arrivals): Work {
  const key = createPublicKey({ key: publicKey, format: 'jwk' })
  const prepared = tokens.map((token) => {
    const [signingInput = '', signature = ''] = [token.slice(0, token.lastIndexOf('.')), token.split('.')[2]]
    return { input: Buffer.from(signingInput), signature: derOf(Buffer.from(signature, 'base64url')) }
  })
  let at = 0
  return (units) => {
    for (let unit = 0; unit < units; unit += 1) {
      next()
      at = (at + 1) % prepared.length
      const { input, signature } = prepared[at] ?? { input: Buffer.alloc(0), signature: Buffer.alloc(0) }
      if (!verifyRaw('sha256', input, key, signature)) throw new Error('a genuine signature was refused')
    }
  }
}

/** fast-jwt, with its cache of so many tokens; 0: without. */
export function fastJwt({ issuer, publicKey }: Issued, next: Arrivals, cache: number): Work {
  const key = createPublicKey({ key: publicKey, format: 'jwk' }).export({ format: 'pem', type: 'spki' })
  const verify = createFastJwt({
    key,
    algorithms: ['ES256'],
    allowedIss: issuer,
    allowedAud: issuer,
    checkTyp: 'at+jwt',
    cache: cache > 0 && cache,
  })
  return (units) => {
    for (let unit = 0; unit < units; unit += 1) verify(next())
  }
}

/** jose; it has no cache. */
export async function jose({ issuer, publicKey }: Issued, next: Arrivals): Promise<Work> {
  const key = await importJWK(publicKey, 'ES256')
  const options = { issuer, audience: issuer, typ: 'at+jwt', algorithms: ['ES256'] }
  return async (units) => {
    for (let unit = 0; unit < units; unit += 1) await jwtVerify(next(), key, options)
  }
}

/** jsonwebtoken; it has no cache and does not look at `typ`. */
export function jsonWebToken({ issuer, publicKey }: Issued, next: Arrivals): Work {
  const key = createPublicKey({ key: publicKey, format: 'jwk' })
  return (units) => {
    for (let unit = 0; unit < units; unit += 1) {
      jsonwebtoken.verify(next(), key, { algorithms: ['ES256'], issuer, audience: issuer })
    }
  }
}

/** R and S as the two numbers in DER that OpenSSL works with. */
function derOf(signature: Buffer): Buffer {
  const numbers = [signature.subarray(0, 32), signature.subarray(32)].map((half) => {
    const first = half.findIndex((byte) => byte !== 0)
    const digits = half.subarray(first)
    const positive = (digits[0] ?? 0) > 127 ? Buffer.concat([Buffer.of(0), digits]) : digits
    return Buffer.concat([Buffer.of(2, positive.length), positive])
  })
  const sequence = Buffer.concat(numbers)
  return Buffer.concat([Buffer.of(0x30, sequence.length), sequence])
}
