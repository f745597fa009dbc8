import { setTimeout as pause } from 'node:timers/promises'

/** Work beside the requests. */
export interface Background {
  /** Does something again and again; never twice at once. It never keeps the process alive. */
  every(milliseconds: number, task: () => Promise<void>): void
  /**
   * For work in batches, between two of them: lets the requests have the store for a while.
   *
   * @returns false when the server is stopping and the rest is to wait for another time
   */
  goOn(): Promise<boolean>
  /** Begins nothing more, and waits for what is under way. */
  stop(): Promise<void>
}

/** How long work in batches leaves the store alone: several times the length of a batch of 500 rows. */
const pauseMilliseconds = 25

/** Starts with nothing to do. */
export function createBackground(): Background {
  const timers: NodeJS.Timeout[] = []
  const running = new Set<Promise<void>>()
  let stopping = false
  return {
    every: (milliseconds, task) => {
      let busy = false
      const timer = setInterval(() => {
        if (busy) return
        busy = true
        const run = task().finally(() => {
          busy = false
          running.delete(run)
        })
        running.add(run)
      }, milliseconds)
      timer.unref()
      timers.push(timer)
    },
    goOn: async () => {
      if (!stopping) await pause(pauseMilliseconds)
      return !stopping
    },
    stop: async () => {
      stopping = true
      for (const timer of timers) clearInterval(timer)
      await Promise.all(running)
    },
  }
}
