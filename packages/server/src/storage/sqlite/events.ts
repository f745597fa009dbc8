import type { EventStore } from '../../security-events/event-store.ts'
import type { SecurityEvent } from '../../security-events/security-event.ts'
import { bytes, integer, text } from '../stored-columns.ts'
import { claimMilliseconds, eventDocument, parseEvent } from '../stored-events.ts'
import type { Database } from './database.ts'
import type { SqliteStorageOptions } from './options.ts'

const insert = 'INSERT INTO security_events (document) VALUES (:document)'
const oldest = `
  SELECT sequence, document FROM security_events
  WHERE claimed_by IS NULL OR claimed_by = :node OR claimed_until <= :now ORDER BY sequence LIMIT :limit`
const claim = 'UPDATE security_events SET claimed_by = :node, claimed_until = :until WHERE sequence = :sequence'
const release = 'UPDATE security_events SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = :node'
const forget = 'DELETE FROM security_events WHERE sequence IN (SELECT value FROM json_each(:sequences))'

/** Puts an event at the end of the outbox, inside the transaction of the change it tells of. */
export function writeEvent(database: Database, event: SecurityEvent): void {
  writeDocument(database, eventDocument(event))
}

/** {@link writeEvent} for an event that was turned into its document before. */
export function writeDocument(database: Database, document: string): void {
  database.run(insert, { document })
}

/** The outbox in SQLite, with a way to let go of what this process was given to deliver. */
export function sqliteEvents(
  database: Database,
  { clock }: SqliteStorageOptions,
): EventStore & { readonly releaseEvents: () => Promise<void> } {
  let node: Uint8Array | undefined

  /** Drawn by SQLite, once; as good as a name that no other process on the file has. */
  function ownName(): Uint8Array {
    node ??= bytes(database.get('SELECT randomblob(16) AS node') ?? {}, 'node')
    return node
  }

  return {
    async appendEvent(event) {
      await database.transaction(() => writeEvent(database, event))
    },

    async nextEvents(limit) {
      const now = clock()
      const values = { node: ownName(), now, limit }
      // An outbox is empty nearly always, and then there is no need to wait for the write lock.
      if (database.get(oldest, { ...values, limit: 1 }) === undefined) return []
      const rows = await database.transaction(() =>
        database.all(oldest, values).map((row) => {
          const sequence = integer(row, 'sequence')
          database.run(claim, { node: ownName(), until: now + claimMilliseconds, sequence })
          return { sequence, document: text(row, 'document') }
        }),
      )
      return rows.map(({ sequence, document }) => ({ sequence, event: parseEvent(document) }))
    },

    async forgetEvents(sequences) {
      if (sequences.length === 0) return
      await database.transaction(() => database.run(forget, { sequences: JSON.stringify(sequences) }))
    },

    async releaseEvents() {
      if (node !== undefined) await database.transaction(() => database.run(release, { node: ownName() }))
    },
  }
}
