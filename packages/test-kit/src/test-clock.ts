import type { Activity } from './activity.ts'
import { type Duration, millisecondsOf } from './duration.ts'

/** The one clock of issuer, verifiers and clients. It stands still until a test moves it. */
export interface TestClock {
  /** Milliseconds since 1970. To be handed to whatever takes a clock. */
  readonly now: () => number
  /**
   * Moves the clock forward. Timers that come due fire in order, each at its own instant, and what one sets off comes to
   * rest before the next: a client's deadline, a delayed reply and the retry after it happen as they would in real time.
   *
   * @throws RangeError for a negative length
   */
  readonly advance: (by: Duration) => Promise<void>
  /** Moves the clock forward to an instant, in milliseconds since 1970; does nothing if that is past. */
  readonly advanceTo: (instant: number) => Promise<void>
  /**
   * Moves the clock from timer to timer until the promise has settled, and gives what it gave: for what waits on a fault
   * or a deadline. Where no timer is left it waits for the promise in real time.
   */
  readonly runUntil: <Value>(promise: Promise<Value>) => Promise<Value>
  /** Resolves after that many milliseconds of this clock. */
  readonly wait: (milliseconds: number) => Promise<void>
  /** `AbortSignal.timeout` by this clock. */
  readonly timeout: (milliseconds: number) => AbortSignal
}

/** The clock as the kit has it. */
export interface DrivenClock extends TestClock {
  /**
   * Does something again and again. However far the clock is moved at once, it is done once at each instant at which the
   * clock stops on its way, if it is due: nobody has a use for the ten thousand times in between.
   *
   * @returns a function that ends it
   */
  readonly repeat: (milliseconds: number, task: () => Promise<void> | undefined) => () => void
}

interface Timer {
  readonly at: number
  readonly fire: () => void
}

interface Repeated {
  readonly milliseconds: number
  readonly task: () => Promise<void> | undefined
  dueAt: number
}

/**
 * Makes a clock.
 *
 * @param start milliseconds since 1970
 * @param activity to wait until whatever is under way can go no further without time passing
 */
export function createTestClock(start: number, { rest, run }: Activity): DrivenClock {
  let now = start
  /** In the order in which they fire; of equal instants the first that was set comes first. */
  const timers: Timer[] = []
  const repeated = new Set<Repeated>()
  /** Movements wait for one another: two at once would fire timers out of order. */
  let moving: Promise<unknown> = Promise.resolve()

  function set(milliseconds: number, fire: () => void): void {
    const timer = { at: now + Math.max(0, milliseconds), fire }
    const later = timers.findIndex(({ at }) => at > timer.at)
    timers.splice(later === -1 ? timers.length : later, 0, timer)
  }

  /** Fires the next timer if it is due by that instant. */
  async function fireNext(by: number): Promise<boolean> {
    const [next] = timers
    if (next === undefined || next.at > by) return false
    timers.shift()
    now = Math.max(now, next.at)
    next.fire()
    await rest()
    await doRepeated()
    return true
  }

  async function doRepeated(): Promise<void> {
    const due = [...repeated].filter(({ dueAt }) => dueAt <= now)
    if (due.length === 0) return
    for (const each of due) {
      each.dueAt = now + each.milliseconds
      void run(async () => await each.task())
    }
    await rest()
  }

  async function moveTo(instant: number): Promise<void> {
    await rest()
    let fired = true
    while (fired) fired = await fireNext(instant)
    now = Math.max(now, instant)
    await doRepeated()
    await rest()
  }

  function inTurn<Value>(move: () => Promise<Value>): Promise<Value> {
    const moved = moving.then(move)
    moving = moved.catch(() => undefined)
    return moved
  }

  return {
    now: () => now,
    advance: (by) => {
      const milliseconds = millisecondsOf(by)
      return inTurn(() => moveTo(now + milliseconds))
    },
    advanceTo: (instant) => inTurn(() => moveTo(instant)),
    runUntil: async (promise) => {
      let settled = false
      const settle = () => {
        settled = true
      }
      promise.then(settle, settle)
      await inTurn(async () => {
        await rest()
        let fired = true
        while (fired && !settled) fired = await fireNext(Number.POSITIVE_INFINITY)
      })
      return promise
    },
    repeat: (milliseconds, task) => {
      const entry = { milliseconds, task, dueAt: now + milliseconds }
      repeated.add(entry)
      return () => {
        repeated.delete(entry)
      }
    },
    wait: (milliseconds) => new Promise((resolve) => set(milliseconds, resolve)),
    timeout: (milliseconds) => {
      const stop = new AbortController()
      set(milliseconds, () => stop.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')))
      return stop.signal
    },
  }
}
