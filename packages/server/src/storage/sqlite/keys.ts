import type { KeyStore } from '../../keys/key-store.ts'
import { id, idBytes, integer, writtenIdBytes } from '../stored-columns.ts'
import { keyIdBytes, refreshKeyRecord, signingKeyRecord } from '../stored-records.ts'
import type { Database, Values } from './database.ts'
import { writeEvent } from './events.ts'
import type { SqliteStorageOptions } from './options.ts'
import type { SqliteRevocations } from './revocations.ts'
import { isLive } from './session-rows.ts'

const readVersion = 'SELECT version FROM key_ring'
const raiseVersion = 'UPDATE key_ring SET version = version + 1'

const signingKeyColumns = 'kid, algorithm, public_jwk, sealed_private_key, secret_id, created_at, active_from'
const addSigningKey = `
  INSERT INTO signing_keys (${signingKeyColumns})
  VALUES (:kid, :algorithm, :publicJwk, :sealedPrivateKey, :secretId, :createdAt, :activeFrom) ON CONFLICT DO NOTHING`

const replaceSealed = `
  UPDATE signing_keys SET secret_id = :toSecretId, sealed_private_key = :sealedPrivateKey
  WHERE kid = :kid AND secret_id = :fromSecretId`

const refreshKeyColumns = 'id, created_at, active_from, retired_at'
const addRefreshKey = `
  INSERT INTO refresh_keys (${refreshKeyColumns})
  VALUES (:id, :createdAt, :activeFrom, :retiredAt) ON CONFLICT DO NOTHING`

const countSessions = `SELECT refresh_key_id, count(*) AS sessions FROM sessions WHERE ${isLive} GROUP BY refresh_key_id`

const retire = `
  UPDATE refresh_keys SET retired_at = :now WHERE id = :id AND retired_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM sessions WHERE refresh_key_id = :id AND ${isLive})`

/** Keys in SQLite. */
export function sqliteKeys(
  database: Database,
  writeRevocations: SqliteRevocations['writeRevocations'],
  { clock }: SqliteStorageOptions,
): KeyStore {
  let asked: { readonly revision: number; readonly version: number } | undefined

  function version(): number {
    const row = database.get(readVersion)
    if (row === undefined) throw new Error('the key ring has no version')
    return integer(row, 'version')
  }

  /** Runs a statement and raises the version with it. Call inside a transaction. */
  function changed(statement: string, values: Values): boolean {
    if (database.run(statement, values) === 0) return false
    database.run(raiseVersion)
    return true
  }

  return {
    async keysVersion() {
      const revision = database.revision()
      if (asked?.revision !== revision) asked = { revision, version: version() }
      return asked.version
    },

    async readKeys() {
      return database.snapshot(() => ({
        version: version(),
        now: clock(),
        signingKeys: database
          .all(`SELECT ${signingKeyColumns} FROM signing_keys ORDER BY number`)
          .map(signingKeyRecord),
        refreshKeys: database
          .all(`SELECT ${refreshKeyColumns} FROM refresh_keys ORDER BY number`)
          .map(refreshKeyRecord),
      }))
    },

    async addSigningKey(key, expectedVersion, event) {
      return database.transaction(() => {
        if (version() !== expectedVersion || !changed(addSigningKey, { ...key })) return false
        writeEvent(database, event)
        return true
      })
    },

    async removeSigningKey(kid, event) {
      return database.transaction(() => {
        if (!changed('DELETE FROM signing_keys WHERE kid = :kid', { kid })) return false
        writeEvent(database, event)
        return true
      })
    },

    async killSigningKey(kid, event) {
      return database.transaction(() => {
        if (!changed('DELETE FROM signing_keys WHERE kid = :kid', { kid })) return false
        writeRevocations([{ kind: 'key', id: kid }], event.at)
        writeEvent(database, event)
        return true
      })
    },

    async replaceSealedKey(replacement, event) {
      return database.transaction(() => {
        if (!changed(replaceSealed, { ...replacement })) return false
        writeEvent(database, event)
        return true
      })
    },

    async addRefreshKey(key, expectedVersion, event) {
      const values = { ...key, id: writtenIdBytes(key.id, keyIdBytes) }
      return database.transaction(() => {
        if (version() !== expectedVersion || !changed(addRefreshKey, values)) return false
        writeEvent(database, event)
        return true
      })
    },

    async countSessionsByRefreshKey(now) {
      return new Map(
        database.all(countSessions, { now }).map((row) => [id(row, 'refresh_key_id'), integer(row, 'sessions')]),
      )
    },

    async retireRefreshKey(keyId, now, event) {
      const bytesOfId = idBytes(keyId, keyIdBytes)
      if (bytesOfId === undefined) return false
      return database.transaction(() => {
        if (!changed(retire, { id: bytesOfId, now })) return false
        writeEvent(database, event)
        return true
      })
    },
  }
}
