import { type AccessTokenClaims, parseCompactJws } from '@pawl/protocol'
import { type ClaimsReading, findUntimely, readClaims } from './claims-check.ts'
import { readHeader } from './header-check.ts'
import type { Finding } from './refusal.ts'
import type { WhenStale } from './requirement.ts'
import type { RevocationFeed } from './revocation-source.ts'
import { createTokenCache } from './token-cache.ts'
import type { TrustedIssuer } from './trusted-issuer.ts'
import type { VerificationKey } from './verification-key.ts'
import type { VerifierSettings } from './verifier-options.ts'

/** A token whose signature and form are right, and stay so as long as its key is its issuer's. */
interface KnownToken<Claims> {
  readonly issuer: TrustedIssuer
  readonly keyId: string
  readonly key: VerificationKey
  readonly reading: { readonly ok: true; readonly claims: Claims }
}

/** Checks single tokens, before anything that a route asks for. */
export interface TokenCheck<Claims> {
  /** Answers at once where nothing has to be waited for. Never rejects because of a token. */
  check(token: string, whenStale: WhenStale): Eventually<ClaimsReading<Claims>>
}

/** Something that is there, or will be. */
type Eventually<Value> = Value | Promise<Value>

/**
 * Makes the check, in the order of standards AT-4: form, type, algorithm, issuer, signature, claims, status.
 *
 * What was found of form, signature and claims is remembered with the exact text of a token, which is its only spelling.
 * Whether its key is still its issuer's, its time, and whether it was revoked is looked at every time.
 *
 * Nothing is awaited that is there already: for a token that was met before, that would be most of what it costs, and for
 * others much of what is not the signature.
 */
export function createTokenCheck<Claims extends AccessTokenClaims>(options: {
  /** By `iss`. A Map finds nothing for a name that objects inherit, and nothing for an `iss` that is no string. */
  readonly issuers: ReadonlyMap<unknown, TrustedIssuer>
  readonly settings: VerifierSettings
  /** Reads the application's own claims. */
  readonly readOwn: (claims: AccessTokenClaims) => ClaimsReading<Claims>
  /** Milliseconds since 1970. */
  readonly clock: () => number
}): TokenCheck<Claims> {
  const { clock, issuers, readOwn, settings } = options
  const { clockSkewSeconds } = settings
  const cache = createTokenCache<KnownToken<Claims>>(settings.cache, clock)

  /** What any of the issuers may sign with; what each of them may is looked at once it is known which one it is. */
  const algorithms = [...issuers.values()].flatMap((issuer) => issuer.algorithms)

  const readTimely = (
    payload: Readonly<Record<string, unknown>>,
    { audience }: TrustedIssuer,
  ): ClaimsReading<Claims> => {
    const reading = readClaims(payload, audience)
    if ('reason' in reading) return reading
    const reason = findUntimely(reading.claims, clock() / 1_000, clockSkewSeconds)
    if (reason !== undefined) return { reason }
    // Nothing here has seen a proof of the key that such a token is bound to (RFC 9449 section 7.2).
    if (reading.claims.cnf !== undefined) return { reason: 'wrong_binding' }
    return readOwn(reading.claims)
  }

  const meet = (token: string): Eventually<KnownToken<Claims> | Finding> => {
    const jws = parseCompactJws(token)
    if (jws === undefined) return { reason: 'malformed' }
    const header = readHeader(jws.header, algorithms)
    if ('reason' in header) return header
    const { algorithm, keyId } = header
    const issuer = issuers.get(jws.payload['iss'])
    if (issuer === undefined) return { reason: 'wrong_issuer' }
    if (!issuer.algorithms.includes(algorithm)) return { reason: 'unsupported_algorithm' }
    return after(issuer.keys.find(keyId), (lookup) => {
      if ('reason' in lookup) return lookup
      const { key } = lookup
      if (key.algorithm !== algorithm) return { reason: 'unsupported_algorithm' }
      return after(key.verify(jws.signingInput, jws.signature), (genuine) => {
        if (!genuine) return { reason: 'bad_signature' }
        const reading = readTimely(jws.payload, issuer)
        if ('reason' in reading) return reading
        freeze(reading)
        const known = { issuer, keyId, key, reading }
        cache.set(token, known, (reading.claims.exp + clockSkewSeconds) * 1_000)
        return known
      })
    })
  }

  const judge = (
    token: string,
    { issuer, keyId, reading }: KnownToken<Claims>,
    whenStale: WhenStale,
  ): ClaimsReading<Claims> => {
    const { claims } = reading
    const { feed } = issuer
    const reason = findUntimely(claims, clock() / 1_000, clockSkewSeconds) ?? feed?.judge(claims, keyId)
    if (reason !== undefined) {
      cache.delete(token)
      return { reason }
    }
    return findBlindness(feed, whenStale) ?? reading
  }

  const judgeUpToDate = (token: string, known: KnownToken<Claims>, whenStale: WhenStale) => {
    return after(known.issuer.feed?.catchUp(), () => judge(token, known, whenStale))
  }

  /** A token that was met before, if its key is still the one; if that cannot be said at once, it is met anew. */
  const recall = (token: string): KnownToken<Claims> | undefined => {
    const known = cache.get(token)
    if (known === undefined) return undefined
    const lookup = known.issuer.keys.find(known.keyId)
    if (lookup instanceof Promise) return undefined
    if ('key' in lookup && lookup.key === known.key) return known
    cache.delete(token)
    return undefined
  }

  return {
    check(token, whenStale) {
      const known = recall(token)
      if (known !== undefined) return judgeUpToDate(token, known, whenStale)
      return after(meet(token), (met) => ('reason' in met ? met : judgeUpToDate(token, met, whenStale)))
    },
  }
}

/** Goes on with a value as soon as it is there. */
function after<Value, Result>(
  value: Eventually<Value>,
  goOn: (value: Value) => Eventually<Result>,
): Eventually<Result> {
  return value instanceof Promise ? value.then(goOn) : goOn(value)
}

/** Why it cannot be told whether a token was revoked, if that matters. */
function findBlindness(feed: RevocationFeed | undefined, whenStale: WhenStale): Finding | undefined {
  if (whenStale === 'accept') return undefined
  if (feed === undefined) return { reason: 'revocation_unknown', retryAfterSeconds: 60, detail: 'no feed' }
  const { lagMilliseconds, problem, state } = feed.report()
  if (state === 'live') return undefined
  if (whenStale !== 'refuse' && lagMilliseconds <= whenStale.acceptForSeconds * 1_000) return undefined
  const retryAfterSeconds = feed.retryAfterSeconds()
  return { reason: 'revocation_unknown', retryAfterSeconds, ...(problem !== undefined && { detail: problem }) }
}

/** Freezes plain objects and arrays all the way down: many requests are given the same ones. */
function freeze(value: object | null): void {
  if (value === null || Object.isFrozen(value)) return
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return
  Object.freeze(value)
  for (const member of Object.values(value)) freeze(member)
}
