import { setTimeout as pause } from 'node:timers/promises'
import { isStorageUnavailable, storageUnavailable } from '@pawl/server/storage-unavailable'

/** What a sender answers for an ask that it could not settle now: it goes out again, a little later. */
export const notYet: unique symbol = Symbol('not yet')

/** How to send what has been gathered. */
export interface Lane<Ask, Answer> {
  /** Sends several at once; answers stand in the order of the asks. */
  readonly send: (asks: readonly Ask[]) => Promise<readonly (Answer | typeof notYet)[]>
  /** At most so many go together. */
  readonly most: number
  /** Asks with the same key never go together: the second waits for the outcome of the first. Absent: all may. */
  readonly keyOf?: (ask: Ask) => string
  /** Milliseconds that only move forward. */
  readonly monotonic: () => number
}

/** Calls that share a statement with whatever else arrives while the one before is under way. */
export interface Gather<Ask, Answer> {
  /** Queues one; resolves with its own answer. */
  ask(ask: Ask): Promise<Answer>
  /** Resolves once nothing is queued or under way. */
  settled(): Promise<void>
}

interface Waiting<Ask, Answer> {
  readonly ask: Ask
  readonly since: number
  /** How often it went out without being settled. */
  tries: number
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
  /** Ends the waiting of the caller; what has been sent goes on, and its outcome is unknown. */
  readonly patience: NodeJS.Timeout
}

/**
 * How long an ask waits, in the queue and under way together, before the store counts as away for it. A refresh reads and
 * writes one after the other, and must be answered within ten seconds of its arrival.
 */
const patienceMilliseconds = 4500

/** Who has waited for so long behind a batch that then fails is not made to wait for a failure of its own. */
const impatientMilliseconds = 1000

/** Pauses before an unsettled ask goes out again: what is in its way is one statement, of a millisecond or two. */
const shortestPause = 1
const longestPause = 50

/**
 * Gathers what arrives together. Nothing is held back by a timer: a lone ask goes out as soon as the current turn of the
 * event loop is over, and while it is under way the next ones gather by themselves. An ask never joins a batch that has
 * been sent, so a read shows at least everything that was committed before it was asked for.
 */
export function gather<Ask, Answer>(lane: Lane<Ask, Answer>): Gather<Ask, Answer> {
  let queue: Waiting<Ask, Answer>[] = []
  let outstanding = 0
  let scheduled = false
  let underWay = false
  let whenSettled: (() => void)[] = []

  function schedule(): void {
    if (scheduled || underWay || queue.length === 0) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      void flush()
    })
  }

  /** The oldest that may go together; the others keep their order. */
  function take(): readonly Waiting<Ask, Answer>[] {
    const { keyOf, most } = lane
    const batch: Waiting<Ask, Answer>[] = []
    const left: Waiting<Ask, Answer>[] = []
    const keys = new Set<string>()
    for (const waiting of queue) {
      const key = keyOf?.(waiting.ask)
      if (batch.length >= most || (key !== undefined && keys.has(key))) left.push(waiting)
      else {
        batch.push(waiting)
        if (key !== undefined) keys.add(key)
      }
    }
    queue = left
    return batch
  }

  async function flush(): Promise<void> {
    underWay = true
    await sendTogether(take())
    underWay = false
    schedule()
  }

  async function sendTogether(batch: readonly Waiting<Ask, Answer>[]): Promise<void> {
    let answers: readonly (Answer | typeof notYet)[]
    try {
      answers = await lane.send(batch.map(({ ask }) => ask))
    } catch (error) {
      if (isStorageUnavailable(error)) giveUp(batch, error)
      else if (batch.length === 1) for (const waiting of batch) fail(waiting, error)
      // One of them is impossible to send. It must not take the others down with it.
      else for (const waiting of batch) await sendTogether([waiting])
      return
    }
    for (const [index, waiting] of batch.entries()) settle(waiting, answers[index])
  }

  /** The store is away for all of them, and for those who have waited with them for so long that they had better know. */
  function giveUp(batch: readonly Waiting<Ask, Answer>[], error: unknown): void {
    const now = lane.monotonic()
    const isPatient = ({ since }: Waiting<Ask, Answer>): boolean => now - since < impatientMilliseconds
    const left = queue.filter((waiting) => !isPatient(waiting))
    queue = queue.filter(isPatient)
    for (const waiting of [...batch, ...left]) fail(waiting, error)
  }

  function settle(waiting: Waiting<Ask, Answer>, answer: Answer | typeof notYet | undefined): void {
    if (answer === notYet) again(waiting)
    else if (answer === undefined) fail(waiting, new Error('a gathered call was not answered'))
    else {
      waiting.resolve(answer)
      leave(waiting)
    }
  }

  function again(waiting: Waiting<Ask, Answer>): void {
    waiting.tries += 1
    if (isTooLate(waiting)) return
    const milliseconds = Math.min(shortestPause * 2 ** (waiting.tries - 1), longestPause)
    void pause(milliseconds).then(() => {
      if (isTooLate(waiting)) return
      queue.push(waiting)
      schedule()
    })
  }

  function isTooLate(waiting: Waiting<Ask, Answer>): boolean {
    const late = lane.monotonic() - waiting.since >= patienceMilliseconds
    if (late) fail(waiting, storageUnavailable(new Error('a row stayed locked by somebody else')))
    return late
  }

  function fail(waiting: Waiting<Ask, Answer>, error: unknown): void {
    waiting.reject(error)
    leave(waiting)
  }

  /** Whoever has been sent is waited for until the statement ends; whoever has not is never sent. */
  function loseThePatience(waiting: Waiting<Ask, Answer>): void {
    const error = storageUnavailable(new Error('the database did not answer in time'))
    const place = queue.indexOf(waiting)
    if (place === -1) waiting.reject(error)
    else {
      queue.splice(place, 1)
      fail(waiting, error)
    }
  }

  function leave({ patience }: Waiting<Ask, Answer>): void {
    clearTimeout(patience)
    outstanding -= 1
    if (outstanding > 0) return
    const waiting = whenSettled
    whenSettled = []
    for (const resolve of waiting) resolve()
  }

  return {
    ask(ask) {
      outstanding += 1
      return new Promise((resolve, reject) => {
        const waiting: Waiting<Ask, Answer> = {
          ask,
          since: lane.monotonic(),
          tries: 0,
          resolve,
          reject,
          patience: setTimeout(() => loseThePatience(waiting), patienceMilliseconds),
        }
        queue.push(waiting)
        schedule()
      })
    },
    settled() {
      return outstanding === 0 ? Promise.resolve() : new Promise((resolve) => whenSettled.push(resolve))
    },
  }
}
