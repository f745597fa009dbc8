import type { AccessTokenClaims } from '@pawl/protocol'
import type { Verifier } from '../verifier.ts'

/** The claims of a request that was let in, and who let it in, which tells their type. */
interface Kept<Claims extends AccessTokenClaims> {
  readonly claims: Claims
  readonly verifier: Pick<Verifier<Claims>, 'verify'>
}

const keptByRequest = new WeakMap<object, Kept<AccessTokenClaims>>()

/** Remembers the claims of a request that was let in, for as long as the request lives. */
export function keepClaims<Claims extends AccessTokenClaims>(
  request: object,
  claims: Claims,
  verifier: Pick<Verifier<Claims>, 'verify'>,
): void {
  keptByRequest.set(request, { claims, verifier })
}

/**
 * The claims of the access token with which this request was let in.
 *
 * @throws Error when the route is not protected: a mistake in the code, not in the request
 */
export function claimsOf(request: object): AccessTokenClaims
/**
 * The same, with the type that the schema of the verifier gives to the application's own claims.
 *
 * @param verifier the one that let the request in
 * @throws Error when the route is not protected, or by another verifier: a mistake in the code, not in the request
 */
export function claimsOf<Claims extends AccessTokenClaims>(
  request: object,
  verifier: Pick<Verifier<Claims>, 'verify'>,
): Claims
/** Both of them. */
export function claimsOf<Claims extends AccessTokenClaims>(
  request: object,
  verifier?: Pick<Verifier<Claims>, 'verify'>,
): AccessTokenClaims {
  const kept = keptByRequest.get(request)
  if (kept === undefined || (verifier !== undefined && kept.verifier !== verifier)) {
    throw new Error('claimsOf() was called without protect(), or with another verifier')
  }
  return kept.claims
}
