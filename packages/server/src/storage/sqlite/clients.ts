import { clientAuthenticationMethods, type GrantType, grantTypes } from '@pawl/protocol'
import { builtInClientIds, type ClientRecord } from '../../registered-clients/client.ts'
import type { ClientStore } from '../../registered-clients/client-store.ts'
import { storableText } from '../storable-text.ts'
import { bytesOrNull, integer, integerOrNull, oneOf, text, textList } from './columns.ts'
import type { Database, Row } from './database.ts'
import { writeEvent } from './events.ts'
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

const clientTypes = ['public', 'confidential'] as const satisfies readonly ClientRecord['type'][]
const policies = ['rotating', 'strict', 'shared-store'] as const satisfies readonly ClientRecord['policy'][]

function isGrantType(word: string): word is GrantType {
  return grantTypes.some((known) => known === word)
}

function clientRecord(row: Row): ClientRecord {
  const listIn = (column: string): readonly string[] => textList(text(row, column), column)
  return {
    id: text(row, 'id'),
    type: oneOf(row, 'type', clientTypes),
    authentication: oneOf(row, 'authentication', clientAuthenticationMethods),
    secretHash: bytesOrNull(row, 'secret_hash'),
    redirectUris: listIn('redirect_uris'),
    // A grant that only a newer release knows is one that this one does not answer.
    grants: listIn('grants').filter(isGrantType),
    scopes: listIn('scopes'),
    resources: listIn('resources'),
    policy: oneOf(row, 'policy', policies),
    accessSeconds: integerOrNull(row, 'access_seconds'),
    createdAt: integer(row, 'created_at'),
  }
}

/** Registered clients in SQLite. */
export function sqliteClients(database: Database): ClientStore {
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
        writeEvent(database, event)
        return true
      })
    },

    async removeClient(id, now, event) {
      return database.transaction(() => {
        if (database.run('DELETE FROM clients WHERE id = :id', { id }) === 0) return false
        writeEvent(database, { ...event, endedSessions: endSessionsOfClient(database, id, now) })
        return true
      })
    },
  }
}
