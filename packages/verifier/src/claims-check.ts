import { type AccessTokenClaims, isJsonObject } from '@pawl/protocol'
import type { Finding } from './refusal.ts'

/** Claims that are right, or what is wrong with them. */
export type ClaimsReading<Claims = AccessTokenClaims> = { readonly ok: true; readonly claims: Claims } | Finding

type Payload = Readonly<Record<string, unknown>>

/**
 * Reads the claims of a token whose type, issuer and signature are right (RFC 9068 section 4): audience, then form. What
 * they say of the time is for {@link findUntimely}, what they say of a key for {@link AccessTokenClaims.cnf}.
 *
 * @param expected the token must be meant for one of these
 */
export function readClaims(payload: Payload, expected: readonly string[]): ClaimsReading {
  const { aud } = payload
  const audience: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!expected.some((resource) => audience.includes(resource))) return { reason: 'wrong_audience' }
  if (isAccessTokenClaims(payload)) return { ok: true, claims: payload }
  return { reason: 'invalid_claim', detail: String(findMisformed(payload)) }
}

/**
 * Whether the time of a token is over or has not come (RFC 7519 section 4.1).
 *
 * @param now seconds since 1970
 */
export function findUntimely(
  claims: AccessTokenClaims,
  now: number,
  clockSkewSeconds: number,
): 'expired' | 'not_yet_valid' | undefined {
  const { exp, iat, nbf } = claims
  if (now >= exp + clockSkewSeconds) return 'expired'
  const latest = now + clockSkewSeconds
  return iat > latest || (typeof nbf === 'number' && nbf > latest) ? 'not_yet_valid' : undefined
}

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string' && value !== ''
const isTexts: Check = (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string')
/** A NumericDate may have a fraction (RFC 7519 section 2). */
const isInstant: Check = (value) => Number.isFinite(value) && Number(value) >= 0
const isMilliseconds: Check = (value) => isInstant(value) && Number.isInteger(value) && Number(value) < 1_000
const maybe = (check: Check): Check => {
  return (value) => value === undefined || check(value)
}

const forms: readonly [name: string, check: Check][] = Object.entries({
  iss: isText,
  sub: isText,
  aud: (value) => isText(value) || isTexts(value),
  exp: isInstant,
  iat: isInstant,
  jti: isText,
  client_id: isText,
  iat_ms: maybe(isMilliseconds),
  nbf: maybe(isInstant),
  scope: maybe((value) => typeof value === 'string'),
  sid: maybe(isText),
  auth_time: maybe(isInstant),
  acr: maybe(isText),
  amr: maybe(isTexts),
  roles: maybe(isTexts),
  cnf: maybe(isJsonObject),
})

/** The name of a claim that is missing or not of its form; undefined when all are right. */
function findMisformed(payload: Payload): string | undefined {
  return forms.find(([name, check]) => !check(payload[name]))?.[0]
}

function isAccessTokenClaims(payload: Payload): payload is AccessTokenClaims {
  return findMisformed(payload) === undefined
}
