import { randomUUID } from 'node:crypto'
import type { Storage } from '@pawl/server'
import { manualClock, type StorageFixture, storageFor } from '@pawl/server/storage-contract/fixture'
import { Client } from 'pg'
import { onTestFinished } from 'vitest'
import type { PostgresStorageOptions } from '../src/options.ts'
import { postgresStorage } from '../src/postgres-storage.ts'
import type { RecycledSchemas } from './recycled-schema.ts'

/** The database of the test run: a superuser's URL. Undefined where there is no PostgreSQL. */
export const testUrl = process.env['PAWL_TEST_POSTGRES_URL']

/** {@link testUrl} where a test cannot be running without it. */
export function urlForTest(): string {
  if (testUrl === undefined) throw new Error('PAWL_TEST_POSTGRES_URL is not set')
  return testUrl
}

/** {@link urlForTest} with something set at the start of each connection. */
export function urlWith(options: string): string {
  const url = new URL(urlForTest())
  url.searchParams.set('options', options)
  return url.href
}

/** A connection beside the engine's, which ends with the test. */
export async function clientForTest(url: string = urlForTest()): Promise<Client> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(async () => {
    await client.end().catch(() => {})
  })
  return client
}

/** A name that no other test has. */
export function newSchema(): string {
  return `test_${randomUUID().replaceAll('-', '')}`
}

/** A PostgreSQL engine in a schema of its own, which goes when the test is over. */
export interface PostgresFixture extends StorageFixture {
  readonly schema: string
  readonly reopen: () => Promise<Storage>
  readonly connect: (more?: Partial<PostgresStorageOptions>) => Promise<Storage>
  readonly dispose: () => Promise<void>
}

/**
 * @param options what the engine is given beside what it is always given here
 * @param recycled where its schema comes from and goes to; default: it is made for this test and dropped after it
 */
export async function postgresFixture(
  options: Partial<PostgresStorageOptions> = {},
  recycled?: RecycledSchemas,
): Promise<PostgresFixture> {
  const old = recycled?.take()
  const schema = old ?? newSchema()
  const clock = manualClock()
  const opened: Storage[] = []

  async function connect(more: Partial<PostgresStorageOptions> = {}): Promise<Storage> {
    const storage = postgresStorage({
      url: urlForTest(),
      schema,
      clock: clock.now,
      connections: 4,
      ...options,
      ...more,
    })
    await storage.open()
    opened.push(storage)
    return storage
  }

  async function closeAll(): Promise<void> {
    await Promise.all(opened.splice(0).map((storage) => storage.close()))
  }

  const storage = await connect()
  if (old === undefined) await recycled?.made(schema)
  return {
    storage,
    clock,
    schema,
    connect,
    async reopen() {
      await closeAll()
      return connect()
    },
    async dispose() {
      await closeAll()
      if (recycled !== undefined) return recycled.giveBack(schema)
      const client = new Client({ connectionString: urlForTest() })
      await client.connect()
      await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
      await client.end()
    },
  }
}

/** {@link postgresFixture} for a test that needs more than the contract: it, too, goes when the test is over. */
export async function postgresForTest(options: Partial<PostgresStorageOptions> = {}): Promise<PostgresFixture> {
  const fixture = await postgresFixture(options)
  await storageFor(async () => fixture)
  return fixture
}
