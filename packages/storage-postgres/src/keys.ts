import type { KeyStore, SecurityEvent } from '@pawl/server'
import { id, idBytes, integer, writtenIdBytes } from '@pawl/server/stored-columns'
import { eventDocument } from '@pawl/server/stored-events'
import { keyIdBytes, refreshKeyRecord, signingKeyRecord } from '@pawl/server/stored-records'
import { type ChangeWatch, channelOf } from './change-watch.ts'
import type { Database, TransactionKind } from './database.ts'
import { gather } from './gather.ts'
import type { WriteRevocations } from './revocations.ts'
import { isLive } from './session-columns.ts'
import { reading, type Statement, type Value } from './statement.ts'

const signingKeyColumns = 'kid, algorithm, public_jwk, sealed_private_key, secret_id, created_at, active_from'
const refreshKeyColumns = 'id, created_at, active_from, retired_at'

/**
 * A change of the key ring, its new version, its event, and word of it to every node, in one statement. Whoever changes
 * the ring locks its one row first.
 *
 * @param change uses `ring`, which is empty where the version is not the expected one; its values begin at `$3`
 * @param expected the place of the version that was read
 */
function changing(schema: string, name: string, change: string, expected?: string): Statement {
  return {
    name,
    text: `
      WITH ring AS MATERIALIZED (
        SELECT version FROM "${schema}".key_ring ${expected === undefined ? '' : `WHERE version = ${expected}::bigint`}
        FOR UPDATE
      ),
      changed AS (${change}),
      raised AS (
        UPDATE "${schema}".key_ring SET version = key_ring.version + 1 WHERE EXISTS (SELECT FROM changed)
        RETURNING version
      ),
      told AS (
        INSERT INTO "${schema}".security_events (document) SELECT $1::text WHERE EXISTS (SELECT FROM changed)
      )
      SELECT version, pg_notify($2, version::text) FROM raised`,
  }
}

function changes(schema: string) {
  return {
    addSigningKey: changing(
      schema,
      'add_signing_key',
      `INSERT INTO "${schema}".signing_keys (${signingKeyColumns})
      SELECT $4::text, $5::text, $6::text, $7::bytea, $8::text, $9::bigint, $10::bigint FROM ring
      ON CONFLICT DO NOTHING RETURNING kid`,
      '$3',
    ),
    removeSigningKey: changing(
      schema,
      'remove_signing_key',
      `DELETE FROM "${schema}".signing_keys USING ring WHERE kid = $3 RETURNING kid`,
    ),
    replaceSealed: changing(
      schema,
      'replace_sealed_key',
      `UPDATE "${schema}".signing_keys SET secret_id = $5, sealed_private_key = $6
      FROM ring WHERE kid = $3 AND secret_id = $4 RETURNING kid`,
    ),
    addRefreshKey: changing(
      schema,
      'add_refresh_key',
      `INSERT INTO "${schema}".refresh_keys (${refreshKeyColumns})
      SELECT $4::bytea, $5::bigint, $6::bigint, $7::bigint FROM ring ON CONFLICT DO NOTHING RETURNING id`,
      '$3',
    ),
    // Where some live session names it the first that is found is enough; where none does, all have been looked at.
    retire: changing(
      schema,
      'retire_refresh_key',
      `UPDATE "${schema}".refresh_keys SET retired_at = $4::bigint
      FROM ring WHERE id = $3::bytea AND retired_at IS NULL AND NOT EXISTS (
        SELECT FROM "${schema}".sessions
        WHERE sessions.refresh_key_id = $3 AND ${isLive('$4')} LIMIT 1
      ) RETURNING id`,
    ),
  }
}

/** Keys in PostgreSQL, with what must be waited for before the connections are closed. */
export function postgresKeys(
  database: Database,
  schema: string,
  parts: {
    readonly watch: ChangeWatch
    readonly writeRevocations: WriteRevocations
    readonly monotonic: () => number
  },
): { readonly keys: KeyStore; readonly settled: () => Promise<void> } {
  const { watch, writeRevocations, monotonic } = parts
  const { addSigningKey, removeSigningKey, replaceSealed, addRefreshKey, retire } = changes(schema)
  const readVersion = reading('keys_version', `SELECT version FROM "${schema}".key_ring`)
  const readAll = reading(
    'read_keys',
    `SELECT version, number, ${signingKeyColumns}, NULL::bytea AS id, NULL::bigint AS retired_at
    FROM "${schema}".key_ring LEFT JOIN "${schema}".signing_keys ON true
    UNION ALL
    SELECT version, number, NULL, NULL, NULL, NULL, NULL, created_at, active_from, id, retired_at
    FROM "${schema}".key_ring LEFT JOIN "${schema}".refresh_keys ON true
    ORDER BY number`,
  )
  const countSessions = reading(
    'count_sessions_by_refresh_key',
    `SELECT refresh_key_id, count(*) AS sessions FROM "${schema}".sessions
    WHERE ${isLive('$2::bigint')} GROUP BY refresh_key_id`,
  )

  async function changed(
    statement: Statement,
    event: SecurityEvent,
    values: readonly Value[],
    kind?: TransactionKind,
  ): Promise<boolean> {
    const all = [eventDocument(event), channelOf(schema), ...values]
    const [raised] = await (kind === undefined
      ? database.change(statement, all)
      : database.transaction((run) => run(statement, all), kind))
    // What this node did itself it knows at once, whatever its watch is told later. Where another node was faster, this one
    // looks before it is asked again, or it would read its keys by the old version for as long as nobody tells it.
    if (raised !== undefined) watch.saw(integer(raised, 'version'), monotonic())
    else await versions.ask(undefined)
    return raised !== undefined
  }

  const versions = gather<undefined, number>({
    most: Number.POSITIVE_INFINITY,
    monotonic,
    async send(asks) {
      const sentAt = monotonic()
      const { rows } = await database.read(readVersion)
      const [row] = rows
      if (row === undefined) throw new Error('the key ring has no version')
      const version = integer(row, 'version')
      watch.saw(version, sentAt)
      return asks.map(() => version)
    },
  })

  return {
    settled: versions.settled,
    keys: {
      async keysVersion() {
        return watch.knownVersion() ?? versions.ask(undefined)
      },

      async readKeys() {
        const { now, rows } = await database.read(readAll)
        const [first] = rows
        if (first === undefined) throw new Error('the key ring has no version')
        return {
          version: integer(first, 'version'),
          now,
          signingKeys: rows.filter((row) => row['kid'] !== null).map(signingKeyRecord),
          refreshKeys: rows.filter((row) => row['id'] !== null).map(refreshKeyRecord),
        }
      },

      addSigningKey: (key, expectedVersion, event) =>
        changed(addSigningKey, event, [
          expectedVersion,
          key.kid,
          key.algorithm,
          key.publicJwk,
          key.sealedPrivateKey,
          key.secretId,
          key.createdAt,
          key.activeFrom,
        ]),

      removeSigningKey: (kid, event) => changed(removeSigningKey, event, [kid]),

      async killSigningKey(kid, event) {
        const killed = await database.transaction(
          async (run) => {
            const [raised] = await run(removeSigningKey, [eventDocument(event), channelOf(schema), kid])
            if (raised !== undefined) await writeRevocations(run, [{ kind: 'key', id: kid }], event.at)
            return raised
          },
          { durable: true },
        )
        if (killed !== undefined) watch.saw(integer(killed, 'version'), monotonic())
        return killed !== undefined
      },

      replaceSealedKey: ({ kid, fromSecretId, toSecretId, sealedPrivateKey }, event) =>
        changed(replaceSealed, event, [kid, fromSecretId, toSecretId, sealedPrivateKey]),

      addRefreshKey: async (key, expectedVersion, event) =>
        changed(addRefreshKey, event, [
          expectedVersion,
          writtenIdBytes(key.id, keyIdBytes),
          key.createdAt,
          key.activeFrom,
          key.retiredAt,
        ]),

      async countSessionsByRefreshKey(now) {
        const { rows } = await database.read(countSessions, [now], { patient: true })
        return new Map(rows.map((row) => [id(row, 'refresh_key_id'), integer(row, 'sessions')]))
      },

      async retireRefreshKey(keyId, now, event) {
        const bytesOfId = idBytes(keyId, keyIdBytes)
        if (bytesOfId === undefined) return false
        return changed(retire, event, [bytesOfId, now], { patient: true })
      },
    },
  }
}
