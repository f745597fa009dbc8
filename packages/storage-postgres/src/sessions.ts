import type { SessionRecord, SessionStore, UserRecord } from '@pawl/server'
import { id } from '@pawl/server/stored-columns'
import { userRecord } from '@pawl/server/stored-records'
import type { Database } from './database.ts'
import { gather } from './gather.ts'
import { sessionOpening } from './open-session.ts'
import type { WriteRevocations } from './revocations.ts'
import { isLive, sessionColumns, sessionKey, sessionReader, sessionsJoined, userColumns } from './session-columns.ts'
import { type SessionsEnding, sessionEndings } from './session-endings.ts'
import { sessionWrites } from './session-writes.ts'
import { reading, type Statement } from './statement.ts'

/** A read is for at most so many sessions. */
const mostTogether = 200

interface Found {
  readonly now: number
  readonly session: SessionRecord | undefined
  readonly user: UserRecord | undefined
}

/** Sessions in PostgreSQL, with what must be waited for before the connections are closed. */
export function postgresSessions(
  database: Database,
  schema: string,
  parts: {
    readonly endSessions: SessionsEnding
    readonly writeRevocations: WriteRevocations
    readonly monotonic: () => number
  },
): { readonly sessions: SessionStore; readonly settled: () => Promise<void> } {
  const { monotonic } = parts
  const record = sessionReader()
  const readSessions = reading(
    'read_sessions',
    `SELECT ${sessionColumns}, ${userColumns} FROM ${sessionsJoined(schema)} WHERE sessions.id = ANY ($2::uuid[])`,
  )
  const newestFirst = 'ORDER BY sessions.last_used_at DESC, sessions.created_at DESC, sessions.id'
  const listOfUser = reading(
    'list_user_sessions',
    `SELECT ${sessionColumns} FROM ${sessionsJoined(schema)}
    WHERE users.id = $2 AND ${isLive('asked.now')} ${newestFirst}`,
  )
  // Reads the whole table: an index on the last use would have to be written by every refresh.
  const listAll = reading(
    'list_sessions',
    `SELECT ${sessionColumns} FROM ${sessionsJoined(schema)}
    WHERE ${isLive('asked.now')} ${newestFirst} LIMIT $2::bigint`,
  )
  // Whatever else ended them, the absolute expiry of all of these has passed, so its index finds them without a scan.
  // One that somebody has locked is left for the next time.
  const removeEnded: Statement = {
    name: 'remove_ended_sessions',
    text: `
      WITH ended AS MATERIALIZED (
        SELECT sessions.id FROM "${schema}".sessions WHERE sessions.absolute_expires_at <= $1::bigint
        ORDER BY sessions.absolute_expires_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED
      )
      DELETE FROM "${schema}".sessions USING ended WHERE sessions.id = ended.id RETURNING true AS is_removed`,
  }

  const reads = gather<string, Found>({
    most: mostTogether,
    monotonic,
    async send(keys) {
      const { now, rows } = await database.read(readSessions, [keys])
      const rowOf = new Map(rows.map((row) => [sessionKey(id(row, 'session_id')), row]))
      return keys.map((key) => {
        const row = rowOf.get(key)
        return { now, session: row && record(row), user: row && userRecord(row) }
      })
    },
  })
  const { writes, settled } = sessionWrites(database, schema, monotonic)

  return {
    async settled() {
      await Promise.all([reads.settled(), settled()])
    },
    sessions: {
      ...writes,
      ...sessionEndings(database, schema, parts),
      openSession: sessionOpening(database, schema),

      async readSession(sessionId) {
        const key = sessionKey(sessionId)
        if (key !== undefined) return reads.ask(key)
        const { now } = await database.read(readSessions, [[]])
        return { now, session: undefined, user: undefined }
      },

      async listUserSessions(userId) {
        const { now, rows } = await database.read(listOfUser, [userId])
        return { now, sessions: rows.map(record) }
      },

      async listSessions(limit) {
        const { now, rows } = await database.read(listAll, [limit], { patient: true })
        return { now, sessions: rows.map(record) }
      },

      async removeEndedSessions(endedBefore, limit) {
        return (await database.change(removeEnded, [endedBefore, limit])).length
      },
    },
  }
}
