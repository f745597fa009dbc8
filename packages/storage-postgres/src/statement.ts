import type { Row } from '@pawl/server/stored-columns'

/** One statement: its text, made once, and a name under which a connection may keep it prepared. */
export interface Statement {
  readonly name: string
  readonly text: string
}

type Scalar = string | number | boolean | null | Uint8Array

/** What stands for a `$n`. */
export type Value = Scalar | readonly Scalar[]

/** Runs one statement on the connection of a transaction. */
export type Run = (statement: Statement, values?: readonly Value[]) => Promise<readonly Row[]>

/** The database's own clock, in milliseconds since 1970. */
const databaseClock = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint'

/** The instant of a statement, in SQL: what its `$1` holds (a test's clock), or the database's clock where that is null. */
export const instant: string = `coalesce($1::bigint, ${databaseClock})`

/**
 * A read. Its `$1` is for {@link instant}; inside, that instant is `asked.now`. With every answer comes where it was
 * given: on a standby rows may be missing or old, and nothing may be decided on them.
 *
 * @param select a SELECT whose columns are named; its order is kept
 */
export function reading(name: string, select: string): Statement {
  const text = `
    WITH asked AS MATERIALIZED (SELECT ${instant} AS now, pg_is_in_recovery() AS on_standby)
    SELECT asked.now AS read_at, asked.on_standby, found.*
    FROM asked LEFT JOIN LATERAL (SELECT true AS is_row, selected.* FROM (${select}) AS selected) AS found ON true`
  return { name, text }
}

/**
 * Makes the transaction that it runs in outlive a crash of the server, whose setting may be weaker for the sake of speed:
 * what ends a session must not be lost with the last commits.
 */
export const durable = `
  SELECT set_config('synchronous_commit', 'on', true)
  WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')`

/**
 * A change and the event that tells of it, as one statement and so as one transaction. Answers with the rows that the
 * change returns, and writes the event if there is any.
 *
 * @param parts.change a data-modifying statement with RETURNING
 * @param parts.document the place of the event's document, `$n`
 */
export function telling(parts: {
  readonly schema: string
  readonly name: string
  readonly change: string
  readonly document: string
}): Statement {
  const text = `
    WITH changed AS (${parts.change}),
    told AS (
      INSERT INTO "${parts.schema}".security_events (document)
      SELECT ${parts.document}::text WHERE EXISTS (SELECT FROM changed)
    )
    SELECT changed.* FROM changed`
  return { name: parts.name, text }
}
