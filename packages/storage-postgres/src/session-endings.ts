import type { SessionStore } from '@pawl/server'
import { id, integer, isStorable } from '@pawl/server/stored-columns'
import { eventDocument } from '@pawl/server/stored-events'
import { revokedSessions } from '@pawl/server/stored-revocations'
import type { Database } from './database.ts'
import { writingEvent } from './events.ts'
import type { WriteRevocations } from './revocations.ts'
import { isLive, sessionKey, writtenSessionKey } from './session-columns.ts'
import type { Run, Statement } from './statement.ts'

/**
 * Ending sessions: the only writes that lock several rows of different tables and wait for them. All of them lock in one
 * order, and so none can wait for another that waits for it: the user, then the client, then sessions by their ids, then
 * the row of the revocation feed. What
 * opens a session locks the user and then the client, too; what writes a refresh locks sessions only, and waits for none.
 *
 * The sessions are looked for in a statement after the one that locked the user or client, so that it also sees those
 * whose opening the lock has waited for (finding F7).
 */
type Ending = Pick<SessionStore, 'endSession' | 'endUserSessions' | 'endLiveSessions'>

/** Ends the sessions of a condition, locked in the order of their ids, and gives their ids in it. */
function ending(schema: string, name: string, condition: string, most = ''): Statement {
  const text = `
    WITH locked AS MATERIALIZED (
      SELECT sessions.id FROM "${schema}".sessions WHERE ${condition}
      ORDER BY sessions.id ${most} FOR NO KEY UPDATE
    ),
    ended AS (
      UPDATE "${schema}".sessions SET revoked_at = $1::bigint, revoked_reason = $2::text
      FROM locked WHERE sessions.id = locked.id AND sessions.revoked_at IS NULL
      RETURNING sessions.id
    )
    SELECT uuid_send(ended.id) AS id FROM ended ORDER BY ended.id`
  return { name, text }
}

/** Ends sessions inside a transaction whose lock keeps new ones from being opened. */
export interface SessionsEnding {
  /** All of a user, whose row is locked, but `except`; their ids. */
  ofUser(
    run: Run,
    ending: {
      readonly user: number
      readonly except: string | undefined
      readonly now: number
      readonly reason: string
    },
  ): Promise<readonly string[]>
  /** All that a client has of a user, whose row is locked. */
  ofUserAtClient(
    run: Run,
    ending: { readonly user: number; readonly clientId: string; readonly now: number },
  ): Promise<readonly string[]>
  /** All of a client, whose row is locked. */
  ofClient(run: Run, clientId: string, now: number): Promise<readonly string[]>
}

export function sessionsEnding(schema: string): SessionsEnding {
  const ofUser = ending(
    schema,
    'end_sessions_of_user',
    'sessions.user_number = $3 AND sessions.revoked_at IS NULL AND sessions.id IS DISTINCT FROM $4::uuid',
  )
  const ofUserAtClient = ending(
    schema,
    'end_sessions_of_user_at_client',
    `sessions.user_number = $3 AND sessions.revoked_at IS NULL
      AND sessions.terms_number IN (SELECT number FROM "${schema}".session_terms WHERE client_id = $4)`,
  )
  // There is no index for this: it would cost every session its bytes for the sake of a change that is made once a year.
  const ofClient = ending(
    schema,
    'end_sessions_of_client',
    `sessions.revoked_at IS NULL
      AND sessions.terms_number IN (SELECT number FROM "${schema}".session_terms WHERE client_id = $3)`,
  )
  return {
    async ofUser(run, { user, except, now, reason }) {
      const kept = except === undefined ? undefined : sessionKey(except)
      return (await run(ofUser, [now, reason, user, kept ?? null])).map((row) => id(row, 'id'))
    },
    async ofUserAtClient(run, { user, clientId, now }) {
      return (await run(ofUserAtClient, [now, 'consent_withdrawn', user, clientId])).map((row) => id(row, 'id'))
    },
    async ofClient(run, clientId, now) {
      return (await run(ofClient, [now, 'client_removed', clientId])).map((row) => id(row, 'id'))
    },
  }
}

/** The ends of sessions in PostgreSQL. */
export function sessionEndings(
  database: Database,
  schema: string,
  {
    endSessions,
    writeRevocations,
  }: { readonly endSessions: SessionsEnding; readonly writeRevocations: WriteRevocations },
): Ending {
  const writeEvent = writingEvent(schema)
  const lockUser: Statement = {
    name: 'lock_user',
    text: `SELECT number FROM "${schema}".users WHERE id = $1 FOR NO KEY UPDATE`,
  }
  const endOne: Statement = {
    name: 'end_session',
    text: `
      UPDATE "${schema}".sessions SET revoked_at = $1, revoked_reason = $2
      WHERE sessions.id = $3 AND sessions.revoked_at IS NULL RETURNING true AS is_ended`,
  }
  const live = isLive('$1::bigint')
  const endFirst = ending(schema, 'end_first_sessions', live, 'LIMIT $3::bigint')
  const endNext = ending(schema, 'end_next_sessions', `sessions.id > $4::uuid AND ${live}`, 'LIMIT $3::bigint')

  return {
    async endSession(one) {
      const key = sessionKey(one.id)
      if (key === undefined) return false
      return database.transaction(
        async (run) => {
          if ((await run(endOne, [one.now, one.reason, key])).length === 0) return false
          await writeRevocations(run, revokedSessions([one.id]), one.now)
          await run(writeEvent, [eventDocument(one.event)])
          return true
        },
        { durable: true },
      )
    },

    async endUserSessions({ userId, except, now, reason, event }) {
      if (!isStorable(userId)) return []
      return database.transaction(
        async (run) => {
          const [user] = await run(lockUser, [userId])
          if (user === undefined) return []
          const endedSessions = await endSessions.ofUser(run, { user: integer(user, 'number'), except, now, reason })
          await writeRevocations(run, revokedSessions(endedSessions), now)
          if (endedSessions.length > 0) await run(writeEvent, [eventDocument({ ...event, endedSessions })])
          return endedSessions
        },
        { durable: true },
      )
    },

    async endLiveSessions({ after, limit, now, reason, event }) {
      return database.transaction(
        async (run) => {
          const values = [now, reason, limit]
          const rows =
            after === '' ? await run(endFirst, values) : await run(endNext, [...values, writtenSessionKey(after)])
          const endedSessions = rows.map((row) => id(row, 'id'))
          await writeRevocations(run, revokedSessions(endedSessions), now)
          if (endedSessions.length > 0) await run(writeEvent, [eventDocument({ ...event, endedSessions })])
          return endedSessions
        },
        { durable: true },
      )
    },
  }
}
