import { randomUUID } from 'node:crypto'
import type { Storage } from '@pawl/server'
import { changeWatch } from './change-watch.ts'
import { postgresClients } from './clients.ts'
import { databaseLocation } from './connection-settings.ts'
import { postgresConsents } from './consents.ts'
import { postgresDatabase } from './database.ts'
import { checkRights, diagnosis, findDamage } from './diagnosis.ts'
import { postgresEvents } from './events.ts'
import { postgresFailures } from './failures.ts'
import { postgresKeys } from './keys.ts'
import { postgresLostWrites } from './lost-writes.ts'
import type { PostgresStorageOptions } from './options.ts'
import { postgresRevocations, writingRevocations } from './revocations.ts'
import { type SchemaStep, schemaSteps } from './schema-steps.ts'
import { sessionsEnding } from './session-endings.ts'
import { postgresSessions } from './sessions.ts'
import { reading } from './statement.ts'
import { postgresTickets } from './tickets.ts'
import { postgresTransferTarget } from './transfer.ts'
import { postgresUsers } from './users.ts'

/**
 * The engine for many nodes: everything in one schema of a PostgreSQL database that all of them share. Nothing is
 * connected before it is opened.
 *
 * @throws TypeError when a URL or the name of the schema is not one; no URL is repeated in it
 */
export function postgresStorage(options: PostgresStorageOptions): Storage {
  return postgresStorageOf(options, schemaSteps)
}

/** {@link postgresStorage} with a schema of other steps, for tests. */
export function postgresStorageOf(options: PostgresStorageOptions, steps: readonly SchemaStep[]): Storage {
  const { schema = 'pawl', connections = 10, clock } = options
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema) || schema.startsWith('pg_')) {
    throw new TypeError('the name of a schema is up to 63 lower-case letters, digits and underscores, not pg_ first')
  }
  if (!Number.isInteger(connections) || connections < 1) throw new TypeError('connections is a number from 1')
  const location = databaseLocation(options.url)
  const direct = options.directUrl === undefined ? undefined : databaseLocation(options.directUrl)
  const node = randomUUID()
  const monotonic = () => performance.now()
  const fraction = Math.random
  const database = postgresDatabase({ location, schema, connections, clock, monotonic, fraction, steps })
  const watch = changeWatch({ database, schema, direct, location, node, monotonic, fraction })
  const endSessions = sessionsEnding(schema)
  const writeRevocations = writingRevocations(schema, clock)
  const ending = { endSessions, writeRevocations, monotonic }
  const { sessions, settled: sessionsSettled } = postgresSessions(database, schema, ending)
  const { clients, settled: clientsSettled } = postgresClients(database, schema, ending)
  const { keys, settled: keysSettled } = postgresKeys(database, schema, { watch, writeRevocations, monotonic })
  const { failures, settled: failuresSettled } = postgresFailures(database, schema, monotonic)
  const { events, release } = postgresEvents(database, schema, node)
  const storeNow = reading('store_now', `SELECT true AS is_there FROM "${schema}".key_ring`)

  return {
    engine: 'postgres',
    compareAndSet: 'linearizable',
    async open() {
      await database.open()
      watch.start()
    },
    async storeNow() {
      return (await database.read(storeNow)).now
    },
    findDamage: () => findDamage(database, schema),
    async diagnose() {
      const found = await diagnosis({ database, watch, clock: clock ?? Date.now, direct: direct !== undefined })
      await checkRights(database, schema)
      return found
    },
    transferTarget: () => postgresTransferTarget({ location, schema, steps, monotonic }),
    async close() {
      await watch.stop()
      await Promise.all([sessionsSettled(), clientsSettled(), keysSettled(), failuresSettled()])
      // What this node was about to deliver another one may have at once. If the store is away, it takes a moment longer.
      await release().catch(() => {})
      await database.close()
    },
    ...sessions,
    ...postgresLostWrites(database, schema),
    ...postgresUsers(database, schema, ending),
    ...clients,
    ...keys,
    ...events,
    ...failures,
    ...postgresRevocations(database, schema, { watch, writeRevocations }),
    ...postgresTickets(database, schema),
    ...postgresConsents(database, schema, ending),
  }
}
