import type { Clock } from '../../secrets/random.ts'

/** What the SQLite engine is given. */
export interface SqliteStorageOptions {
  /** Path of the database file; created, with its folder, when it is missing. */
  readonly file: string
  /** The store's clock. Nothing here asks SQLite for the time. */
  readonly clock: Clock
  /** How long a statement waits for another process before it gives up, in milliseconds; default 5000. */
  readonly busyMilliseconds?: number
}
