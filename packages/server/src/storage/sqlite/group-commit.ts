import { isStorageUnavailable } from '../../tokens/storage-unavailable.ts'
import type { Database } from './database.ts'

/** Writes that share a transaction with whatever else arrives in the same turn. */
export interface GroupCommit {
  /**
   * Queues a conditional write. It resolves with the write's own outcome once the transaction it ran in is on the disk.
   *
   * @param write runs inside the transaction, and a second time when the first transaction was rolled back
   */
  submit(write: () => boolean): Promise<boolean>
  /** Writes what is queued, now. Resolves once it is on the disk or has failed. */
  flush(): Promise<void>
}

interface Queued {
  readonly write: () => boolean
  readonly resolve: (written: boolean) => void
  readonly reject: (error: unknown) => void
}

/**
 * Gathers the writes of one turn of the event loop into one transaction, and so into one wait for the disk. Nothing is
 * held back by a timer: a lone write goes out as soon as the current turn is over, and while it is written, or waits for
 * another process to let go of the file, the next ones gather by themselves.
 *
 * Within the transaction the writes run one after the other, each with its own condition: of several for one session
 * the first wins and the others see what it wrote.
 */
export function groupCommit(database: Database): GroupCommit {
  let queue: Queued[] = []
  let underWay: Promise<void> | undefined

  /** @param take gives the writes; asked only once the transaction has begun, so that whoever came meanwhile is in it */
  async function commitTogether(take: () => readonly Queued[]): Promise<void> {
    let batch: readonly Queued[] | undefined
    let outcomes: readonly boolean[]
    try {
      outcomes = await database.transaction(() => {
        batch = take()
        return batch.map((queued) => queued.write())
      })
    } catch (error) {
      batch ??= take()
      // The store is away for all of them, or there is nobody else to save: asking again would only wait again.
      if (batch.length === 1 || isStorageUnavailable(error)) for (const queued of batch) queued.reject(error)
      // One of them is impossible to write. It must not take the others down with it.
      else for (const queued of batch) await commitTogether(() => [queued])
      return
    }
    for (const [index, queued] of (batch ?? []).entries()) queued.resolve(outcomes[index] === true)
  }

  function takeQueue(): readonly Queued[] {
    const batch = queue
    queue = []
    return batch
  }

  function commitQueue(): void {
    if (queue.length === 0) return
    underWay = commitTogether(takeQueue).finally(() => {
      underWay = undefined
      if (queue.length > 0) setImmediate(commitQueue)
    })
  }

  return {
    submit(write) {
      return new Promise((resolve, reject) => {
        queue.push({ write, resolve, reject })
        if (queue.length === 1 && underWay === undefined) setImmediate(commitQueue)
      })
    },
    async flush() {
      await underWay
      if (queue.length > 0) await commitTogether(takeQueue)
    },
  }
}
