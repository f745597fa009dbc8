import type { EventStore } from '../../security-events/event-store.ts'
import type { SecurityEvent } from '../../security-events/security-event.ts'
import { integer, text } from './columns.ts'
import type { Database } from './database.ts'
import { parseEvent } from './event-document.ts'

const insert = 'INSERT INTO security_events (document) VALUES (:document)'
const oldest = 'SELECT sequence, document FROM security_events ORDER BY sequence LIMIT :limit'
const forget = 'DELETE FROM security_events WHERE sequence IN (SELECT value FROM json_each(:sequences))'

/** An event as it is stored. */
export function eventDocument(event: SecurityEvent): string {
  return JSON.stringify(event)
}

/** Puts an event at the end of the outbox, inside the transaction of the change it tells of. */
export function writeEvent(database: Database, event: SecurityEvent): void {
  writeDocument(database, eventDocument(event))
}

/** {@link writeEvent} for an event that was turned into its document before. */
export function writeDocument(database: Database, document: string): void {
  database.run(insert, { document })
}

/** The outbox in SQLite. */
export function sqliteEvents(database: Database): EventStore {
  return {
    async appendEvent(event) {
      await database.transaction(() => writeEvent(database, event))
    },

    async nextEvents(limit) {
      return database
        .all(oldest, { limit })
        .map((row) => ({ sequence: integer(row, 'sequence'), event: parseEvent(text(row, 'document')) }))
    },

    async forgetEvents(sequences) {
      if (sequences.length === 0) return
      await database.transaction(() => database.run(forget, { sequences: JSON.stringify(sequences) }))
    },
  }
}
