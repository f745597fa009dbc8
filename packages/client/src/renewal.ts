import type { SessionState } from '@pawl/protocol'
import { type AttemptStore, claimAttempt } from './attempt-ids.ts'
import { type Backoff, createBackoff } from './backoff.ts'
import { failureOf, judgeRefresh, type RefreshVerdict } from './error-classification.ts'
import type { HeldSession } from './held-session.ts'
import type { AskIssuer, IssuerAnswer } from './issuer-request.ts'
import { type Alone, runAlone } from './run-alone.ts'
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
  readonly alone: Alone | undefined
  readonly monotonic: () => number
  readonly timeout: (milliseconds: number) => AbortSignal
  readonly random: (bytes: number) => Uint8Array
  readonly online: () => boolean
  /** Fires when what is under way no longer counts: the user signed in or out, or the client was disposed of. */
  readonly tenure: () => AbortSignal
}

/** Getting access tokens. What came of it is found in the {@link HeldSession}; nothing here rejects. */
export interface Renewal {
  /**
   * Renews, or joins the renewal under way; does nothing while it is too early after a failure, or without a network.
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
/** A lock is waited for so long, and then done without. */
const patienceMilliseconds = 3_000

export function createRenewal(parts: RenewalParts): Renewal {
  const { held, cookie, ask, attempts, memory, alone, monotonic, timeout, online, tenure } = parts
  const backoff = createBackoff(monotonic, parts.random)
  /** Ends with the tenure, and after the longest that it may take. */
  const within = (signal: AbortSignal, milliseconds: number) => AbortSignal.any([signal, timeout(milliseconds)])

  /** One request; true when the jar by now holds something else to present. */
  async function refreshOnce(renewals: number, signal: AbortSignal, limit: AbortSignal): Promise<boolean> {
    const { state: presented, attemptId } = await claimAttempt(parts, cookie)
    // Tabs that wake up together: what another one has fetched meanwhile is in the jar of all.
    if (!memory && countRenewals() > renewals && (await knowsWho(signal, limit))) return false
    if (presented !== undefined && attemptId !== undefined) cookie.mirror(presented, attemptId)
    const sentAt = monotonic()
    const body = refreshBody(attemptId, memory)
    const verdict = judgeRefresh(await ask({ path: '/auth/refresh', body, signal: limit }))
    // A reply that arrives after a sign-out must not bring the session back (T16.1).
    if (signal.aborted) return false
    if (presented !== undefined && hasMovedOn(presented, verdict)) return true
    settle(verdict, presented, sentAt)
    return false
  }

  /** Whether the jar by now holds something else, of which the answer does not speak. */
  function hasMovedOn({ sessionId, generation }: SessionState, verdict: RefreshVerdict): boolean {
    const jar = cookie.read()
    if (typeof jar === 'string') return false
    // Somebody signed in elsewhere in this browser (T16.3).
    if (jar.sessionId !== sessionId) return true
    return verdict.kind === 'failed' && verdict.failure.kind === 'superseded' && jar.generation > generation
  }

  function settle(verdict: RefreshVerdict, presented: SessionState | undefined, sentAt: number): void {
    if (verdict.kind === 'failed') {
      fail(verdict.failure)
    } else if (verdict.kind === 'renewed') {
      held.adoptTokens(verdict.reply, sentAt, presented)
      backoff.reset()
    } else {
      held.end(verdict.reason)
      cookie.drop()
      if (presented !== undefined) forgetAttempts(attempts, presented.sessionId)
    }
  }

  function fail(failure: TransientFailure): void {
    backoff.fail(failure)
    held.goStale(failure)
  }

  /** Looks at the jar before it counts. */
  function countRenewals(): number {
    held.standing()
    return held.renewals()
  }

  const refreshing = singleFlight((signal) => {
    const renewals = countRenewals()
    const refresh = async () => {
      // Whoever was signed out while this waited has nothing to refresh.
      if (signal.aborted || held.standing() === 'none') return
      const limit = within(signal, longestMilliseconds)
      if (await refreshOnce(renewals, signal, limit)) await refreshOnce(countRenewals(), signal, limit)
    }
    return runAlone(alone, refresh, within(signal, patienceMilliseconds))
  }, tenure)

  async function knowsWho(signal: AbortSignal, limit: AbortSignal): Promise<boolean> {
    return held.current()?.status === 'active' || (await askWho(signal, limit)) === undefined
  }

  /** Asks by the access cookie, which moves nothing. Undefined: now it is known. */
  async function askWho(signal: AbortSignal, limit: AbortSignal): Promise<IssuerAnswer | undefined> {
    const answer = await ask({ path: '/auth/session', signal: limit })
    const holder = answer.status === 200 ? readSessionHolder(answer.document) : undefined
    if (holder === undefined || signal.aborted) return answer
    held.adoptHolder(holder)
    return undefined
  }

  const loading = singleFlight(async (signal) => {
    if (memory) return renew()
    if (!online()) return held.goStale({ kind: 'network' })
    const answer = await askWho(signal, within(signal, longestMilliseconds))
    if (answer === undefined || signal.aborted) return
    if (answer.status === 401) return renew()
    fail(failureOf(answer))
  }, tenure)

  async function renew(insist = false): Promise<void> {
    if (!online()) held.goStale({ kind: 'network' })
    else if (refreshing.running() || backoff.mayTry(insist)) await refreshing.join()
  }

  return { renew, load: loading.join, resetBackoff: backoff.reset }
}

/** @param memory whether the access token is to travel in the reply instead of a cookie */
export function refreshBody(
  attemptId: string | undefined,
  memory: boolean,
): Readonly<Record<string, string | undefined>> {
  return { attempt_id: attemptId, access: memory ? 'memory' : undefined }
}

/** Only housekeeping: nobody waits for it, and its failure means nothing. */
export function forgetAttempts(attempts: AttemptStore | undefined, sessionId: string): void {
  attempts?.forget(sessionId).catch(() => undefined)
}
