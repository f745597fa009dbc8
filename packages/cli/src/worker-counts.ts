import type { Worker } from 'node:cluster'

/** What a process counts for `/metrics`; only the server knows its form. */
type Counts = unknown

/**
 * What is said between the workers and their primary, so that whichever worker is asked for `/metrics` tells of all:
 * `all` asks the primary, which asks `one` of everybody; `counts` answers either.
 */
interface Message {
  readonly pawl: 'all' | 'one' | 'counts'
  /** Which question this is, or belongs to. */
  readonly question: number
  readonly counts?: Counts
}

/** How long a worker that is busy or stuck is waited for before its last figures have to do. */
const patienceMilliseconds = 1000

function isMessage(message: unknown): message is Message {
  return typeof message === 'object' && message !== null && 'pawl' in message && 'question' in message
}

/** The primary's part. */
export interface CountsRelay {
  readonly add: (number: number, worker: Worker) => void
  readonly remove: (number: number) => void
}

/** Collects what all workers count for the one that asks. */
export function relayCounts(): CountsRelay {
  const workers = new Map<number, Worker>()
  const latest = new Map<number, Counts>()
  const pending = new Map<number, Set<number>>()
  const askers = new Map<number, { readonly worker: Worker; readonly question: number }>()
  let questions = 0

  function ask(worker: Worker, question: number): void {
    questions += 1
    const own = questions
    askers.set(own, { worker, question })
    pending.set(own, new Set(workers.keys()))
    for (const asked of workers.values()) say(asked, { pawl: 'one', question: own })
    setTimeout(() => answer(own), patienceMilliseconds).unref()
  }

  function answer(question: number): void {
    const asker = askers.get(question)
    if (asker === undefined) return
    askers.delete(question)
    pending.delete(question)
    say(asker.worker, { pawl: 'counts', question: asker.question, counts: [...latest.values()] })
  }

  function settle(number: number, question: number): void {
    const missing = pending.get(question)
    missing?.delete(number)
    if (missing?.size === 0) answer(question)
  }

  return {
    add: (number, worker) => {
      // Before it listens it would leave whoever asks waiting.
      worker.once('listening', () => workers.set(number, worker))
      worker.on('message', (message: unknown) => {
        if (!isMessage(message)) return
        if (message.pawl === 'all') ask(worker, message.question)
        if (message.pawl !== 'counts') return
        latest.set(number, message.counts)
        settle(number, message.question)
      })
    },
    remove: (number) => {
      workers.delete(number)
      latest.delete(number)
      for (const question of [...pending.keys()]) settle(number, question)
    },
  }
}

/**
 * A worker's part: answers the primary, and asks it for everybody's counts.
 *
 * @param own what this process counts
 * @returns what all workers count; this one alone where the primary is gone or does not answer
 */
export function joinCounts(own: () => Promise<Counts>): () => Promise<readonly Counts[]> {
  const waiting = new Map<number, (counts: readonly Counts[]) => void>()
  let questions = 0

  process.on('message', (message: unknown) => {
    if (!isMessage(message)) return
    const { pawl, question, counts } = message
    if (pawl === 'one') void own().then((counted) => say(process, { pawl: 'counts', question, counts: counted }))
    if (pawl === 'counts' && Array.isArray(counts)) waiting.get(question)?.(counts)
  })

  return async () => {
    questions += 1
    const question = questions
    const answered = new Promise<readonly Counts[] | undefined>((resolve) => {
      waiting.set(question, resolve)
      setTimeout(() => resolve(undefined), 2 * patienceMilliseconds).unref()
      say(process, { pawl: 'all', question })
    })
    const counts = await answered
    waiting.delete(question)
    return counts ?? [await own()]
  }
}

/** Whoever has gone meanwhile does not hear it. */
function say(to: Pick<NodeJS.Process, 'send'> | Worker, message: Message): void {
  to.send?.(message, undefined, undefined, () => undefined)
}
