import { clientAssertionJwtType, parseCompactJws } from '@pawl/protocol'
import { digestSecret } from '../secrets/secret-digest.ts'
import { algorithmNamed, type ClientKey, usableKey } from './assertion-keys.ts'
import type { ClientRecord } from './client.ts'

/** How far ahead of the store's clock `iat` and `nbf` may be, in seconds (standards CA-6: at least 10, at most 60). */
const aheadSeconds = 30
/** How far ahead `exp` may lie, in seconds: until then the assertion's number has to be remembered. */
const longestAssertionSeconds = 3_600
const longestNumber = 256

/** What the check of assertions works with. */
export interface AssertionSurroundings {
  /** The issuer: the one audience that an assertion may have. */
  readonly issuer: string
  /** The store's instant in milliseconds since 1970. */
  readonly now: () => Promise<number>
  /** Remembers a key for so many milliseconds. False: it was remembered before. One step of the store, on all nodes. */
  readonly useOnce: (key: string, milliseconds: number) => Promise<boolean>
  /**
   * The client's keys.
   *
   * @param anew that those which are known did not fit, so that it is worth asking where they come from
   */
  readonly keysOf: (client: ClientRecord, anew: boolean) => Promise<readonly ClientKey[]>
}

/** Whether a client has signed that it is itself. */
export type CheckAssertion = (assertion: string, client: ClientRecord) => Promise<boolean>

/** The client that an assertion says it comes from; unproven. */
export function claimedBy(assertion: string): string | undefined {
  const sub = parseCompactJws(assertion)?.payload['sub']
  return typeof sub === 'string' && sub !== '' ? sub : undefined
}

/**
 * Checks assertions as RFC 7523 section 3 has it, with what its update makes stricter (standards CA-4 to CA-6): signed by a
 * key of the client's own with the one algorithm that it is registered for, meant for this issuer and nobody else, not
 * typed as another kind of JWT, in time, and never used before.
 */
export function createAssertionCheck({ issuer, now, useOnce, keysOf }: AssertionSurroundings): CheckAssertion {
  return async (assertion, client) => {
    const jws = parseCompactJws(assertion)
    const algorithm = client.assertionKeys?.algorithm
    if (jws === undefined || algorithm === undefined || !isAcceptable(jws.header)) return false
    if (algorithmNamed(jws.header['alg']) !== algorithm) return false
    const at = await now()
    const claims = readClaims(jws.payload, at)
    if (claims === undefined || claims.issuedBy !== client.id || claims.audience !== issuer) return false

    const { kid } = jws.header
    const signs = (key: ClientKey) =>
      (kid === undefined || key.kid === undefined || key.kid === kid) &&
      usableKey(key, algorithm)?.verify(jws.signingInput, jws.signature) === true
    const signed = (await keysOf(client, false)).some(signs) || (await keysOf(client, true)).some(signs)
    // Only what is proven is written down: nobody else can use up a number of the client's.
    return signed && (await useOnce(useKey(client.id, claims.number), claims.expiresAt - at))
  }
}

/** A type is optional, but another kind of JWT is none of these; no extension is understood (standards JW-4, JW-7). */
function isAcceptable(header: Readonly<Record<string, unknown>>): boolean {
  if ('crit' in header || 'b64' in header) return false
  const { typ } = header
  if (typ === undefined) return true
  if (typeof typ !== 'string') return false
  return ['jwt', clientAssertionJwtType].includes(typ.toLowerCase().replace(/^application\//, ''))
}

interface AssertionClaims {
  readonly issuedBy: string
  readonly audience: string
  /** Its `jti`. */
  readonly number: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** The claims, if they are of their form and in time. */
function readClaims(payload: Readonly<Record<string, unknown>>, now: number): AssertionClaims | undefined {
  const { iss, sub, aud, exp, iat = 0, nbf = 0, jti } = payload
  if (typeof iss !== 'string' || iss !== sub) return undefined
  const audience: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
  if (typeof audience !== 'string') return undefined
  if (typeof jti !== 'string' || jti === '' || jti.length > longestNumber) return undefined
  if (!isInstant(exp) || !isInstant(iat) || !isInstant(nbf)) return undefined
  const inTime = exp * 1000 > now && exp * 1000 <= now + longestAssertionSeconds * 1000
  const begun = Math.max(iat, nbf) * 1000 <= now + aheadSeconds * 1000
  if (!inTime || !begun) return undefined
  return { issuedBy: iss, audience, number: jti, expiresAt: Math.ceil(exp * 1000) }
}

function isInstant(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

/** A digest: the store is given nothing that it would have to take apart, and always as much of it. */
function useKey(clientId: string, number: string): string {
  return `assertion:${Buffer.from(digestSecret(JSON.stringify([clientId, number]))).toString('base64url')}`
}
