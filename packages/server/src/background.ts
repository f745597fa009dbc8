import { setTimeout as pauseBySystem } from 'node:timers/promises'
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

/**
 * Work in batches leaves the store alone for several times as long as a batch took: it slows the requests down in one
 * tenth of the time at most, and the less the busier they keep the store.
 */
const pauseForWork = 9
const shortestPause = 25
/** For a batch that waited long for something else than the store's work. */
const longestPause = 500

/** How time passes. */
export interface Passing {
  /** Milliseconds that only move forward. */
  readonly monotonic: () => number
  readonly repeat?: Repeat | undefined
  readonly pause?: (milliseconds: number) => Promise<unknown>
}

/** By the system's timers. */
const repeatBySystem: Repeat = (milliseconds, task) => {
  const timer = setInterval(task, milliseconds)
  timer.unref()
  return () => clearInterval(timer)
}

/** Starts with nothing to do. */
export function createBackground({ monotonic, repeat = repeatBySystem, pause = pauseBySystem }: Passing): Background {
  const stops: (() => void)[] = []
  const running = new Set<Promise<void>>()
  let stopping = false
  let wentOn = monotonic()
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
      const worked = monotonic() - wentOn
      if (!stopping) await pause(Math.min(longestPause, Math.max(shortestPause, pauseForWork * worked)))
      wentOn = monotonic()
      return !stopping
    },
    stop: async () => {
      stopping = true
      for (const end of stops) end()
      await Promise.all(running)
    },
  }
}
