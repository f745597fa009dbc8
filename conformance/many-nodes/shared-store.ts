import { randomBytes, randomInt } from 'node:crypto'
import { generationOf } from './history.ts'

/**
 * How fast the holders of a store go. Design promises that an honest holder is never taken for a thief as long as a
 * session moves at most eight times in a race window, or no request lags behind; so a store is one of two kinds:
 * - `in step`: as fast as it is answered, but no token is presented while a request with an older one is under way;
 * - `in windows`: at most eight rotations in a window, spread over it, and requests may lag behind as they like.
 */
export type Pace = 'in step' | 'in windows'

/** Where several clients keep one session: its newest token, and one attempt id for each generation. */
export interface SharedStore {
  readonly session: string
  readonly pace: Pace
  /** Why the session has ended, as its holders were told. */
  readonly over: () => string | undefined
  /** The newest token, whoever asks. */
  readonly peek: () => string
  readonly generation: () => number
  /**
   * What a holder is to send now; undefined while it has to wait. Whoever takes must give back.
   *
   * @param unpaced when all is calm, and no request can lag behind
   */
  readonly take: (unpaced: boolean) => Taken | undefined
}

/** What a holder sends. */
export interface Taken {
  readonly token: string
  readonly attemptId: string
  /** Tells the store what came of it; undefined: no token. A token older than what the store has changes nothing. */
  readonly giveBack: (token: string | undefined) => void
  readonly tellOver: (reason: string) => void
}

/** What a store begins with. */
export interface StoreBeginning {
  readonly session: string
  readonly token: string
  readonly pace: Pace
  readonly windowMilliseconds: number
  /** How long the run is: a window that is longer is not waited for, and its eight rotations are spread over the run. */
  readonly runMilliseconds: number
  readonly now: () => number
}

const rotationsInWindow = 8

/** Makes a store that holds a session. */
export function createSharedStore(beginning: StoreBeginning): SharedStore {
  const { session, token, pace, windowMilliseconds, runMilliseconds, now } = beginning
  const longestRest = (2 * Math.min(windowMilliseconds, runMilliseconds)) / rotationsInWindow
  let restUntil = 0
  let newest = { token, generation: generationOf(token), attemptId: newAttemptId() }
  let reason: string | undefined
  const adoptedAt: number[] = []
  const underWay = new Map<object, number>()

  function mayMove(): boolean {
    if (pace === 'in step') return [...underWay.values()].every((generation) => generation === newest.generation)
    const eighthLast = adoptedAt.at(-rotationsInWindow)
    return now() >= Math.max(restUntil, eighthLast === undefined ? 0 : eighthLast + windowMilliseconds)
  }

  function adopt(given: string): void {
    const generation = generationOf(given)
    if (generation <= newest.generation) return
    newest = { token: given, generation, attemptId: newAttemptId() }
    adoptedAt.push(now())
    restUntil = now() + randomInt(Math.ceil(longestRest))
  }

  return {
    session,
    pace,
    over: () => reason,
    peek: () => newest.token,
    generation: () => newest.generation,
    take: (unpaced) => {
      if (!unpaced && !mayMove()) return undefined
      const key = {}
      underWay.set(key, newest.generation)
      const { token, attemptId } = newest
      return {
        token,
        attemptId,
        giveBack: (given) => {
          underWay.delete(key)
          if (given !== undefined) adopt(given)
        },
        tellOver: (told) => {
          reason ??= told
        },
      }
    },
  }
}

/** An attempt id as clients draw them. */
export function newAttemptId(): string {
  return randomBytes(16).toString('base64url')
}
