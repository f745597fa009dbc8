import { setImmediate } from 'node:timers/promises'
import { type Alternative, equally } from './choices.ts'

/** A place at which a task waits for its turn. */
export interface Turn {
  /** In whose hands it is: a node's or a holder's. When that one crashes, the task never goes on. */
  readonly owner: string
  /** On whose behalf: one actor has one request under way. */
  readonly actor: string
  /** What it is about to do. */
  readonly stage: string
  /** Ways in which that may turn out, the plain one first. */
  readonly outcomes?: readonly Alternative[] | undefined
  /** What else the task holds that decides how it goes on, as text. */
  readonly state?: () => string
}

/** A task that waits for its turn. */
export interface Parked extends Omit<Turn, 'outcomes'> {
  readonly outcomes: readonly Alternative[]
  readonly resume: (outcome: string) => void
}

/** Lets one task run at a time, in whatever order the schedule wants. */
export interface Scheduler {
  /** Waits for a turn; gives the outcome that the schedule chose. */
  readonly park: (turn: Turn) => Promise<string>
  readonly parked: () => readonly Parked[]
  /** Lets some go on, together, until everything is parked again. */
  readonly step: (tasks: readonly Parked[], outcome: string) => Promise<void>
  /** Forgets the tasks of an owner that crashed. */
  readonly abandon: (owner: string) => void
  /** Counts work that is more than microtasks, such as a transaction, among what runs. */
  readonly working: <Result>(work: Promise<Result>) => Promise<Result>
  /** Waits until nothing runs. */
  readonly settle: () => Promise<void>
}

const plain = equally('ok')

/** Starts with nothing parked. */
export function createScheduler(): Scheduler {
  let waiting: Parked[] = []
  let working = 0

  // Microtasks are done after one turn of the event loop; whatever takes longer has announced itself.
  async function settle(): Promise<void> {
    do await setImmediate()
    while (working > 0)
  }

  return {
    park: ({ outcomes = plain, ...turn }) =>
      new Promise((resume) => {
        waiting.push({ ...turn, outcomes, resume })
      }),
    parked: () => waiting,
    step: async (tasks, outcome) => {
      waiting = waiting.filter((task) => !tasks.includes(task))
      for (const task of tasks) task.resume(outcome)
      await settle()
    },
    abandon: (owner) => {
      waiting = waiting.filter((task) => task.owner !== owner)
    },
    working: async (work) => {
      working += 1
      try {
        return await work
      } finally {
        working -= 1
      }
    },
    settle,
  }
}
