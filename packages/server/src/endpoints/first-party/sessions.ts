import type { SessionDocument, SessionListEntry } from '@pawl/protocol'
import { z } from 'zod'
import { endSession } from '../../tokens/end-session.ts'
import { sessionEnd } from '../../tokens/session.ts'
import { type PawlContext, refuse } from '../refusal-response.ts'
import type { Services } from '../services.ts'
import { requireSession } from './credentials.ts'
import { clearedCookies, jarHolds } from './session-cookies.ts'
import { readUnsafeRequest } from './unsafe-request.ts'

function rfc3339(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

/** `GET /auth/session`: who is signed in, by access cookie or bearer token. */
export async function currentSession(context: PawlContext, services: Services): Promise<Response> {
  const signedIn = await requireSession(context, services, false)
  if (signedIn.kind === 'answered') return signedIn.response
  const { session, user } = signedIn.standing
  const document: SessionDocument = {
    session_id: session.id,
    user: { id: user.id, username: user.username, roles: user.roles },
    client_id: session.clientId,
    created_at: rfc3339(session.createdAt),
    last_used_at: rfc3339(session.lastUsedAt),
    ends_at: rfc3339(sessionEnd(session)),
  }
  return context.json(document)
}

/** `GET /auth/sessions`: the user's live sessions on all devices. Never a token. */
export async function listSessions(context: PawlContext, services: Services): Promise<Response> {
  const signedIn = await requireSession(context, services, true)
  if (signedIn.kind === 'answered') return signedIn.response
  const own = signedIn.standing.session
  const { sessions } = await services.tokens.sessions.listUserSessions(own.userId)
  const entries = sessions.map(
    (session): SessionListEntry => ({
      session_id: session.id,
      client_id: session.clientId,
      created_at: rfc3339(session.createdAt),
      last_used_at: rfc3339(session.lastUsedAt),
      ends_at: rfc3339(sessionEnd(session)),
      address: session.lastUsedFrom.address,
      user_agent: session.lastUsedFrom.userAgent,
      ...(session.id === own.id && { current: true as const }),
    }),
  )
  return context.json({ sessions: entries })
}

/** `DELETE /auth/sessions/{id}`: ends one of the user's own sessions. */
export async function endOneSession(context: PawlContext, services: Services, id: string): Promise<Response> {
  const request = await readUnsafeRequest(context, services, z.object({}), () => false)
  if (request.kind === 'refused') return refuse(context, request.refusal)
  const signedIn = await requireSession(context, services, true)
  if (signedIn.kind === 'answered') return signedIn.response
  const own = signedIn.standing.session
  const { session, now } = await services.tokens.sessions.readSession(id)
  // A stranger's session and none at all look alike.
  if (session === undefined || session.userId !== own.userId) return refuse(context, { error: 'not_found' })
  const isOwn = session.id === own.id
  const reason = isOwn ? 'logout' : 'revoked_by_user'
  await endSession({ session, now, reason, actor: 'user', device: request.device }, services.tokens)
  if (isOwn && request.cookies.any && jarHolds(request.cookies, session.id)) {
    for (const line of clearedCookies(services.cookies, request.cookies)) {
      context.header('Set-Cookie', line, { append: true })
    }
  }
  context.set('outcome', 'session_ended')
  return context.body(null, 204)
}
