import { constantTimeEqual } from '../secrets/constant-time-equal.ts'
import { over, unavailable } from './refresh-refusal.ts'
import type { RefreshingClient, RefreshRefused, RefreshRequest, TokenDependencies } from './refresh-session.ts'
import { deriveRefreshSecret } from './refresh-token.ts'
import { type SessionRecord, type SessionUser, sessionEnd, sessionEndRule } from './session.ts'
import { refuseStranger } from './session-finding.ts'
import type { SessionReading } from './session-store.ts'

/** A live session of an enabled user, met by its own client with a genuine token; or why not. */
export type Standing =
  | {
      readonly kind: 'standing'
      readonly session: SessionRecord
      readonly user: SessionUser
      readonly client: RefreshingClient
    }
  | RefreshRefused

/** Everything that can refuse before the generation counts, in the fixed order of the design (finding F20). */
export async function judgeStanding(
  request: Pick<RefreshRequest, 'presented' | 'presentedBy' | 'clientOf' | 'proof' | 'device' | 'hasLeft'>,
  reading: SessionReading,
  dependencies: Pick<TokenDependencies, 'sessions' | 'events' | 'refreshKeys'>,
): Promise<Standing> {
  const { session, user, now } = reading
  const { presented } = request
  if (session === undefined) return over('unknown_token')

  const key = await dependencies.refreshKeys.refreshKey(presented.keyId)
  if (key === 'not_loaded') return unavailable('key_not_loaded')
  if (key === 'unknown') return over('unknown_token')
  if (!constantTimeEqual(deriveRefreshSecret(key.key, session, presented.generation), presented.secret))
    return over('unknown_token')

  const encounter = { request, session, now, dependencies }
  const client = request.clientOf(session.clientId)
  if (client === undefined) return refuseStranger('wrong_client', encounter)
  if (session.binding !== null && session.binding !== request.proof) return refuseStranger('wrong_binding', encounter)
  if (session.revokedReason !== null) return over(session.revokedReason)
  const expired = expiryReason(session, now)
  if (expired !== undefined) return over(expired)
  if (user === undefined || user.disabledAt !== null) return over('user_disabled')
  return { kind: 'standing', session, user, client }
}

/** Which of the two limits, if any, has ended the session at `now`. */
export function expiryReason(session: SessionRecord, now: number): 'idle_expired' | 'absolute_expired' | undefined {
  return sessionEnd(session) > now ? undefined : `${sessionEndRule(session)}_expired`
}
