import type { SessionEndReason } from '@pawl/protocol'
import { constantTimeEqual } from '../secrets/constant-time-equal.ts'
import type { Device, SecurityEvent } from '../security-events/security-event.ts'
import type { TokenDependencies } from './refresh-session.ts'
import { deriveRefreshSecret, type PresentedRefreshToken } from './refresh-token.ts'
import type { SessionRecord } from './session.ts'

/** Ends one session; true if it was this call that ended it. */
export async function endSession(
  ending: {
    readonly session: Pick<SessionRecord, 'id' | 'userId' | 'clientId'>
    readonly now: number
    readonly reason: SessionEndReason
    readonly actor: SecurityEvent['actor']
    readonly device?: Device
  },
  dependencies: Pick<TokenDependencies, 'sessions'>,
): Promise<boolean> {
  const { session, now, reason, actor, device } = ending
  return dependencies.sessions.endSession({
    id: session.id,
    now,
    reason,
    event: {
      type: 'session_ended',
      at: now,
      actor,
      sessionId: session.id,
      userId: session.userId,
      clientId: session.clientId,
      reason,
      ...(device !== undefined && { device }),
    },
  })
}

/** What a refresh token names, if it is genuine, whatever its generation and however its session stands. */
export type Recognised =
  | { readonly kind: 'recognised'; readonly session: SessionRecord; readonly now: number }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'not_loaded' }

/** Tells a genuine refresh token of any generation from garbage; for signing out and revoking, which any of them may do. */
export async function recogniseRefreshToken(
  presented: PresentedRefreshToken,
  dependencies: Pick<TokenDependencies, 'sessions' | 'refreshKeys'>,
): Promise<Recognised> {
  const key = await dependencies.refreshKeys.refreshKey(presented.keyId)
  if (key === 'not_loaded') return { kind: 'not_loaded' }
  if (key === 'unknown') return { kind: 'unknown' }
  const { session, now } = await dependencies.sessions.readSession(presented.sessionId)
  if (session === undefined) return { kind: 'unknown' }
  const genuine = constantTimeEqual(deriveRefreshSecret(key.key, session, presented.generation), presented.secret)
  return genuine ? { kind: 'recognised', session, now } : { kind: 'unknown' }
}
