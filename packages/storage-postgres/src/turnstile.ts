import { storageUnavailable } from '@pawl/server/storage-unavailable'

/** Lets so many through at once; whoever comes later waits his turn, for a while. */
export type Turnstile = <Result>(work: () => Promise<Result>) => Promise<Result>

/**
 * Makes a turnstile.
 *
 * @param most how many may be inside at once
 * @param patienceMilliseconds how long one waits outside before the store counts as away for him
 */
export function turnstile(most: number, patienceMilliseconds: number): Turnstile {
  const waiting = new Set<() => void>()
  let inside = 0

  /** Whoever leaves hands his place on, so nobody who has just come takes it. */
  function leave(): void {
    const [next] = waiting
    if (next === undefined) inside -= 1
    else next()
  }

  function enter(): Promise<void> {
    if (inside < most) {
      inside += 1
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const goOn = () => {
        waiting.delete(goOn)
        clearTimeout(patience)
        resolve()
      }
      const patience = setTimeout(() => {
        waiting.delete(goOn)
        reject(storageUnavailable(new Error('too many transactions wait for each other')))
      }, patienceMilliseconds)
      waiting.add(goOn)
    })
  }

  return async (work) => {
    await enter()
    try {
      return await work()
    } finally {
      leave()
    }
  }
}
