import type { SessionListing } from '@pawl/server'
import { instant, instantOrNull } from './output.ts'

/** When a session ends and by which of its two limits, for people. */
export function explainEnd(session: Pick<SessionListing, 'endsAt' | 'endsBy'>): string {
  return `${instant(session.endsAt)} ${session.endsBy === 'idle' ? 'if nothing uses it before' : 'whatever happens'}`
}

/** A session as JSON, in the words of `GET /auth/sessions` where it has them. */
export function sessionDocument(session: SessionListing): Readonly<Record<string, unknown>> {
  return {
    session_id: session.id,
    user_id: session.userId,
    client_id: session.clientId,
    scope: session.scope.join(' '),
    resources: session.resources,
    generation: session.generation,
    created_at: instant(session.createdAt),
    last_used_at: instant(session.lastUsedAt),
    ends_at: instant(session.endsAt),
    ends_by: session.endsBy,
    address: session.lastUsedFrom.address,
    user_agent: session.lastUsedFrom.userAgent,
    repeats: session.repeats,
    repeat_holders: session.repeatHolders,
    peeks: session.peeks,
    revoked_at: instantOrNull(session.revokedAt),
    revoked_reason: session.revokedReason,
  }
}
