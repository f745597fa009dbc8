import type { AccessTokenClaims } from '@pawl/protocol'

/** What a route asks of an access token beyond being valid. A list always means all of it. */
export interface Requirement {
  /** Scopes that the token must hold, all of them. */
  readonly scope?: readonly string[]
  /** Roles that the user must have: all of a list, or any of `{ any: [...] }`. */
  readonly roles?: readonly string[] | { readonly any: readonly [string, ...string[]] }
  /** How the user must have authenticated: the token's `acr` is this, or any of `{ any: [...] }`, the best one first. */
  readonly acr?: string | { readonly any: readonly [string, ...string[]] }
  /** How long ago, in seconds, the user may have authenticated (`auth_time`), the clock skew apart. */
  readonly maxAgeSeconds?: number
}

/**
 * What happens to a good token while it cannot be told whether it was revoked, because the revocation feed is out of
 * reach: it is accepted; accepted for that many seconds after the last word from the feed; refused.
 */
export type WhenStale = 'accept' | { readonly acceptForSeconds: number } | 'refuse'

/** What a route asks for. */
export interface VerifyOptions {
  readonly require?: Requirement
  /** Default: what the verifier was made with. */
  readonly whenStale?: WhenStale
}

/** Characters of a scope token (RFC 6749 section 3.3), so that it can stand in a challenge as it is. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/**
 * Refuses what can only be a slip of the pen, where the route is declared rather than at the first request.
 *
 * @throws TypeError
 */
export function assertVerifyOptions({ require = {}, whenStale }: VerifyOptions): void {
  const { maxAgeSeconds = 0, scope = [] } = require
  for (const value of [...scope, ...(acrValuesOf(require) ?? [])]) {
    if (!scopeToken.test(value)) throw new TypeError(`require: '${value}' is not one scope or acr`)
  }
  if (!isSeconds(maxAgeSeconds)) throw new TypeError('require: maxAgeSeconds has to be at least 0')
  assertWhenStale(whenStale)
}

/**
 * Refuses a policy that is none.
 *
 * @throws TypeError
 */
export function assertWhenStale(whenStale: WhenStale = 'accept'): void {
  if (whenStale === 'accept' || whenStale === 'refuse' || isSeconds(whenStale.acceptForSeconds)) return
  throw new TypeError("whenStale has to be 'accept', 'refuse' or { acceptForSeconds }")
}

function isSeconds(value: number): boolean {
  return Number.isFinite(value) && value >= 0
}

/** The `acr` values of a requirement, the best one first; undefined without any. */
export function acrValuesOf({ acr }: Requirement): readonly string[] | undefined {
  return typeof acr === 'string' ? [acr] : acr?.any
}

/**
 * What the claims lack for a requirement; undefined when nothing. What the user may do comes before how he authenticated:
 * nobody should be asked to do that again for something that he may not do (RFC 9470).
 *
 * @param clock instant from which `maxAgeSeconds` counts back, in seconds since 1970, the skew taken off
 */
export function findShortfall(
  claims: AccessTokenClaims,
  requirement: Requirement,
  clock: () => number,
): 'missing_scope' | 'missing_role' | 'authentication_too_weak' | 'authentication_too_old' | undefined {
  const { scope = [], roles = [], maxAgeSeconds } = requirement
  if (scope.length > 0) {
    const held = claims.scope?.split(' ') ?? []
    if (!scope.every((each) => held.includes(each))) return 'missing_scope'
  }
  const held = claims.roles ?? []
  const enough =
    'any' in roles ? roles.any.some((role) => held.includes(role)) : roles.every((role) => held.includes(role))
  if (!enough) return 'missing_role'
  const strong = acrValuesOf(requirement)?.some((acr) => acr === claims.acr) ?? true
  if (!strong) return 'authentication_too_weak'
  const { auth_time: authenticatedAt = Number.NEGATIVE_INFINITY } = claims
  const recent = maxAgeSeconds === undefined || clock() - authenticatedAt <= maxAgeSeconds
  return recent ? undefined : 'authentication_too_old'
}
