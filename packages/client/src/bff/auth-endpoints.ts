import type { CookieTokenReply, SessionDocument } from '@pawl/protocol'
import { failureOf } from '../error-classification.ts'
import type { IssuerAnswer } from '../issuer-request.ts'
import { isRecord } from '../token-reply.ts'
import { beginSession } from './begin-session.ts'
import { type BffHandler, type BffParts, refuse, refuseStanding, withCookies } from './bff-parts.ts'
import type { LiveBffSession } from './bff-session.ts'
import { isErrorCode } from './refusal-answer.ts'

interface AuthAnswer {
  readonly method: 'GET' | 'POST'
  readonly handler: BffHandler
}

/** Longest body of a sign-in, in bytes. */
const longestBody = 16 * 1024

/**
 * The endpoints that scripts call, by path. They are those of the issuer's own `/auth`, so that `createClient` speaks to a BFF
 * as to an issuer; what they answer never holds a token (BF-1).
 */
export function createAuthAnswers(parts: BffParts): ReadonlyMap<string, AuthAnswer> {
  const { cookies, tokens, keeping, renewal, now, passwords } = parts
  const shownBy = (request: Request) => cookies.readSession(request.headers.get('Cookie'))

  async function session(request: Request): Promise<Response> {
    const standing = await renewal.renew(shownBy(request))
    if (standing.kind !== 'live') return refuseStanding(parts, standing)
    const { sessionId, user, endsAt } = standing.session
    const document: Pick<SessionDocument, 'session_id' | 'user' | 'ends_at'> = {
      session_id: sessionId,
      user,
      ends_at: new Date(endsAt).toISOString(),
    }
    return withCookies(parts, request, json(document), standing)
  }

  async function refresh(request: Request): Promise<Response> {
    const shown = shownBy(request)
    const standing = await renewal.renew(shown)
    if (standing.kind === 'live') return withCookies(parts, request, json(replyOf(standing.session)), standing)
    if (standing.kind === 'failed') return refuseStanding(parts, standing)
    // Now the browser has been told why, nothing needs to be kept of the session.
    if (shown !== undefined) await keeping.remove(shown)
    const reason =
      standing.kind === 'ended' ? standing.reason : shown === undefined ? 'no_refresh_token' : 'unknown_token'
    return cleared(refuse(parts, { error: 'invalid_grant', reason }))
  }

  async function login(request: Request): Promise<Response> {
    const body = await readJson(request)
    if (body === 'too-large') return refuse(parts, { error: 'payload_too_large' })
    if (body === 'wrong-type') return refuse(parts, { error: 'unsupported_media_type' })
    const { username, password } = body ?? {}
    if (typeof username !== 'string' || typeof password !== 'string') {
      return refuse(parts, { error: 'invalid_request', reason: 'malformed_body' })
    }
    const opened = await tokens.signIn({ username, password, userAgent: request.headers.get('User-Agent') })
    if (opened.kind === 'refused') return refuseSignIn(opened.answer)
    return beginSession(parts, request, opened.session, json(replyOf(opened.session)))
  }

  /** What the issuer said of the password goes on to the browser in the issuer's own words. */
  function refuseSignIn(answer: IssuerAnswer): Response {
    const { error, reason, status = 0, retryAfterSeconds } = failureOf(answer)
    const told = error !== undefined && isErrorCode(error) && status >= 400 && status < 500
    return refuse(parts, {
      error: told ? error : 'temporarily_unavailable',
      ...(told && reason !== undefined && { reason }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    })
  }

  async function logout(request: Request): Promise<Response> {
    const shown = shownBy(request)
    if (shown === undefined) return cleared(new Response(null, { status: 204 }))
    const kept = await keeping.find(shown)
    await keeping.remove(shown)
    const ended = kept?.kind !== 'live' || (await tokens.end(kept))
    // Here the user is signed out in any case. That the issuer does not know yet is for the application to say.
    return cleared(ended ? new Response(null, { status: 204 }) : refuse(parts, { error: 'temporarily_unavailable' }))
  }

  function cleared(answer: Response): Response {
    for (const line of cookies.clearSession()) answer.headers.append('Set-Cookie', line)
    return answer
  }

  function replyOf(live: LiveBffSession): CookieTokenReply {
    const seconds = (until: number) => Math.max(0, Math.floor((until - now()) / 1000))
    return {
      session_id: live.sessionId,
      user: live.user,
      expires_in: seconds(live.expiresAt),
      refresh_in: seconds(live.refreshAt),
      refresh_token_timeout: seconds(live.endsAt),
      authorization_expires_in: seconds(live.endsAt),
    }
  }

  return new Map<string, AuthAnswer>([
    ['/auth/session', { method: 'GET', handler: session }],
    ['/auth/refresh', { method: 'POST', handler: refresh }],
    ['/auth/logout', { method: 'POST', handler: logout }],
    ...(passwords ? [['/auth/login', { method: 'POST', handler: login }] as const] : []),
  ])
}

function json(document: object): Response {
  return Response.json(document, { headers: { 'Cache-Control': 'no-store' } })
}

async function readJson(
  request: Request,
): Promise<Readonly<Record<string, unknown>> | 'too-large' | 'wrong-type' | undefined> {
  if (!/^application\/json\b/i.test(request.headers.get('Content-Type') ?? '')) return 'wrong-type'
  try {
    const text = await readText(request)
    if (text === undefined) return 'too-large'
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Reads no further than a sign-in may be long, whatever its Content-Length says. */
async function readText({ body }: Request): Promise<string | undefined> {
  const reader = body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
    bytes += part.value.byteLength
    if (bytes > longestBody) return undefined
    text += decoder.decode(part.value, { stream: true })
  }
  return text + decoder.decode()
}
