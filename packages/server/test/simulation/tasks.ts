/** What goes on at the same time in a run. */
export interface Tasks {
  /** Starts something under a name that nothing else has meanwhile. */
  readonly start: (name: string, task: () => Promise<unknown>) => void
  /** It will never go on: its owner crashed. */
  readonly forget: (name: string) => void
  readonly isRunning: (name: string) => boolean
  readonly names: () => readonly string[]
  /** Throws what went wrong beside the rules, if anything did. */
  readonly throwFailure: () => void
}

/** Starts with nothing under way. */
export function createTasks(): Tasks {
  const running = new Map<string, () => Promise<unknown>>()
  const failures: unknown[] = []
  return {
    start: (name, task) => {
      running.set(name, task)
      task()
        .catch((error: unknown) => failures.push(error))
        .finally(() => {
          if (running.get(name) === task) running.delete(name)
        })
    },
    forget: (name) => running.delete(name),
    isRunning: (name) => running.has(name),
    names: () => [...running.keys()],
    throwFailure: () => {
      for (const failure of failures) throw failure
    },
  }
}
