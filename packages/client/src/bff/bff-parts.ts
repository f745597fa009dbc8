import type { BffCookies } from './bff-cookies.ts'
import type { BffSettings } from './bff-options.ts'
import type { IssuerTokens } from './issuer-tokens.ts'
import { type BffRefusal, refusalAnswer } from './refusal-answer.ts'
import type { SessionKeeping } from './session-keeping.ts'
import type { BffStanding, SessionRenewal } from './session-renewal.ts'

/** What the BFF's answers are made with. */
export interface BffParts extends BffSettings {
  readonly cookies: BffCookies
  readonly tokens: IssuerTokens
  readonly keeping: SessionKeeping
  readonly renewal: SessionRenewal
}

/** Answers one kind of request. */
export type BffHandler = (request: Request, url: URL) => Promise<Response>

const requestIdBytes = 12

/** Refuses in the words of the one error table. */
export function refuse({ random }: Pick<BffParts, 'random'>, refusal: BffRefusal): Response {
  const requestId = Array.from(random(requestIdBytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return refusalAnswer(refusal, requestId)
}

/** Why nobody can be acted for now. An issuer that cannot be asked is 503, and never "you are signed out" (T5.1). */
export function refuseStanding(parts: BffParts, standing: Exclude<BffStanding, { readonly kind: 'live' }>): Response {
  switch (standing.kind) {
    case 'none':
      return refuse(parts, { error: 'authentication_required' })
    case 'ended':
      return refuse(parts, { error: 'invalid_token', reason: standing.reason })
    case 'failed':
      return refuse(parts, {
        error: 'temporarily_unavailable',
        retryAfterSeconds: standing.failure.retryAfterSeconds ?? 1,
      })
  }
}

/** Puts the session's cookies on an answer where the browser does not have them as they are now. */
export function withCookies(
  { cookies, now }: Pick<BffParts, 'cookies' | 'now'>,
  request: Request,
  answer: Response,
  standing: BffStanding,
): Response {
  if (standing.kind !== 'live') return answer
  const lines = cookies.forSession(request.headers.get('Cookie'), standing.value, standing.session, now())
  for (const line of lines) answer.headers.append('Set-Cookie', line)
  // An answer with somebody's cookie in it must not be kept for others (T14).
  if (lines.length > 0) answer.headers.set('Cache-Control', 'no-store')
  return answer
}
