import { builtInClientIds } from '../../registered-clients/client.ts'
import type { ClientStore } from '../../registered-clients/client-store.ts'
import { accessLifetime } from '../../revocations/until-rule.ts'
import { storableText, text } from '../stored-columns.ts'
import { expiryEvent } from '../stored-events.ts'
import { assertionKeysDocument, clientRecord } from '../stored-records.ts'
import { revokedSessions } from '../stored-revocations.ts'
import type { Database } from './database.ts'
import { writeEvent } from './events.ts'
import { type SqliteRevocations, writeLifetime } from './revocations.ts'
import { endSessionsOfClient } from './sessions.ts'

const columns = `
  id, type, authentication, secret_hash, redirect_uris, grants, scopes, resources, policy, access_seconds, created_at,
  previous_secret_hash, assertion_keys, exchange, name, registration_token_hash, expires_at`
const find = `SELECT ${columns} FROM clients WHERE id = :id`
const list = `SELECT ${columns} FROM clients ORDER BY number`
const add = `
  INSERT INTO clients (${columns}) VALUES (
    :id, :type, :authentication, :secretHash, :redirectUris, :grants, :scopes, :resources, :policy, :accessSeconds,
    :createdAt, :previousSecretHash, :assertionKeys, :exchange, :name, :registrationTokenHash, :expiresAt
  ) ON CONFLICT DO NOTHING`
const addSecret = `
  UPDATE clients SET previous_secret_hash = secret_hash, secret_hash = :secretHash
  WHERE id = :id AND secret_hash IS NOT NULL AND previous_secret_hash IS NULL`
// On the right-hand sides the columns are those of the row before.
const removeSecret = {
  newer: `
    UPDATE clients SET secret_hash = previous_secret_hash, previous_secret_hash = NULL
    WHERE id = :id AND previous_secret_hash IS NOT NULL`,
  older: 'UPDATE clients SET previous_secret_hash = NULL WHERE id = :id AND previous_secret_hash IS NOT NULL',
}

const keep =
  'UPDATE clients SET expires_at = :expiresAt WHERE id = :id AND expires_at > :now AND expires_at < :expiresAt'
const removeExpired = `
  DELETE FROM clients WHERE number IN
    (SELECT number FROM clients WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit)
  RETURNING id`

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
        previousSecretHash: client.previousSecretHash ?? null,
        assertionKeys: assertionKeysDocument(client),
        exchange: client.exchange ?? null,
        name: client.name ?? null,
        registrationTokenHash: client.selfRegistration?.accessTokenHash ?? null,
        expiresAt: client.selfRegistration?.expiresAt ?? null,
      }
      return database.transaction(() => {
        if (database.run(add, values) === 0) return false
        const { accessSeconds, createdAt } = client
        if (accessSeconds !== null) writeLifetime(database, accessLifetime(accessSeconds * 1000, createdAt))
        writeEvent(database, event)
        return true
      })
    },

    async addClientSecret(id, secretHash, event) {
      return database.transaction(() => {
        if (database.run(addSecret, { id, secretHash }) === 0) return false
        writeEvent(database, event)
        return true
      })
    },

    async removeClientSecret(id, which, event) {
      return database.transaction(() => {
        if (database.run(removeSecret[which], { id }) === 0) return false
        writeEvent(database, event)
        return true
      })
    },

    async keepClient(id, expiresAt, now) {
      return database.run(keep, { id, expiresAt, now }) > 0
    },

    async removeExpiredClients(now, limit) {
      return database.transaction(() => {
        const removed = database.all(removeExpired, { now, limit })
        for (const row of removed) writeEvent(database, expiryEvent(text(row, 'id'), now))
        return removed.length
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
