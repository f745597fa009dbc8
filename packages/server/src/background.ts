import { setTimeout as pause } from 'node:timers/promises'
import type { Repeat } from './configuration/settings.ts'

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

/** By the system's timers. */
const repeatBySystem: Repeat = (milliseconds, task) => {
  const timer = setInterval(task, milliseconds)
  timer.unref()
  return () => clearInterval(timer)
}

/** Starts with nothing to do. */
export function createBackground(repeat: Repeat = repeatBySystem): Background {
  const stops: (() => void)[] = []
  const running = new Set<Promise<void>>()
  let stopping = false
  return {
    every: (milliseconds, task) => {
      let busy = false
      const stop = repeat(milliseconds, () => {
        if (busy) return undefined
        busy = true
        const run = task().finally(() => {
          busy = false
          running.delete(run)
        })
        running.add(run)
        return run
      })
      stops.push(stop)
    },
    goOn: async () => {
      if (!stopping) await pause(pauseMilliseconds)
      return !stopping
    },
    stop: async () => {
      stopping = true
      for (const end of stops) end()
      await Promise.all(running)
    },
  }
}
