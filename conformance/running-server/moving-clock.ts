/** The only clock of a server under test: it stands still until a test moves it. */
export interface MovingClock {
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly advanceSeconds: (seconds: number) => void
  readonly advanceMilliseconds: (milliseconds: number) => void
}

/** A clock that stands at the beginning of 2026, on no whole second, so that rounding shows. */
export function movingClock(): MovingClock {
  let instant = Date.UTC(2026, 0, 1) + 250
  const advanceMilliseconds = (milliseconds: number): void => {
    instant += milliseconds
  }
  return {
    now: () => instant,
    advanceMilliseconds,
    advanceSeconds: (seconds) => advanceMilliseconds(seconds * 1000),
  }
}
