import { builtInClientIds } from '../../registered-clients/client.ts'
import type { ClientStore } from '../../registered-clients/client-store.ts'
import { accessLifetime } from '../../revocations/until-rule.ts'
import { storableText } from '../stored-columns.ts'
import { clientRecord } from '../stored-records.ts'
import { revokedSessions } from '../stored-revocations.ts'
import type { Database } from './database.ts'
import { writeEvent } from './events.ts'
import { type SqliteRevocations, writeLifetime } from './revocations.ts'
import { endSessionsOfClient } from './sessions.ts'

const columns = `
  id, type, authentication, secret_hash, redirect_uris, grants, scopes, resources, policy, access_seconds, created_at`
const find = `SELECT ${columns} FROM clients WHERE id = :id`
const list = `SELECT ${columns} FROM clients ORDER BY number`
const add = `
  INSERT INTO clients (${columns}) VALUES (
    :id, :type, :authentication, :secretHash, :redirectUris, :grants, :scopes, :resources, :policy, :accessSeconds,
    :createdAt
  ) ON CONFLICT DO NOTHING`

/** Registered clients in SQLite. */
export function sqliteClients(
  database: Database,
  writeRevocations: SqliteRevocations['writeRevocations'],
): ClientStore {
  return {
    async findClient(id) {
      const row = database.get(find, { id })
      return row && clientRecord(row)
    },

    async listClients() {
      return database.all(list).map(clientRecord)
    },

    async addClient(client, event) {
      if (builtInClientIds.has(client.id)) return false
      const values = {
        id: storableText(client.id),
        type: client.type,
        authentication: client.authentication,
        secretHash: client.secretHash,
        redirectUris: JSON.stringify(client.redirectUris),
        grants: JSON.stringify(client.grants),
        scopes: JSON.stringify(client.scopes),
        resources: JSON.stringify(client.resources),
        policy: client.policy,
        accessSeconds: client.accessSeconds,
        createdAt: client.createdAt,
      }
      return database.transaction(() => {
        if (database.run(add, values) === 0) return false
        const { accessSeconds, createdAt } = client
        if (accessSeconds !== null) writeLifetime(database, accessLifetime(accessSeconds * 1000, createdAt))
        writeEvent(database, event)
        return true
      })
    },

    async removeClient(id, now, event) {
      return database.transaction(() => {
        if (database.run('DELETE FROM clients WHERE id = :id', { id }) === 0) return false
        const endedSessions = endSessionsOfClient(database, id, now)
        writeRevocations([...revokedSessions(endedSessions), { kind: 'client', id }], now)
        writeEvent(database, { ...event, endedSessions })
        return true
      })
    },
  }
}
