import { parseCookie, stringifySetCookie } from 'cookie'
import { pagesClientId } from '../../registered-clients/client.ts'
import { endSession, recogniseRefreshToken } from '../../tokens/end-session.ts'
import { parseRefreshToken } from '../../tokens/refresh-token.ts'
import { type SessionRecord, type SessionUser, sessionEnd } from '../../tokens/session.ts'
import { startSession } from '../../tokens/start-session.ts'
import { deviceOf } from '../first-party/unsafe-request.ts'
import type { PawlContext } from '../refusal-response.ts'
import type { Services } from '../services.ts'

/**
 * Somebody who is signed in at the pages. His session is an ordinary one, of a client that may nothing: its cookie is good
 * for these pages only, and it shows and ends with his others.
 */
export interface PageSession {
  readonly session: SessionRecord
  readonly user: SessionUser
}

/** Each one costs a read; no honest jar holds more. */
const mostCookies = 4

/** Who is signed in at the pages in this browser. */
export async function findPageSession(context: PawlContext, services: Services): Promise<PageSession | undefined> {
  for (const value of cookieValues(context, services)) {
    const presented = parseRefreshToken(value)
    const found = presented === undefined ? undefined : await recogniseRefreshToken(presented, services.tokens)
    if (found?.kind !== 'recognised' || found.session.clientId !== pagesClientId) continue
    const { session, user, now } = await services.tokens.sessions.readSession(found.session.id)
    const live = session !== undefined && session.revokedAt === null && sessionEnd(session) > now
    if (live && user?.disabledAt === null) return { session, user }
  }
  return undefined
}

/**
 * Signs a user in at the pages, and out whoever was so before in this browser.
 *
 * @param now the store's instant before the user was read, in milliseconds
 * @returns the session, or undefined when the user was disabled in between
 */
export async function startPageSession(
  context: PawlContext,
  services: Services,
  { user, now }: { readonly user: SessionUser; readonly now: number },
): Promise<PageSession | undefined> {
  const { settings, tokens } = services
  const outcome = await startSession(
    {
      now,
      user,
      client: { id: pagesClientId, accessSeconds: settings.accessSeconds },
      scope: [],
      resources: [settings.issuer],
      acr: null,
      amr: ['pwd'],
      delivery: 'cookie',
      device: deviceOf(context),
      absoluteMilliseconds: settings.absoluteSeconds * 1000,
      prepare: async () => ({ kind: 'prepared', plans: [] }),
    },
    tokens,
  )
  if (outcome.kind === 'refused') return undefined
  await endPageSessions(context, services, 'signed_in_again')
  writeCookie(context, services, outcome.refreshToken, outcome.lifetimes.refreshTokenTimeout)
  return { session: outcome.session, user }
}

/** Ends what this browser holds of sessions at the pages. */
export async function endPageSessions(
  context: PawlContext,
  services: Services,
  reason: 'logout' | 'signed_in_again',
): Promise<void> {
  for (const value of cookieValues(context, services)) {
    const presented = parseRefreshToken(value)
    const found = presented === undefined ? undefined : await recogniseRefreshToken(presented, services.tokens)
    if (found?.kind !== 'recognised' || found.session.clientId !== pagesClientId) continue
    const { session, now } = found
    await endSession({ session, now, reason, actor: 'user', device: deviceOf(context) }, services.tokens)
  }
  if (reason === 'logout') writeCookie(context, services, '', 0)
}

/** Whether the browser sent the pages' cookie, whatever it holds. */
export function carriesPageCookie(context: PawlContext, services: Services): boolean {
  return cookieValues(context, services).length > 0
}

function cookieName({ settings }: Services): string {
  return settings.secure ? '__Secure-pawl_pages' : 'pawl_pages'
}

function cookieValues(context: PawlContext, services: Services): readonly string[] {
  const name = cookieName(services)
  const pairs = (context.req.header('cookie') ?? '').split(';').map((pair) => parseCookie(pair))
  return pairs.flatMap((pair) => pair[name] || []).slice(0, mostCookies)
}

/** Lax: the browser comes here by a link from the client's site. One cookie, whatever is pending (T19.3). */
function writeCookie(context: PawlContext, services: Services, value: string, maxAge: number): void {
  const { secure, basePath } = services.settings
  const attributes = { path: `${basePath}/oauth`, maxAge, httpOnly: true, secure, sameSite: 'lax' } as const
  context.header('Set-Cookie', stringifySetCookie({ name: cookieName(services), value, ...attributes }), {
    append: true,
  })
}
