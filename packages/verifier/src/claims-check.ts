import type { AccessTokenClaims } from '@pawl/protocol'
import type { Finding } from './refusal.ts'

/** What the claims of a token are held against. */
export interface Expectation {
  /** The token must be meant for one of these. */
  readonly audience: readonly string[]
  readonly clockSkewSeconds: number
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Claims that are right, or what is wrong with them. */
export type ClaimsReading =
  | { readonly ok: true; readonly claims: AccessTokenClaims }
  | { readonly ok: false; readonly finding: Finding }

type Payload = Readonly<Record<string, unknown>>

/**
 * Checks the claims of a token whose type, issuer and signature are right (RFC 9068 section 4, RFC 7519 section 4.1):
 * audience, then form, then time, then key binding. A token that is bound to a key is refused, for nothing here has seen
 * a proof of that key (RFC 9449 section 7.2).
 */
export function readClaims(payload: Payload, expectation: Expectation): ClaimsReading {
  const refuse = (reason: Finding['reason']): ClaimsReading => ({ ok: false, finding: { reason } })
  const { aud } = payload
  const audience: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!expectation.audience.some((resource) => audience.includes(resource))) return refuse('wrong_audience')
  if (!isAccessTokenClaims(payload)) {
    return { ok: false, finding: { reason: 'invalid_claim', detail: findMisformed(payload) ?? 'unknown' } }
  }
  const now = expectation.now / 1_000
  const { clockSkewSeconds } = expectation
  const notBefore = payload['nbf']
  if (now >= payload.exp + clockSkewSeconds) return refuse('expired')
  if (payload.iat > now + clockSkewSeconds) return refuse('not_yet_valid')
  if (typeof notBefore === 'number' && notBefore > now + clockSkewSeconds) return refuse('not_yet_valid')
  if (payload.cnf !== undefined) return refuse('wrong_binding')
  return { ok: true, claims: payload }
}

const isText = (value: unknown) => typeof value === 'string' && value !== ''
const isTexts = (value: unknown) => Array.isArray(value) && value.every((entry) => typeof entry === 'string')
/** A NumericDate may have a fraction (RFC 7519 section 2). */
const isInstant = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value >= 0
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)

const required: Readonly<Record<string, (value: unknown) => boolean>> = {
  iss: isText,
  sub: isText,
  aud: (value) => isText(value) || isTexts(value),
  exp: isInstant,
  iat: isInstant,
  jti: isText,
  client_id: isText,
}

const optional: Readonly<Record<string, (value: unknown) => boolean>> = {
  nbf: isInstant,
  scope: (value) => typeof value === 'string',
  sid: isText,
  auth_time: isInstant,
  acr: isText,
  amr: isTexts,
  roles: isTexts,
  cnf: isObject,
}

/** The name of a claim that is missing or not of its form; undefined when all are right. */
function findMisformed(payload: Payload): string | undefined {
  for (const [name, hasForm] of Object.entries(required)) if (!hasForm(payload[name])) return name
  for (const [name, hasForm] of Object.entries(optional)) {
    if (payload[name] !== undefined && !hasForm(payload[name])) return name
  }
  return undefined
}

function isAccessTokenClaims(payload: Payload): payload is AccessTokenClaims {
  return findMisformed(payload) === undefined
}
