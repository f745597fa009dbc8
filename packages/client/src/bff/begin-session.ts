import type { BffParts } from './bff-parts.ts'
import type { LiveBffSession } from './bff-session.ts'

/** Gives the browser a new session in place of whatever it had: a session id is never taken over (CK-5). */
export async function beginSession(
  { cookies, keeping, tokens, now }: BffParts,
  request: Request,
  session: LiveBffSession,
  answer: Response,
): Promise<Response> {
  const before = cookies.readSession(request.headers.get('Cookie'))
  const value = await keeping.add(session)
  for (const line of cookies.forSession(null, value, session, now())) answer.headers.append('Set-Cookie', line)
  if (before === undefined) return answer
  const replaced = await keeping.find(before).catch(() => undefined)
  await keeping.remove(before).catch(() => undefined)
  // Alive and lost sight of, it would be a session that nobody can end. Nobody waits for that.
  if (replaced?.kind === 'live') void tokens.end(replaced)
  return answer
}
