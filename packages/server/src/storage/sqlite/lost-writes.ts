import type { LostWritesStore } from '../../tokens/lost-writes-store.ts'
import { lostWritesRecord } from '../stored-records.ts'
import type { Database } from './database.ts'
import { writeEvent } from './events.ts'

const read = 'SELECT sessions, noticed_at, intact_until, settled_at FROM lost_writes'

const note = `
  UPDATE lost_writes
  SET sessions = sessions + 1, noticed_at = :now, intact_until = max(ifnull(intact_until, :lostSince), :lostSince)
  WHERE settled_at IS NULL OR settled_at < :lostSince`

const settle = 'UPDATE lost_writes SET sessions = 0, noticed_at = NULL, intact_until = NULL, settled_at = :now'

/** Counts a session that rolled forward, unless it shows a loss that was settled. Call inside a transaction. */
export function noteLostWrites(database: Database, lostSince: number, now: number): void {
  database.run(note, { lostSince, now })
}

/** Lost writes in SQLite. */
export function sqliteLostWrites(database: Database): LostWritesStore {
  return {
    async lostWrites() {
      const row = database.get(read)
      if (row === undefined) throw new Error('the row of lost writes is missing')
      return lostWritesRecord(row)
    },

    async settleLostWrites(now, event) {
      await database.transaction(() => {
        database.run(settle, { now })
        writeEvent(database, event)
      })
    },
  }
}
