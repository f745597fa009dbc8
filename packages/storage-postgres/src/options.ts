import type { Clock } from '@pawl/server'

/** What the PostgreSQL engine is given. */
export interface PostgresStorageOptions {
  /** Where the database is: `postgres://user:password@host:port/database`. A connection pooler may stand there. */
  readonly url: string
  /** The same database without a pooler in between, for hearing of other nodes' changes at once; default: none. */
  readonly directUrl?: string
  /** Schema that holds everything of Pawl: lower-case letters, digits and underscores; default `pawl`. */
  readonly schema?: string
  /** How many connections are kept at most; default 10. One more is used for hearing of changes. */
  readonly connections?: number
  /** For tests: the store's clock in milliseconds since 1970; default: the database's own, read with the row. */
  readonly clock?: Clock
}
