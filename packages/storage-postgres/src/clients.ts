import type { ClientRecord, ClientStore } from '@pawl/server'
import { builtInClientIds } from '@pawl/server/registered-client'
import { isStorable, storableText, text } from '@pawl/server/stored-columns'
import { eventDocument, expiryEvent } from '@pawl/server/stored-events'
import { assertionKeysDocument, clientRecord } from '@pawl/server/stored-records'
import { revokedSessions } from '@pawl/server/stored-revocations'
import { accessLifetime } from '@pawl/server/until-rule'
import type { Database } from './database.ts'
import { writingEvent } from './events.ts'
import { gather } from './gather.ts'
import { declaringLifetime, type WriteRevocations } from './revocations.ts'
import type { SessionsEnding } from './session-endings.ts'
import { reading, type Statement, telling } from './statement.ts'

const columns = `
  id, type, authentication, secret_hash, redirect_uris, grants, scopes, resources, policy, access_seconds, created_at,
  previous_secret_hash, assertion_keys, exchange, name, registration_token_hash, expires_at`

/** A read is for at most so many clients. */
const mostTogether = 200

/** Registered clients in PostgreSQL, with what must be waited for before the connections are closed. */
export function postgresClients(
  database: Database,
  schema: string,
  parts: {
    readonly endSessions: SessionsEnding
    readonly writeRevocations: WriteRevocations
    readonly monotonic: () => number
  },
): { readonly clients: ClientStore; readonly settled: () => Promise<void> } {
  const { endSessions, writeRevocations, monotonic } = parts
  const find = reading('find_clients', `SELECT ${columns} FROM "${schema}".clients WHERE id = ANY ($2::text[])`)
  const list = reading('list_clients', `SELECT ${columns} FROM "${schema}".clients ORDER BY number`)
  const add = telling({
    schema,
    name: 'add_client',
    change: `
      INSERT INTO "${schema}".clients (${columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
      ON CONFLICT DO NOTHING RETURNING id`,
    document: '$18',
  })
  // On the right-hand sides the columns are those of the row before.
  const addSecret = telling({
    schema,
    name: 'add_client_secret',
    change: `
      UPDATE "${schema}".clients SET previous_secret_hash = secret_hash, secret_hash = $2
      WHERE id = $1 AND secret_hash IS NOT NULL AND previous_secret_hash IS NULL RETURNING id`,
    document: '$3',
  })
  const removeSecret = (which: 'newer' | 'older', stays: string): Statement =>
    telling({
      schema,
      name: `remove_${which}_client_secret`,
      change: `
        UPDATE "${schema}".clients SET secret_hash = ${stays}, previous_secret_hash = NULL
        WHERE id = $1 AND previous_secret_hash IS NOT NULL RETURNING id`,
      document: '$2',
    })
  const removeSecrets = {
    newer: removeSecret('newer', 'previous_secret_hash'),
    older: removeSecret('older', 'secret_hash'),
  }
  const keep: Statement = {
    name: 'keep_client',
    text: `
      UPDATE "${schema}".clients SET expires_at = $2::bigint
      WHERE id = $1 AND expires_at > $3::bigint AND expires_at < $2::bigint RETURNING id`,
  }
  const removeExpired: Statement = {
    name: 'remove_expired_clients',
    text: `
      WITH expired AS MATERIALIZED (
        SELECT number FROM "${schema}".clients WHERE expires_at <= $1::bigint
        ORDER BY expires_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED
      )
      DELETE FROM "${schema}".clients USING expired WHERE clients.number = expired.number RETURNING clients.id`,
  }
  const remove: Statement = {
    name: 'remove_client',
    text: `DELETE FROM "${schema}".clients WHERE id = $1 RETURNING id`,
  }
  const writeEvent = writingEvent(schema)
  const declare = declaringLifetime(schema)

  const reads = gather<string, { readonly found: ClientRecord | undefined }>({
    most: mostTogether,
    monotonic,
    async send(ids) {
      const { rows } = await database.read(find, [ids])
      const rowOf = new Map(rows.map((row) => [text(row, 'id'), row]))
      return ids.map((id) => {
        const row = rowOf.get(id)
        return { found: row && clientRecord(row) }
      })
    },
  })

  return {
    settled: reads.settled,
    clients: {
      async findClient(id) {
        return isStorable(id) ? (await reads.ask(id)).found : undefined
      },

      async listClients() {
        return (await database.read(list)).rows.map(clientRecord)
      },

      async addClient(client, event) {
        if (builtInClientIds.has(client.id)) return false
        const values = [
          storableText(client.id),
          client.type,
          client.authentication,
          client.secretHash,
          JSON.stringify(client.redirectUris),
          JSON.stringify(client.grants),
          JSON.stringify(client.scopes),
          JSON.stringify(client.resources),
          client.policy,
          client.accessSeconds,
          client.createdAt,
          client.previousSecretHash ?? null,
          assertionKeysDocument(client),
          client.exchange ?? null,
          client.name === undefined ? null : storableText(client.name),
          client.selfRegistration?.accessTokenHash ?? null,
          client.selfRegistration?.expiresAt ?? null,
          eventDocument(event),
        ]
        const { accessSeconds } = client
        if (accessSeconds === null) return (await database.change(add, values)).length > 0
        const { milliseconds, until } = accessLifetime(accessSeconds * 1000, client.createdAt)
        return database.transaction(async (run) => {
          if ((await run(add, values)).length === 0) return false
          await run(declare, [milliseconds, until])
          return true
        })
      },

      async addClientSecret(id, secretHash, event) {
        if (!isStorable(id)) return false
        return (await database.change(addSecret, [id, secretHash, eventDocument(event)])).length > 0
      },

      async removeClientSecret(id, which, event) {
        if (!isStorable(id)) return false
        return (await database.change(removeSecrets[which], [id, eventDocument(event)])).length > 0
      },

      async keepClient(id, expiresAt, now) {
        return isStorable(id) && (await database.change(keep, [id, expiresAt, now])).length > 0
      },

      async removeExpiredClients(now, limit) {
        return database.transaction(async (run) => {
          const removed = await run(removeExpired, [now, limit])
          for (const row of removed) await run(writeEvent, [eventDocument(expiryEvent(text(row, 'id'), now))])
          return removed.length
        })
      },

      async removeClient(id, now, event) {
        if (!isStorable(id)) return false
        return database.transaction(
          async (run) => {
            if ((await run(remove, [id])).length === 0) return false
            const endedSessions = await endSessions.ofClient(run, id, now)
            await writeRevocations(run, [...revokedSessions(endedSessions), { kind: 'client', id }], now)
            await run(writeEvent, [eventDocument({ ...event, endedSessions })])
            return true
          },
          { durable: true, patient: true },
        )
      },
    },
  }
}
