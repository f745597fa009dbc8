import type { AccessTokenClaims } from '@pawl/protocol'

const claimsByRequest = new WeakMap<object, AccessTokenClaims>()

/** Remembers the claims of a request that was let in, for as long as the request lives. */
export function keepClaims(request: object, claims: AccessTokenClaims): void {
  claimsByRequest.set(request, claims)
}

/**
 * The claims of the access token with which this request was let in.
 *
 * @throws Error when the route is not protected: a mistake in the code, not in the request
 */
export function claimsOf(request: object): AccessTokenClaims {
  const claims = claimsByRequest.get(request)
  if (claims === undefined) throw new Error('claimsOf() was called on a route without protect()')
  return claims
}
