import type { FailureCount, FailureStore } from '@pawl/server'
import { integer, text } from '@pawl/server/stored-columns'
import { failureCount } from '@pawl/server/stored-records'
import type { Database } from './database.ts'
import { gather } from './gather.ts'
import { instant, reading, type Statement, type Value } from './statement.ts'

/** A read is for at most so many keys. */
const mostTogether = 200

/** A write of a count that lasts `$4` milliseconds from the statement's instant on; answers with how it stands then. */
function writing(schema: string, name: string, onConflict: string): Statement {
  return {
    name,
    text: `
      WITH asked AS MATERIALIZED (SELECT ${instant} AS now),
      written AS (
        INSERT INTO "${schema}".failures (key, count, ends_at)
        SELECT $2::text, $3::bigint, asked.now + $4::bigint FROM asked
        ON CONFLICT (key) DO UPDATE SET ${onConflict}
        RETURNING count, ends_at
      )
      SELECT written.count, written.ends_at, asked.now AS written_at FROM written, asked`,
  }
}

// On the right-hand sides `failures` is the row before.
const stands = 'failures.ends_at > excluded.ends_at - $4::bigint'
const counted = `
  count = CASE WHEN ${stands} THEN failures.count + excluded.count ELSE excluded.count END,
  ends_at = CASE WHEN ${stands} THEN failures.ends_at ELSE excluded.ends_at END`
const replaced = 'count = excluded.count, ends_at = excluded.ends_at'

/** Counted failures in PostgreSQL, with what must be waited for before the connections are closed. */
export function postgresFailures(
  database: Database,
  schema: string,
  monotonic: () => number,
): { readonly failures: FailureStore; readonly settled: () => Promise<void> } {
  const count = writing(schema, 'count_failures', counted)
  const replace = writing(schema, 'replace_failures', replaced)
  const read = reading(
    'read_failures',
    `SELECT key, count, ends_at FROM "${schema}".failures
    WHERE key = ANY ($2::text[]) AND ends_at > asked.now`,
  )
  const forget: Statement = {
    name: 'forget_failures',
    text: `DELETE FROM "${schema}".failures WHERE ends_at > ${instant} AND key = $2 RETURNING true AS is_forgotten`,
  }
  const removeEnded: Statement = {
    name: 'remove_ended_failures',
    text: `
      WITH ended AS MATERIALIZED (
        SELECT key FROM "${schema}".failures WHERE ends_at <= ${instant}
        ORDER BY ends_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED
      )
      DELETE FROM "${schema}".failures USING ended WHERE failures.key = ended.key RETURNING true AS is_removed`,
  }

  async function written(statement: Statement, values: readonly Value[]): Promise<FailureCount> {
    const [row] = await database.changeNow(statement, values)
    if (row === undefined) throw new Error('a count of failures was not written')
    return failureCount(row, integer(row, 'written_at'))
  }

  const reads = gather<string, { readonly found: FailureCount | undefined }>({
    most: mostTogether,
    monotonic,
    async send(keys) {
      const { now, rows } = await database.read(read, [keys])
      const counts = new Map(rows.map((row) => [text(row, 'key'), failureCount(row, now)]))
      return keys.map((key) => ({ found: counts.get(key) }))
    },
  })

  return {
    settled: reads.settled,
    failures: {
      readFailures: async (key) => (await reads.ask(key)).found,
      countFailures: (key, by, lastsMilliseconds) => written(count, [key, by, lastsMilliseconds]),
      replaceFailures: (key, by, lastsMilliseconds) => written(replace, [key, by, lastsMilliseconds]),
      forgetFailures: async (key) => (await database.changeNow(forget, [key])).length > 0,
      removeEndedFailures: async (limit) => (await database.changeNow(removeEnded, [limit])).length,
    },
  }
}
