import type { ConsentStore } from '../../authorizations/consent-store.ts'
import { consentRecord } from '../stored-records.ts'
import { revokedSessions } from '../stored-revocations.ts'
import type { Database } from './database.ts'
import { writeEvent } from './events.ts'
import type { SqliteRevocations } from './revocations.ts'
import { endSessionsOfUserAtClient } from './sessions.ts'

const find = 'SELECT * FROM consents WHERE user_id = :userId AND client_id = :clientId'
const list = 'SELECT * FROM consents WHERE user_id = :userId ORDER BY granted_at DESC, client_id'
const remember = `
  INSERT OR REPLACE INTO consents (user_id, client_id, scope, resources, granted_at)
  VALUES (:userId, :clientId, :scope, :resources, :grantedAt)`
const withdraw = 'DELETE FROM consents WHERE user_id = :userId AND client_id = :clientId'
const forgetTickets = 'DELETE FROM tickets WHERE user_id = :userId AND client_id = :clientId'

/** Consents in SQLite. */
export function sqliteConsents(
  database: Database,
  writeRevocations: SqliteRevocations['writeRevocations'],
): ConsentStore {
  return {
    async findConsent(userId, clientId) {
      const row = database.get(find, { userId, clientId })
      return row && consentRecord(row)
    },

    async listConsents(userId) {
      return database.all(list, { userId }).map(consentRecord)
    },

    async rememberConsent(consent, event) {
      const { userId, clientId, scope, resources, grantedAt } = consent
      const lists = { scope: JSON.stringify(scope), resources: JSON.stringify(resources) }
      await database.transaction(() => {
        database.run(remember, { userId, clientId, ...lists, grantedAt })
        writeEvent(database, event)
      })
    },

    async withdrawConsent({ userId, clientId, now, event }) {
      return database.transaction(() => {
        if (database.run(withdraw, { userId, clientId }) === 0) return false
        database.run(forgetTickets, { userId, clientId })
        const endedSessions = endSessionsOfUserAtClient(database, { userId, clientId, now })
        writeRevocations(revokedSessions(endedSessions), now)
        writeEvent(database, { ...event, endedSessions })
        return true
      })
    },
  }
}
