import { z } from 'zod'
import { checkSignature } from '../../tokens/access-token.ts'
import { endSession, recogniseRefreshToken } from '../../tokens/end-session.ts'
import { parseRefreshToken } from '../../tokens/refresh-token.ts'
import type { SessionRecord } from '../../tokens/session.ts'
import { keyNotLoaded, type PawlContext, refuse } from '../refusal-response.ts'
import type { Services } from '../services.ts'
import { presentedAccess, requireSession } from './credentials.ts'
import { clearedCookies, jarHolds, type RequestCookies } from './session-cookies.ts'
import { readUnsafeRequest } from './unsafe-request.ts'

const logoutBody = z.object({ refresh_token: z.string().optional() })

/** The sessions a logout names, or that the server cannot tell yet. */
type Named =
  | { readonly kind: 'named'; readonly found: readonly { session: SessionRecord; now: number }[] }
  | { readonly kind: 'not_loaded' }

/**
 * `POST /auth/logout`: ends the session that the credential names, whatever its generation and even if it has expired.
 * 204 also when there is nothing to end, so that nobody is ever unable to sign out.
 */
export async function logout(context: PawlContext, services: Services): Promise<Response> {
  const request = await readUnsafeRequest(context, services, logoutBody, (body) => body.refresh_token !== undefined)
  if (request.kind === 'refused') return refuse(context, request.refusal)
  const { cookies, device } = request
  const explicit = context.req.header('authorization') !== undefined || request.body.refresh_token !== undefined
  const named = explicit
    ? await namedExplicitly(context, services, request.body.refresh_token, cookies)
    : await namedByJar(services, cookies)
  if (named.kind === 'not_loaded') {
    return refuse(context, keyNotLoaded)
  }
  for (const { session, now } of named.found) {
    await endSession({ session, now, reason: 'logout', actor: 'user', device }, services.tokens)
  }
  const ofJar = explicit ? named.found.some(({ session }) => cookies.any && jarHolds(cookies, session.id)) : true
  if (ofJar) clearJar(context, services, cookies)
  context.set('outcome', named.found.length > 0 ? 'signed_out' : 'nothing_to_end')
  return context.body(null, 204)
}

async function namedExplicitly(
  context: PawlContext,
  services: Services,
  refreshToken: string | undefined,
  cookies: RequestCookies,
): Promise<Named> {
  if (refreshToken !== undefined) return namedByRefreshToken(services, [refreshToken])
  const access = presentedAccess(context, cookies)
  const tokens = access.kind === 'tokens' ? access.tokens : []
  const found = await Promise.all(tokens.map((token) => namedByAccessToken(services, token)))
  return { kind: 'named', found: found.flat() }
}

async function namedByJar(services: Services, cookies: RequestCookies): Promise<Named> {
  const leftover = cookies.leftover.map(({ value }) => value)
  const named = await namedByRefreshToken(services, [...cookies.refresh, ...leftover])
  if (named.kind === 'not_loaded' || named.found.length > 0) return named
  const found = await Promise.all(cookies.access.map((token) => namedByAccessToken(services, token)))
  return { kind: 'named', found: found.flat() }
}

async function namedByRefreshToken(services: Services, tokens: readonly string[]): Promise<Named> {
  const found: { session: SessionRecord; now: number }[] = []
  for (const token of tokens) {
    const presented = parseRefreshToken(token)
    const recognised = presented === undefined ? undefined : await recogniseRefreshToken(presented, services.tokens)
    if (recognised?.kind === 'not_loaded') return recognised
    if (recognised?.kind === 'recognised' && services.ownClients.has(recognised.session.clientId))
      found.push(recognised)
  }
  return { kind: 'named', found }
}

/** An access token that has expired still says which session wants to end. */
async function namedByAccessToken(
  services: Services,
  token: string,
): Promise<{ session: SessionRecord; now: number }[]> {
  const signed = await checkSignature(token, services.settings.issuer, services.tokens.signer)
  if (signed.kind === 'refused' || signed.claims.sid === undefined || !services.ownClients.has(signed.claims.client_id))
    return []
  const { session, now } = await services.tokens.sessions.readSession(signed.claims.sid)
  return session === undefined ? [] : [{ session, now }]
}

/** `POST /auth/logout-everywhere`: ends all sessions of the user, this one included. */
export async function logoutEverywhere(context: PawlContext, services: Services): Promise<Response> {
  const request = await readUnsafeRequest(context, services, z.object({}), () => false)
  if (request.kind === 'refused') return refuse(context, request.refusal)
  const signedIn = await requireSession(context, services, true)
  if (signedIn.kind === 'answered') return signedIn.response
  const { session } = signedIn.standing
  const { now } = signedIn
  await services.tokens.sessions.endUserSessions({
    userId: session.userId,
    now,
    reason: 'revoked_by_user',
    event: {
      type: 'session_ended',
      at: now,
      actor: 'user',
      sessionId: session.id,
      userId: session.userId,
      clientId: session.clientId,
      reason: 'revoked_by_user',
      device: request.device,
    },
  })
  if (request.cookies.any && jarHolds(request.cookies, session.id)) clearJar(context, services, request.cookies)
  context.set('outcome', 'signed_out_everywhere')
  return context.body(null, 204)
}

function clearJar(context: PawlContext, services: Services, cookies: RequestCookies): void {
  for (const line of clearedCookies(services.cookies, cookies)) context.header('Set-Cookie', line, { append: true })
}
