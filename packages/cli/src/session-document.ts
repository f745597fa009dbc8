import type { SessionListing } from '@pawl/server'
import { instant, instantOrNull } from './output.ts'

/** When a session ends if nothing uses it before, in milliseconds: whichever of the two limits comes first. */
export function sessionEnd(session: SessionListing): number {
  return Math.min(session.idleExpiresAt, session.absoluteExpiresAt)
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
    ends_at: instant(sessionEnd(session)),
    address: session.lastUsedFrom.address,
    user_agent: session.lastUsedFrom.userAgent,
    revoked_at: instantOrNull(session.revokedAt),
    revoked_reason: session.revokedReason,
  }
}
