import type { EventStore } from '@pawl/server'
import { integer, text } from '@pawl/server/stored-columns'
import { claimMilliseconds, eventDocument, parseEvent } from '@pawl/server/stored-events'
import type { Database } from './database.ts'
import { instant, type Statement } from './statement.ts'

/** Puts an event at the end of the outbox, inside the transaction of the change it tells of. `$1` is its document. */
export function writingEvent(schema: string): Statement {
  return { name: 'write_event', text: `INSERT INTO "${schema}".security_events (document) VALUES ($1)` }
}

// A sequence number is taken before its change commits, so a lower one may come to light after a higher one. It waits
// for the next delivery: events are forgotten one by one, never up to a number.
function claiming(schema: string): Statement {
  return {
    name: 'claim_events',
    text: `
      WITH instant AS MATERIALIZED (SELECT ${instant} AS now),
      oldest AS MATERIALIZED (
        SELECT security_events.sequence FROM "${schema}".security_events, instant
        WHERE claimed_by IS NULL OR claimed_by = $2::uuid OR claimed_until <= instant.now
        ORDER BY security_events.sequence LIMIT $3::bigint FOR NO KEY UPDATE OF security_events SKIP LOCKED
      ),
      claimed AS (
        UPDATE "${schema}".security_events SET claimed_by = $2::uuid, claimed_until = instant.now + ${claimMilliseconds}
        FROM oldest, instant WHERE security_events.sequence = oldest.sequence
        RETURNING security_events.sequence, document
      )
      SELECT sequence, document FROM claimed ORDER BY sequence`,
  }
}

/**
 * The outbox in PostgreSQL, with a way to let go of what was claimed.
 *
 * @param node a UUID of this node's own
 */
export function postgresEvents(
  database: Database,
  schema: string,
  node: string,
): { readonly events: EventStore; readonly release: () => Promise<void> } {
  const write = writingEvent(schema)
  const claim = claiming(schema)
  const forget: Statement = {
    name: 'forget_events',
    text: `DELETE FROM "${schema}".security_events WHERE sequence = ANY ($1::bigint[])`,
  }
  const release: Statement = {
    name: 'release_events',
    text: `UPDATE "${schema}".security_events SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = $1::uuid`,
  }
  return {
    events: {
      async appendEvent(event) {
        await database.change(write, [eventDocument(event)])
      },

      async nextEvents(limit) {
        const rows = await database.changeNow(claim, [node, limit])
        return rows.map((row) => ({ sequence: integer(row, 'sequence'), event: parseEvent(text(row, 'document')) }))
      },

      async forgetEvents(sequences) {
        if (sequences.length > 0) await database.change(forget, [sequences])
      },
    },
    async release() {
      await database.change(release, [node])
    },
  }
}
