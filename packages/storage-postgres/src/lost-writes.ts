import type { LostWritesStore } from '@pawl/server'
import { eventDocument } from '@pawl/server/stored-events'
import { lostWritesRecord } from '@pawl/server/stored-records'
import type { Database } from './database.ts'
import { reading, telling } from './statement.ts'

/** Lost writes in PostgreSQL. They are noted by the statement that shows them, see session-writes.ts. */
export function postgresLostWrites(database: Database, schema: string): LostWritesStore {
  const read = reading(
    'read_lost_writes',
    `SELECT sessions, noticed_at, intact_until, settled_at FROM "${schema}".lost_writes`,
  )
  const settle = telling({
    schema,
    name: 'settle_lost_writes',
    change: `
      UPDATE "${schema}".lost_writes SET sessions = 0, noticed_at = NULL, intact_until = NULL, settled_at = $1::bigint
      RETURNING single`,
    document: '$2',
  })
  return {
    async lostWrites() {
      const { rows } = await database.read(read)
      const [row] = rows
      if (row === undefined) throw new Error('the row of lost writes is missing')
      return lostWritesRecord(row)
    },

    async settleLostWrites(now, event) {
      await database.change(settle, [now, eventDocument(event)])
    },
  }
}
