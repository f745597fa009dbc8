import type { AccessTokenClaims, RefusalReason } from '@pawl/protocol'
import { audienceOf, checkSignature, judgeLifetime } from './access-token.ts'
import type { TokenDependencies } from './refresh-session.ts'
import type { SessionRecord, SessionUser } from './session.ts'
import { expiryReason } from './session-standing.ts'

/** The store's clock, for tokens that have no session to read it with. */
export interface StoreClock {
  /** Milliseconds since 1970. */
  storeNow(): Promise<number>
}

/** An access token of ours, looked at with the store at hand: theft and revocation show at once. */
export type AccessCheck =
  | {
      readonly kind: 'active'
      readonly claims: AccessTokenClaims
      readonly now: number
      /** Absent for tokens that no session stands behind. */
      readonly standing?: { readonly session: SessionRecord; readonly user: SessionUser }
    }
  | { readonly kind: 'refused'; readonly reason: RefusalReason }

/**
 * Checks an access token for the server's own use.
 *
 * @param audience resources of which the token must name at least one; undefined: any
 */
export async function checkAccessToken(
  token: string,
  expected: { readonly issuer: string; readonly audience: readonly string[] | undefined },
  dependencies: Pick<TokenDependencies, 'sessions' | 'signer'> & { readonly clock: StoreClock },
): Promise<AccessCheck> {
  const signed = await checkSignature(token, expected.issuer, dependencies.signer)
  if (signed.kind === 'refused') return signed
  const { claims } = signed
  const resources = audienceOf(claims)
  if (expected.audience !== undefined && !expected.audience.some((resource) => resources.includes(resource))) {
    return { kind: 'refused', reason: 'wrong_audience' }
  }

  if (claims.sid === undefined) {
    const now = await dependencies.clock.storeNow()
    const late = judgeLifetime(claims, now)
    return late === undefined ? { kind: 'active', claims, now } : { kind: 'refused', reason: late }
  }
  const { session, user, now } = await dependencies.sessions.readSession(claims.sid)
  const late = judgeLifetime(claims, now)
  if (late !== undefined) return { kind: 'refused', reason: late }
  if (session === undefined || user === undefined) return { kind: 'refused', reason: 'session_gone' }
  const ended = session.revokedReason ?? expiryReason(session, now)
  if (ended !== undefined) return { kind: 'refused', reason: ended }
  if (user.disabledAt !== null) return { kind: 'refused', reason: 'user_disabled' }
  return { kind: 'active', claims, now, standing: { session, user } }
}
