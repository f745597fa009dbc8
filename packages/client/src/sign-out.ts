import { type AttemptStore, claimAttempt } from './attempt-ids.ts'
import { failureOf, judgeRefresh } from './error-classification.ts'
import type { HeldSession } from './held-session.ts'
import type { AskIssuer, IssuerAnswer } from './issuer-request.ts'
import { forgetAttempts, refreshBody } from './renewal.ts'
import type { StateCookie, StateCookieReading } from './state-cookie.ts'
import type { TransientFailure } from './transient-failure.ts'

/** How far a sign-out goes. */
export interface SignOutOptions {
  /** End all sessions of the user, on all devices. Default false: this one. */
  readonly everywhere?: boolean
}

/**
 * What the server made of a sign-out. Here the user is signed out in any case, and at once; when the server was not
 * reached (`ok: false`) its session lives on, and the application had better say so or try again.
 */
export type SignOutOutcome = { readonly ok: true } | { readonly ok: false; readonly cause: TransientFailure }

/** What a sign-out works with. */
export interface SignOutParts {
  readonly held: HeldSession
  readonly cookie: StateCookie
  readonly ask: AskIssuer
  readonly attempts: AttemptStore | undefined
  readonly memory: boolean
  readonly timeout: (milliseconds: number) => AbortSignal
  readonly random: (bytes: number) => Uint8Array
  /** Makes everything under way count for nothing. */
  readonly beginTenure: () => AbortSignal
}

const longestMilliseconds = 10_000

/** Signs out. All that is known here is gone when this returns its promise; the promise is about the server. */
export function signOut({ everywhere = false }: SignOutOptions, parts: SignOutParts): Promise<SignOutOutcome> {
  const { held, cookie } = parts
  held.standing()
  const sessionId = held.sessionId()
  const bearer = held.bearer()
  // Of the jar as it is now; in a moment its readable part is gone.
  const reading = cookie.read()
  parts.beginTenure()
  held.end('logout')
  cookie.drop()
  return tellServer()

  async function tellServer(): Promise<SignOutOutcome> {
    const outcome = everywhere ? await endAll(bearer, reading, parts) : await endOne(parts)
    if (sessionId !== undefined) forgetAttempts(parts.attempts, sessionId)
    return outcome
  }
}

async function endOne({ ask, timeout }: SignOutParts): Promise<SignOutOutcome> {
  return outcomeOf(await ask({ path: '/auth/logout', body: {}, signal: timeout(longestMilliseconds) }))
}

async function endAll(
  bearer: string | undefined,
  reading: StateCookieReading,
  parts: SignOutParts,
): Promise<SignOutOutcome> {
  const { ask, memory, timeout } = parts
  const signal = timeout(longestMilliseconds)
  const askEnd = (accessToken: string | undefined) =>
    ask({ path: '/auth/logout-everywhere', body: {}, bearer: accessToken, signal })
  let answer = await askEnd(bearer)
  if (answer.kind === 'answered' && answer.status === 401) {
    // Who asks for so much has to show an access token, and this one has expired.
    const { attemptId } = await claimAttempt(parts, { read: () => reading })
    const renewed = judgeRefresh(await ask({ path: '/auth/refresh', body: refreshBody(attemptId, memory), signal }))
    if (renewed.kind === 'renewed') answer = await askEnd(renewed.reply.accessToken)
  }
  const outcome = outcomeOf(answer)
  // If not all of them, then at least this one.
  if (!outcome.ok) await endOne(parts)
  return outcome
}

function outcomeOf(answer: IssuerAnswer): SignOutOutcome {
  return answer.kind === 'answered' && answer.status === 204 ? { ok: true } : { ok: false, cause: failureOf(answer) }
}
