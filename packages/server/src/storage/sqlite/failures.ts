import type { FailureCount, FailureStore } from '../../throttling/failure-store.ts'
import { failureCount } from '../stored-records.ts'
import type { Database, Values } from './database.ts'
import type { GroupCommit } from './group-commit.ts'
import type { SqliteStorageOptions } from './options.ts'

const read = 'SELECT count, ends_at FROM failures WHERE key = :key AND ends_at > :now'

// On the right-hand sides the columns are those of the row before.
const count = `
  INSERT INTO failures (key, count, ends_at) VALUES (:key, :count, :endsAt)
  ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN ends_at > :now THEN count + :count ELSE :count END,
    ends_at = CASE WHEN ends_at > :now THEN ends_at ELSE :endsAt END
  RETURNING count, ends_at`

const replace = `
  INSERT INTO failures (key, count, ends_at) VALUES (:key, :count, :endsAt)
  ON CONFLICT (key) DO UPDATE SET count = :count, ends_at = :endsAt
  RETURNING count, ends_at`

const forget = 'DELETE FROM failures WHERE key = :key AND ends_at > :now'

const removeEnded = `
  DELETE FROM failures WHERE key IN
    (SELECT key FROM failures WHERE ends_at <= :now ORDER BY ends_at LIMIT :limit)`

/** Counted failures in SQLite. Those that arrive together share a transaction. */
export function sqliteFailures(
  database: Database,
  commits: GroupCommit,
  { clock }: SqliteStorageOptions,
): FailureStore {
  async function written(sql: string, valuesAt: (now: number) => Values): Promise<FailureCount> {
    let written: FailureCount | undefined
    await commits.submit(() => {
      const now = clock()
      const row = database.get(sql, valuesAt(now))
      if (row !== undefined) written = failureCount(row, now)
      return row !== undefined
    })
    if (written === undefined) throw new Error('a count of failures was not written')
    return written
  }

  return {
    async readFailures(key) {
      const now = clock()
      const row = database.get(read, { key, now })
      return row === undefined ? undefined : failureCount(row, now)
    },

    countFailures: (key, by, lastsMilliseconds) =>
      written(count, (now) => ({ key, count: by, endsAt: now + lastsMilliseconds, now })),

    replaceFailures: (key, by, lastsMilliseconds) =>
      written(replace, (now) => ({ key, count: by, endsAt: now + lastsMilliseconds })),

    forgetFailures: (key) => commits.submit(() => database.run(forget, { key, now: clock() }) > 0),

    async removeEndedFailures(limit) {
      return database.transaction(() => database.run(removeEnded, { now: clock(), limit }))
    },
  }
}
