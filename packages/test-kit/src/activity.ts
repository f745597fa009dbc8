import { AsyncLocalStorage } from 'node:async_hooks'

/** Who is busy: lets the clock wait until nothing more happens without time passing. */
export interface Activity {
  /** Does something that counts as busy until it ends. */
  readonly run: <Value>(work: () => Promise<Value>) => Promise<Value>
  /** Waits for something that only time can bring. Whoever called, and whoever waits for the caller, is not busy meanwhile. */
  readonly hold: <Value>(wait: Promise<Value>) => Promise<Value>
  /** Resolves when nobody is busy. */
  readonly rest: () => Promise<void>
}

interface Task {
  readonly parent: Task | undefined
  held: number
}

/** Taken now, for fake timers of a test runner may replace it later, and then nothing here would ever come to rest. */
const { setImmediate } = globalThis

/** Between two requests of one client lie promises only; this many turns of the event loop in a row leave room for them. */
const quietTurns = 10
/** An application that waits for real time, or for the clock that waits for it, does not hold a test up for ever. */
const mostTurns = 100_000

/** Starts with nobody busy. */
export function createActivity(): Activity {
  const current = new AsyncLocalStorage<Task>()
  const tasks = new Set<Task>()

  function isQuiet(): boolean {
    for (const task of tasks) if (task.held === 0) return false
    return true
  }

  return {
    run: async (work) => {
      const task: Task = { parent: current.getStore(), held: 0 }
      tasks.add(task)
      try {
        return await current.run(task, work)
      } finally {
        tasks.delete(task)
      }
    },
    hold: async (wait) => {
      const waiting: Task[] = []
      for (let task = current.getStore(); task !== undefined; task = task.parent) waiting.push(task)
      for (const task of waiting) task.held += 1
      try {
        return await wait
      } finally {
        for (const task of waiting) task.held -= 1
      }
    },
    rest: async () => {
      let quiet = 0
      for (let turn = 0; quiet < quietTurns && turn < mostTurns; turn += 1) {
        await new Promise<void>((resolve) => setImmediate(resolve))
        quiet = isQuiet() ? quiet + 1 : 0
      }
    },
  }
}
