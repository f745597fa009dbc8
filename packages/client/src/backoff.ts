import type { TransientFailure } from './transient-failure.ts'

const shortestMilliseconds = 1_000
const longestMilliseconds = 60_000
const longestAskedMilliseconds = 3_600_000

/** When a failed refresh may be tried again. It wakes nobody: whoever needs a token next looks here first. */
export interface Backoff {
  /** @param insist try even if the last failure is young, unless the server itself asked to wait */
  readonly mayTry: (insist: boolean) => boolean
  readonly fail: (failure: TransientFailure) => void
  readonly reset: () => void
}

/**
 * @param monotonic milliseconds that only move forward
 * @param random random bytes; spreads the retries of many clients that failed at once
 */
export function createBackoff(monotonic: () => number, random: (bytes: number) => Uint8Array): Backoff {
  let failures = 0
  let notBefore = Number.NEGATIVE_INFINITY
  let asked = false
  const fraction = () => (random(1)[0] ?? 0) / 256
  return {
    mayTry: (insist) => monotonic() >= notBefore || (insist && !asked),
    fail: ({ retryAfterSeconds }) => {
      asked = retryAfterSeconds !== undefined
      const wait =
        retryAfterSeconds === undefined
          ? Math.min(longestMilliseconds, shortestMilliseconds * 2 ** failures) * (0.5 + fraction() / 2)
          : Math.min(longestAskedMilliseconds, retryAfterSeconds * 1000) * (1 + fraction() / 10)
      failures += 1
      notBefore = monotonic() + wait
    },
    reset: () => {
      failures = 0
      notBefore = Number.NEGATIVE_INFINITY
    },
  }
}
