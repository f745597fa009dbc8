import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { storageUnavailable } from '../../tokens/storage-unavailable.ts'
import { integer, text } from '../stored-columns.ts'
import type { Departure } from '../transfer.ts'

/** What SQLite says when one of the triggers below refuses a write: SQLITE_CONSTRAINT_TRIGGER. The schema has no others. */
export const refusedByTrigger = 1811

const message = 'everything was moved to another store'

const tables = `
  SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> 'departure'`

const events = ['INSERT', 'UPDATE', 'DELETE'] as const

/** Makes a statement, or finds it made before. */
type Prepare = (sql: string) => StatementSync

/** Whether the schema of a file is of a release that knows departures; what an earlier one left has not departed. */
export function knowsDepartures(prepare: Prepare): boolean {
  return prepare("SELECT 1 FROM sqlite_schema WHERE name = 'departure'").get() !== undefined
}

/** Whether a file is still the one in use. */
export function departureOf(prepare: Prepare): Departure {
  const row = prepare('SELECT id, destination, departed_at FROM departure').get()
  if (row === undefined || row['departed_at'] === null) return { kind: 'here' }
  return {
    kind: 'departed',
    id: text(row, 'id'),
    destination: text(row, 'destination'),
    at: integer(row, 'departed_at'),
  }
}

/**
 * Refuses a file that is no longer in use, to whoever opens it as well as to those who have it open: what stands there is
 * what everything was like when it was moved, and nothing may be decided on that.
 *
 * @throws StorageUnavailable
 */
export function refuseDeparted(prepare: Prepare, file: string): void {
  const departure = departureOf(prepare)
  if (departure.kind === 'here') return
  const { destination, at } = departure
  throw departed(
    `${message}, ${destination}, at ${new Date(at).toISOString()}: set PAWL_DATABASE_URL to it. To use ${file} again as it was then: pawl move --undo`,
  )
}

/** The error of a write that came too late. */
export function departed(what: string = message): Error {
  return storageUnavailable(new Error(message), what)
}

/**
 * Marks the file, inside a transaction. Whoever has it open finds out with its next read; and no write gets through, not
 * even one of an earlier release, which knows nothing of the mark.
 */
export function markDeparted(connection: DatabaseSync, destination: string, now: number): void {
  connection.prepare('UPDATE departure SET destination = ?, departed_at = ?').run(destination, now)
  for (const row of connection.prepare(tables).all()) {
    const table = text(row, 'name')
    for (const event of events) {
      connection.exec(
        `CREATE TRIGGER ${triggerOf(table, event)} BEFORE ${event} ON ${table} BEGIN SELECT RAISE(ABORT, '${message}'); END`,
      )
    }
  }
}

/** Takes the mark back, inside a transaction. */
export function unmarkDeparted(connection: DatabaseSync): void {
  for (const row of connection.prepare(tables).all())
    for (const event of events) connection.exec(`DROP TRIGGER IF EXISTS ${triggerOf(text(row, 'name'), event)}`)
  connection.exec('UPDATE departure SET destination = NULL, departed_at = NULL')
  // The feed has gone on elsewhere meanwhile, with steps of the numbers that come next here.
  connection.exec('UPDATE revocation_feed SET epoch = lower(hex(randomblob(10)))')
}

function triggerOf(table: string, event: (typeof events)[number]): string {
  return `departed_${table}_${event.toLowerCase()}`
}
