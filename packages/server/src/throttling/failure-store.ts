/** How often something has failed, as a store holds it. */
export interface FailureCount {
  readonly count: number
  /** The store's instant at which it is forgotten, in milliseconds since 1970. */
  readonly endsAt: number
  /** The store's instant of the reading or of the write. */
  readonly now: number
}

/**
 * Counted failures at rest. Each call is one step, so that of failures that arrive together, on however many nodes, none
 * is lost. A count is gone from its end on, whether or not its row is still there. Keys are digests, see
 * failure-subject.ts: no store learns who failed.
 */
export interface FailureStore {
  readFailures(key: string): Promise<FailureCount | undefined>
  /**
   * Adds to a count, which keeps its end. Where there is none it begins, and ends after so many milliseconds.
   *
   * @returns how it stands after that
   */
  countFailures(key: string, by: number, lastsMilliseconds: number): Promise<FailureCount>
  /** Sets a count and its end, whatever was there. */
  replaceFailures(key: string, count: number, lastsMilliseconds: number): Promise<FailureCount>
  /** False: there was nothing to forget. */
  forgetFailures(key: string): Promise<boolean>
  /** Housekeeping: deletes up to `limit` counts that have ended, and tells how many there were. */
  removeEndedFailures(limit: number): Promise<number>
}
