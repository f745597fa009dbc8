import type { ConsentStore } from '@pawl/server'
import { integer, isStorable, storableText } from '@pawl/server/stored-columns'
import { eventDocument } from '@pawl/server/stored-events'
import { consentRecord } from '@pawl/server/stored-records'
import { revokedSessions } from '@pawl/server/stored-revocations'
import type { Database } from './database.ts'
import { writingEvent } from './events.ts'
import type { WriteRevocations } from './revocations.ts'
import type { SessionsEnding } from './session-endings.ts'
import { reading, type Statement, telling } from './statement.ts'

const columns = 'user_id, client_id, scope, resources, granted_at'

/** Consents in PostgreSQL. */
export function postgresConsents(
  database: Database,
  schema: string,
  parts: { readonly endSessions: SessionsEnding; readonly writeRevocations: WriteRevocations },
): ConsentStore {
  const { endSessions, writeRevocations } = parts
  const consents = `"${schema}".consents`
  const find = reading('find_consent', `SELECT ${columns} FROM ${consents} WHERE user_id = $2 AND client_id = $3`)
  const list = reading(
    'list_consents',
    `SELECT ${columns} FROM ${consents} WHERE user_id = $2 ORDER BY granted_at DESC, client_id`,
  )
  const remember = telling({
    schema,
    name: 'remember_consent',
    change: `
      INSERT INTO ${consents} (${columns}) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (user_id, client_id)
        DO UPDATE SET scope = excluded.scope, resources = excluded.resources, granted_at = excluded.granted_at
      RETURNING user_id`,
    document: '$6',
  })
  // Whoever opens a session holds this row in share mode, and so is either waited for or finds the ticket gone.
  const lockUser: Statement = {
    name: 'lock_user',
    text: `SELECT number FROM "${schema}".users WHERE id = $1 FOR NO KEY UPDATE`,
  }
  const withdraw: Statement = {
    name: 'withdraw_consent',
    text: `DELETE FROM ${consents} WHERE user_id = $1 AND client_id = $2 RETURNING user_id`,
  }
  const forgetTickets: Statement = {
    name: 'forget_tickets',
    text: `DELETE FROM "${schema}".tickets WHERE user_id = $1 AND client_id = $2 RETURNING true AS is_removed`,
  }
  const writeEvent = writingEvent(schema)

  return {
    async findConsent(userId, clientId) {
      if (!isStorable(userId) || !isStorable(clientId)) return undefined
      const [row] = (await database.read(find, [userId, clientId])).rows
      return row && consentRecord(row)
    },

    async listConsents(userId) {
      return isStorable(userId) ? (await database.read(list, [userId])).rows.map(consentRecord) : []
    },

    async rememberConsent({ userId, clientId, scope, resources, grantedAt }, event) {
      await database.change(remember, [
        storableText(userId),
        storableText(clientId),
        JSON.stringify(scope),
        JSON.stringify(resources),
        grantedAt,
        eventDocument(event),
      ])
    },

    async withdrawConsent({ userId, clientId, now, event }) {
      if (!isStorable(userId) || !isStorable(clientId)) return false
      return database.transaction(
        async (run) => {
          const [user] = await run(lockUser, [userId])
          if (user === undefined || (await run(withdraw, [userId, clientId])).length === 0) return false
          await run(forgetTickets, [userId, clientId])
          const endedSessions = await endSessions.ofUserAtClient(run, { user: integer(user, 'number'), clientId, now })
          await writeRevocations(run, revokedSessions(endedSessions), now)
          await run(writeEvent, [eventDocument({ ...event, endedSessions })])
          return true
        },
        { durable: true },
      )
    },
  }
}
