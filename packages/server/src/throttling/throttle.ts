import pLimit, { type LimitFunction } from 'p-limit'
import { createLimiter } from './failure-limiter.ts'
import type { FailureStore } from './failure-store.ts'
import { type FailureSubject, failureKey } from './failure-subject.ts'

/** What came of an attempt that a throttle let through. `undecided`: nothing was learnt, so nothing counts. */
export type Verdict = 'right' | 'wrong' | 'undecided'

/** Not now: too many failures (429), or too many who wait for their turn (503). */
export interface Throttled {
  readonly kind: 'throttled' | 'crowded'
  readonly retryAfterSeconds: number
}

/**
 * Slows down those who guess. It counts failures only: {@link mostFailures} of one subject within {@link windowSeconds},
 * and from there on each failure makes it wait longer than the one before. A success resets it.
 */
export interface Throttle {
  /**
   * For what people choose and others can guess: during a wait nothing is tried, not even what is right. Of attempts that
   * arrive together only as many are under way as may still fail; the others wait for their outcome, so that however
   * many guesses come at once, no more than that are tried on this node, and nobody who is right is refused for it.
   *
   * @param attempt tries the credential; what it throws passes through and counts as nothing
   */
  guess<Outcome>(
    subject: FailureSubject,
    attempt: () => Promise<Outcome>,
    judge: (outcome: Outcome) => Verdict,
  ): Promise<{ readonly kind: 'tried'; readonly outcome: Outcome } | Throttled>
  /**
   * For random credentials, which nobody guesses: they are checked first, and the right one is never refused. Counts one
   * that was wrong, and tells whether to answer that or to tell the sender to wait.
   */
  failed(subject: FailureSubject): Promise<Throttled | undefined>
  /** The other side of {@link failed}. Costs nothing where this node has counted no failure of the subject. */
  succeeded(subject: FailureSubject): Promise<void>
}

/** How many failures within the window a subject has for nothing. */
export const mostFailures = 30
/** How long failures are added up from the first one on, in seconds. */
export const windowSeconds = 600
/** The longest wait, in seconds. */
export const longestDelaySeconds = 900
/** How long it is remembered how often a subject was made to wait: until then its next failure makes it wait again. */
export const memorySeconds = 86_400

/** Each further wait is twice as long as this first one. */
const firstDelaySeconds = 5
const longestLine = 200
const mostRemembered = 10_000
const crowded: Throttled = { kind: 'crowded', retryAfterSeconds: 1 }

/** The length of the n-th wait. */
export function delaySeconds(nth: number): number {
  return Math.min(firstDelaySeconds * 2 ** (nth - 1), longestDelaySeconds)
}

/** Attempts of one subject on this node. */
interface Line {
  /** Lets one after the other find out whether it may go. */
  readonly turnstile: LimitFunction
  waiting: number
  underWay: number
  /** How many that were under way are over, and counted where they failed. */
  over: number
  /** Called at each of those. */
  onOver: () => void
}

/**
 * A throttle over a store.
 *
 * @param options.secret 32 bytes, the same on every node that shares the store
 */
export function createThrottle(options: { readonly store: FailureStore; readonly secret: Uint8Array }): Throttle {
  const { store, secret } = options
  const failures = createLimiter(store, { name: 'failures', failures: mostFailures, seconds: windowSeconds })
  const delays = createLimiter(store, { name: 'delays', failures: 0, seconds: memorySeconds })
  const lines = new Map<string, Line>()
  const failedHere = new Set<string>()

  /** How long a subject has to wait, or how many of its attempts may be under way at once. */
  async function stand(key: string): Promise<Throttled | { readonly kind: 'free'; readonly attempts: number }> {
    const [recent, delayed] = await Promise.all([failures.standing(key), delays.standing(key)])
    const left = mostFailures - (recent?.failures ?? 0)
    if (recent !== undefined && left <= 0) {
      return { kind: 'throttled', retryAfterSeconds: Math.max(1, Math.ceil(recent.lastsMilliseconds / 1000)) }
    }
    return { kind: 'free', attempts: delayed === undefined ? left : 1 }
  }

  /**
   * Each write is one step of the store. Between them nobody of this node gets through, for the failure is still under
   * way; other nodes may let one attempt each through.
   */
  async function countFailure(key: string): Promise<void> {
    const delayed = await delays.standing(key)
    if (delayed === undefined && (await failures.count(key)) < mostFailures) return
    await failures.block(key, delaySeconds(await delays.count(key)))
  }

  async function forget(key: string): Promise<void> {
    const [recent, delayed] = await Promise.all([failures.standing(key), delays.standing(key)])
    // Reading is cheap, and almost everybody who succeeds has nothing to be forgotten.
    if (recent !== undefined) await failures.forget(key)
    if (delayed !== undefined) await delays.forget(key)
  }

  /** Does something in the line of a subject, which is there as long as anybody stands in it. */
  async function inLine<Result>(key: string, work: (line: Line) => Promise<Result>): Promise<Result> {
    const line = lines.get(key) ?? { turnstile: pLimit(1), waiting: 0, underWay: 0, over: 0, onOver: () => {} }
    lines.set(key, line)
    try {
      return await work(line)
    } finally {
      if (line.waiting === 0 && line.underWay === 0) lines.delete(key)
    }
  }

  async function inTurn<Result>(line: Line, work: () => Promise<Result>): Promise<Result> {
    line.waiting += 1
    try {
      return await line.turnstile(work)
    } finally {
      line.waiting -= 1
    }
  }

  /** Waits until one more attempt may be under way, and counts it as such. */
  async function enter(key: string, line: Line): Promise<Throttled | { readonly kind: 'free' }> {
    if (line.waiting >= longestLine) return crowded
    return inTurn(line, async () => {
      for (;;) {
        const { over } = line
        const standing = await stand(key)
        // What ended meanwhile may have failed after the count was read.
        if (over !== line.over) continue
        if (standing.kind !== 'free') return standing
        if (line.underWay < standing.attempts) {
          line.underWay += 1
          return standing
        }
        await new Promise<void>((resolve) => {
          line.onOver = resolve
        })
      }
    })
  }

  return {
    guess: (subject, attempt, judge) => {
      const key = failureKey(subject, secret)
      return inLine(key, async (line) => {
        const entered = await enter(key, line)
        if (entered.kind !== 'free') return entered
        try {
          const outcome = await attempt()
          const verdict = judge(outcome)
          if (verdict === 'wrong') await countFailure(key)
          if (verdict === 'right') await forget(key)
          return { kind: 'tried', outcome }
        } finally {
          line.underWay -= 1
          line.over += 1
          line.onOver()
        }
      })
    },

    failed: (subject) => {
      const key = failureKey(subject, secret)
      return inLine(key, (line) =>
        inTurn(line, async () => {
          const standing = await stand(key)
          if (standing.kind !== 'free') return standing
          if (failedHere.size >= mostRemembered) failedHere.clear()
          failedHere.add(key)
          await countFailure(key)
          return undefined
        }),
      )
    },

    succeeded: async (subject) => {
      if (failedHere.size === 0) return
      const key = failureKey(subject, secret)
      if (failedHere.delete(key)) await forget(key)
    },
  }
}
