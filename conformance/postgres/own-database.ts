import { randomBytes } from 'node:crypto'
import { Client } from 'pg'

/** A schema of some database: where one engine keeps what it has. */
export interface DatabaseSchema {
  readonly url: string
  readonly schema: string
}

/** A database that only its caller uses; disposing drops it, whoever is connected. */
export interface OwnDatabase extends AsyncDisposable {
  readonly url: string
}

/** A schema, not made yet, that only its caller uses; disposing drops it with all that is in it. */
export interface OwnSchema extends DatabaseSchema, AsyncDisposable {}

/**
 * URL of the PostgreSQL that all tests of a run share, for its superuser; made by `shared-cluster.ts`. Whoever tests what
 * becomes of it starts a cluster of their own.
 *
 * @throws Error when there is none
 */
function sharedCluster(): string {
  const url = process.env['PAWL_TEST_POSTGRES_URL']
  if (url === undefined) throw new Error('there is no PostgreSQL for this run: PAWL_TEST_POSTGRES_URL is not set')
  return url
}

/**
 * Makes an empty database, which takes some twenty milliseconds.
 *
 * @param cluster URL of any of its databases; default: that of the run
 */
export async function ownDatabase(cluster: string = sharedCluster()): Promise<OwnDatabase> {
  const name = drawName()
  await rowsOf(cluster, `CREATE DATABASE ${name}`)
  const url = new URL(cluster)
  url.pathname = `/${name}`
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await rowsOf(cluster, `DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}

/** Names a schema. */
export function ownSchema(url: string = sharedCluster()): OwnSchema {
  const schema = drawName()
  return {
    url,
    schema,
    async [Symbol.asyncDispose]() {
      await rowsOf(url, `DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    },
  }
}

/**
 * Runs a statement on a connection of its own.
 *
 * @param where a database, or one of its schemas, whose tables need not be qualified then
 */
export async function rowsOf(
  where: string | DatabaseSchema,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { url, schema } = typeof where === 'string' ? { url: where, schema: 'public' } : where
  const client = new Client({ connectionString: url, options: `-c search_path=${schema}` })
  await client.connect()
  try {
    const { rows } = await client.query<Readonly<Record<string, unknown>>>(sql, [...values])
    return rows
  } finally {
    await client.end()
  }
}

function drawName(): string {
  return `test_${randomBytes(8).toString('hex')}`
}
