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
  readonly online: () => boolean
}

const longestMilliseconds = 10_000

/**
 * Signs out. All that is known here is gone when this returns its promise; the promise is about the server. Until the
 * server has been told, the jar holds a note of it, and {@link endOwed} tells it later.
 */
export async function signOut({ everywhere = false }: SignOutOptions, parts: SignOutParts): Promise<SignOutOutcome> {
  const { held, cookie } = parts
  held.standing()
  const sessionId = held.sessionId()
  const bearer = held.bearer()
  // Of the jar as it is now; in a moment its readable part is gone.
  const reading = cookie.read()
  held.end('logout')
  cookie.owe()
  const outcome = everywhere ? await endAll(bearer, reading, parts) : await endOwed(parts)
  if (sessionId !== undefined) forgetAttempts(parts.attempts, sessionId)
  return outcome
}

/** Tells the server of a sign-out: it ends the session that the refresh cookie names. */
export async function endOwed({ ask, cookie, timeout, online }: SignOutParts): Promise<SignOutOutcome> {
  if (!online()) return { ok: false, cause: { kind: 'network' } }
  const outcome = outcomeOf(await ask({ path: '/auth/logout', body: {}, signal: timeout(longestMilliseconds) }))
  // Whoever signed in meanwhile owes nothing.
  if (outcome.ok && cookie.read() === 'owed') cookie.drop()
  return outcome
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
  if (answer.status === 401) {
    // Who asks for so much has to show an access token, and this one has expired.
    const { attemptId } = await claimAttempt(parts, { read: () => reading })
    const renewed = judgeRefresh(await ask({ path: '/auth/refresh', body: refreshBody(attemptId, memory), signal }))
    if (renewed.kind === 'renewed') answer = await askEnd(renewed.reply.accessToken)
  }
  const outcome = outcomeOf(answer)
  // If not all of them, then at least this one; and where all are over, so is what was owed.
  const alone = await endOwed(parts)
  return outcome.ok ? alone : outcome
}

/** What the server made of a sign-out. */
export function outcomeOf(answer: IssuerAnswer): SignOutOutcome {
  return answer.status === 204 || answer.status === 200 ? { ok: true } : { ok: false, cause: failureOf(answer) }
}
