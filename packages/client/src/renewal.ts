import type { SessionState } from '@pawl/protocol'
import { type AttemptStore, claimAttempt } from './attempt-ids.ts'
import { type Backoff, createBackoff } from './backoff.ts'
import { failureOf, judgeRefresh, type RefreshVerdict } from './error-classification.ts'
import type { HeldSession } from './held-session.ts'
import type { AskIssuer, IssuerAnswer } from './issuer-request.ts'
import { singleFlight } from './single-flight.ts'
import type { StateCookie } from './state-cookie.ts'
import { readSessionHolder } from './token-reply.ts'
import type { TransientFailure } from './transient-failure.ts'

/** What a renewal works with. */
export interface RenewalParts {
  readonly held: HeldSession
  readonly cookie: StateCookie
  readonly ask: AskIssuer
  readonly attempts: AttemptStore | undefined
  /** Whether the access token travels in the reply instead of a cookie. */
  readonly memory: boolean
  readonly monotonic: () => number
  readonly timeout: (milliseconds: number) => AbortSignal
  readonly random: (bytes: number) => Uint8Array
  /** Fires when what is under way no longer counts: the user signed in or out, or the client was disposed of. */
  readonly tenure: () => AbortSignal
}

/** Getting access tokens. What came of it is found in the {@link HeldSession}; nothing here rejects. */
export interface Renewal {
  /**
   * Renews, or joins the renewal under way; does nothing while it is too early after a failure.
   *
   * @param insist for whoever asks in person: only the server's own wish to be left alone is heeded
   */
  readonly renew: (insist?: boolean) => Promise<void>
  /** Finds out who is signed in, without moving the session if the access cookie is still good. */
  readonly load: () => Promise<void>
  readonly resetBackoff: Backoff['reset']
}

/** A refresh is decided within 10 s of arriving or not at all, so nothing is to be gained by waiting longer. */
const longestMilliseconds = 10_000

export function createRenewal(parts: RenewalParts): Renewal {
  const { held, cookie, ask, attempts, memory, monotonic, timeout, tenure } = parts
  /** Ends with the tenure, and after the longest that a request of ours may take. */
  const deadline = (signal: AbortSignal) => AbortSignal.any([signal, timeout(longestMilliseconds)])
  const backoff = createBackoff(monotonic, parts.random)

  /** One request; `again` when the jar by now holds something else to present. */
  async function refreshOnce(signal: AbortSignal, limit: AbortSignal): Promise<'done' | 'again'> {
    const renewals = countRenewals()
    const { state: presented, attemptId } = await claimAttempt(parts, cookie)
    // Tabs that wake up together: what another one has fetched meanwhile is in the jar of all.
    if (!memory && countRenewals() > renewals && (await knowsWho(signal, limit))) return 'done'
    const sentAt = monotonic()
    const answer = await ask({ path: '/auth/refresh', body: refreshBody(attemptId, memory), signal: limit })
    // A reply that arrives after a sign-out must not bring the session back (T16.1).
    if (signal.aborted) return 'done'
    const verdict = judgeRefresh(answer)
    const moved = jarHasMoved(presented)
    // Somebody signed in elsewhere in this browser: the answer speaks of a session that the jar no longer holds (T16.3).
    if (moved === 'to-another-session') return 'again'
    if (moved === 'forward' && verdict.kind === 'failed' && verdict.failure.kind === 'superseded') return 'again'
    settle(verdict, presented, sentAt)
    return 'done'
  }

  function settle(verdict: RefreshVerdict, presented: SessionState | undefined, sentAt: number): void {
    switch (verdict.kind) {
      case 'renewed':
        held.adoptTokens(verdict.reply, sentAt, presented)
        backoff.reset()
        return
      case 'ended':
        held.end(verdict.reason)
        cookie.drop()
        if (presented !== undefined) forgetAttempts(attempts, presented.sessionId)
        return
      case 'failed':
        fail(verdict.failure)
    }
  }

  function fail(failure: TransientFailure): void {
    backoff.fail(failure)
    held.goStale(failure)
  }

  /** What other tabs did to the jar since it was presented. */
  function jarHasMoved(presented: SessionState | undefined): 'to-another-session' | 'forward' | 'not' {
    const jar = cookie.read()
    if (presented === undefined || jar.kind !== 'present') return 'not'
    if (jar.state.sessionId !== presented.sessionId) return 'to-another-session'
    return jar.state.generation > presented.generation ? 'forward' : 'not'
  }

  /** Looks at the jar before it counts. */
  function countRenewals(): number {
    held.standing()
    return held.renewals()
  }

  async function refresh(signal: AbortSignal): Promise<void> {
    const limit = deadline(signal)
    if ((await refreshOnce(signal, limit)) === 'again') await refreshOnce(signal, limit)
  }

  async function knowsWho(signal: AbortSignal, limit: AbortSignal): Promise<boolean> {
    return held.current()?.status === 'active' || (await askWho(signal, limit)) === 'known'
  }

  /** Asks by the access cookie, which moves nothing. */
  async function askWho(signal: AbortSignal, limit: AbortSignal): Promise<'known' | IssuerAnswer> {
    const answer = await ask({ path: '/auth/session', signal: limit })
    const holder = answer.kind === 'answered' && answer.status === 200 ? readSessionHolder(answer.document) : undefined
    if (holder === undefined || signal.aborted) return answer
    held.adoptHolder(holder)
    return 'known'
  }

  async function load(signal: AbortSignal): Promise<void> {
    if (memory) return renew()
    const answer = await askWho(signal, deadline(signal))
    if (answer === 'known' || signal.aborted) return
    if (answer.kind === 'answered' && answer.status === 401) return renew()
    fail(failureOf(answer))
  }

  const refreshing = singleFlight(refresh, tenure)
  const loading = singleFlight(load, tenure)

  async function renew(insist = false): Promise<void> {
    if (refreshing.running() || backoff.mayTry(insist)) await refreshing.join()
  }

  return { renew, load: loading.join, resetBackoff: backoff.reset }
}

/** @param memory whether the access token is to travel in the reply instead of a cookie */
export function refreshBody(attemptId: string | undefined, memory: boolean): Readonly<Record<string, string>> {
  return { ...(attemptId !== undefined && { attempt_id: attemptId }), ...(memory && { access: 'memory' }) }
}

/** Only housekeeping: nobody waits for it, and its failure means nothing. */
export function forgetAttempts(attempts: AttemptStore | undefined, sessionId: string): void {
  attempts?.forget(sessionId).catch(() => undefined)
}
