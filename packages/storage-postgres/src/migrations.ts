import { setTimeout as pause } from 'node:timers/promises'
import { storageUnavailable } from '@pawl/server/storage-unavailable'
import { integer, type Row } from '@pawl/server/stored-columns'
import type { Client } from 'pg'
import { classified, stateBehind } from './driver-errors.ts'
import type { SchemaStep } from './schema-steps.ts'

/** How a schema is brought up to date. */
interface Migration {
  readonly schema: string
  readonly steps: readonly SchemaStep[]
  readonly monotonic: () => number
}

/**
 * How long one attempt waits for the locks that its steps need: while it waits, everything behind it waits too. It is
 * tried again for as long as whoever starts a node has patience.
 */
const lockMilliseconds = 300
const migrationMilliseconds = 60_000
const pauseMilliseconds = 200

/** Everybody who opens a new database at once stands in line here; behind one who builds an index, for a while. */
const lineMilliseconds = 30_000

const lockNotAvailable = '55P03'

interface SchemaVersion {
  readonly version: number
  readonly oldestCompatible: number
}

/** A step that builds an index takes as long as it takes. */
const stepMilliseconds = 60 * 60_000

async function query(client: Client, text: string, values: string[] = []): Promise<readonly Row[]> {
  const patient = { text, values, query_timeout: stepMilliseconds }
  try {
    return (await client.query<Row>(patient)).rows
  } catch (error) {
    throw classified(error)
  }
}

/**
 * What the schema holds; undefined: nothing yet.
 *
 * @throws Error when something is there that is not ours
 */
async function versionOf(client: Client, schema: string): Promise<SchemaVersion | undefined> {
  const [found] = await query(
    client,
    `SELECT count(*) AS relations,
      count(*) FILTER (WHERE relname = 'schema_version' AND EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'oldest_compatible')) AS ours
    FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)`,
    [schema],
  )
  if (found === undefined || integer(found, 'relations') === 0) return undefined
  if (integer(found, 'ours') === 0) {
    throw new Error(`the schema ${schema} holds tables that are not Pawl's: name another, or another database`)
  }
  const [row] = await query(client, `SELECT version, oldest_compatible FROM "${schema}".schema_version`)
  if (row === undefined) throw new Error(`the schema ${schema} does not say which version it is of`)
  return { version: integer(row, 'version'), oldestCompatible: integer(row, 'oldest_compatible') }
}

/** Whether a node that knows so many steps finds nothing left to do. */
function isUpToDate(found: SchemaVersion | undefined, known: number): boolean {
  if (found === undefined || found.version < known) return false
  if (found.oldestCompatible > known) {
    throw new Error(
      `the database has schema ${found.version}, which works with nodes that know ${found.oldestCompatible} or newer, and this release of Pawl knows ${known}: start the release that wrote it, or a newer one`,
    )
  }
  return true
}

async function takeSteps(client: Client, { schema, steps }: Migration): Promise<void> {
  await query(client, `SET LOCAL lock_timeout = ${lineMilliseconds}; SET LOCAL statement_timeout = 0`)
  await query(client, 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`pawl schema ${schema}`])
  const found = await versionOf(client, schema)
  if (isUpToDate(found, steps.length)) return
  await query(client, `SET LOCAL lock_timeout = ${lockMilliseconds}`)
  // Only where it is missing: whoever was given a schema need not be allowed to make one.
  const [there] = await query(client, 'SELECT FROM pg_namespace WHERE nspname = $1', [schema])
  if (there === undefined) await query(client, `CREATE SCHEMA "${schema}"`)
  let oldest = found?.oldestCompatible ?? 1
  for (const step of steps.slice(found?.version ?? 0)) {
    await query(client, step.sql(`"${schema}"`))
    oldest = step.oldestCompatible ?? oldest
  }
  await query(
    client,
    `INSERT INTO "${schema}".schema_version (single, version, oldest_compatible) VALUES (true, ${steps.length}, ${oldest})
    ON CONFLICT (single) DO UPDATE SET version = excluded.version, oldest_compatible = excluded.oldest_compatible`,
  )
}

/** Takes all steps that are missing, or none. False: somebody holds a lock that a step needs. */
async function attempted(client: Client, migration: Migration): Promise<boolean> {
  await query(client, 'BEGIN ISOLATION LEVEL READ COMMITTED')
  try {
    await takeSteps(client, migration)
    await query(client, 'COMMIT')
    return true
  } catch (error) {
    await query(client, 'ROLLBACK').catch(() => {})
    if (stateBehind(error) === lockNotAvailable) return false
    throw error
  }
}

/**
 * Brings a schema to the version that this release knows, or leaves it when it is at that one or beyond and still works
 * with this release. Of several nodes that start at once one migrates and the others find it done.
 *
 * @throws Error when the schema is not ours, or too new; StorageUnavailable when the locks that it needs are not to be had
 */
export async function migrate(client: Client, migration: Migration): Promise<void> {
  const since = migration.monotonic()
  if (isUpToDate(await versionOf(client, migration.schema), migration.steps.length)) return
  while (!(await attempted(client, migration))) {
    if (migration.monotonic() - since >= migrationMilliseconds) {
      throw storageUnavailable(new Error('a table that the new schema changes stayed locked'))
    }
    await pause(pauseMilliseconds)
  }
}
