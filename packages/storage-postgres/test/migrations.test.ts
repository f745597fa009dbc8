import type { Storage } from '@pawl/server'
import { manualClock } from '@pawl/server/storage-contract/fixture'
import { addUser, aMove, openSession, stored } from '@pawl/server/storage-contract/records'
import { isStorageUnavailable } from '@pawl/server/storage-unavailable'
import { describe, expect, onTestFinished, test } from 'vitest'
import { postgresStorageOf } from '../src/postgres-storage.ts'
import { type SchemaStep, schemaSteps } from '../src/schema-steps.ts'
import { clientForTest, newSchema, testUrl, urlForTest } from './postgres-fixture.ts'

/** A step that a later release could bring. */
const additive: SchemaStep = { sql: (schema) => `ALTER TABLE ${schema}.sessions ADD COLUMN note text` }

/** One that leaves nodes of before behind. */
const breaking: SchemaStep = {
  sql: (schema) => `ALTER TABLE ${schema}.sessions RENAME COLUMN peeks TO peeked`,
  oldestCompatible: schemaSteps.length + 1,
}

describe.skipIf(testUrl === undefined)('the schema (needs the package postgresql)', () => {
  async function place() {
    const schema = newSchema()
    const client = await clientForTest()
    const clock = manualClock()
    const opened: Storage[] = []
    onTestFinished(async () => {
      await Promise.all(opened.map((storage) => storage.close()))
      await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
    })

    /** A node of a release that knows these steps. */
    async function node(steps: readonly SchemaStep[], url = urlForTest()): Promise<Storage> {
      const storage = postgresStorageOf({ url, schema, connections: 2, clock: clock.now }, steps)
      await storage.open()
      opened.push(storage)
      return storage
    }
    const version = async (): Promise<unknown> =>
      (await client.query(`SELECT version, oldest_compatible AS oldest FROM "${schema}".schema_version`)).rows[0]
    const tables = async (): Promise<number> =>
      Number((await client.query('SELECT count(*) FROM pg_tables WHERE schemaname = $1', [schema])).rows[0].count)
    return { schema, client, clock, node, version, tables }
  }

  test('T10.1 nodes that start at once on a new database all find it migrated, once', async () => {
    const { node, version } = await place()
    const nodes = await Promise.all(Array.from({ length: 8 }, () => node(schemaSteps)))
    expect(await Promise.all(nodes.map((storage) => storage.keysVersion()))).toEqual(nodes.map(() => 0))
    expect(await version()).toEqual({ version: schemaSteps.length, oldest: 1 })
  })

  test('either all steps are taken or none', async () => {
    const { node, tables, version } = await place()
    const bad: SchemaStep = { sql: (schema) => `CREATE TABLE ${schema}.more (a integer); SELECT 1 / 0` }
    await expect(node([...schemaSteps, bad])).rejects.toThrow(/22012/)
    expect(await tables()).toBe(0)
    await node(schemaSteps)
    const before = await tables()
    await expect(node([...schemaSteps, bad])).rejects.toThrow(/22012/)
    expect(await tables()).toBe(before)
    expect(await version()).toEqual({ version: schemaSteps.length, oldest: 1 })
  })

  test('nodes of two releases work side by side while they are exchanged, in both directions', async () => {
    const { node, clock, version } = await place()
    const before = await node(schemaSteps)
    const session = await openSession(before, 'tab', await addUser(before, 'ada'))
    const after = await node([...schemaSteps, additive])
    expect(await version()).toEqual({ version: schemaSteps.length + 1, oldest: 1 })
    let generation = 0
    for (const storage of [before, after, await node(schemaSteps), await node([...schemaSteps, additive])]) {
      expect(await storage.moveSession(aMove({ ...session, generation }, clock.now()))).toBe(true)
      generation += 1
      expect((await stored(before, session))?.generation).toBe(generation)
    }
    expect(await version()).toEqual({ version: schemaSteps.length + 1, oldest: 1 })
  })

  test('a node that the schema has left behind does not start, and says which release does', async () => {
    const { node } = await place()
    await node([...schemaSteps, breaking])
    await expect(node(schemaSteps)).rejects.toThrow(/start the release that wrote it, or a newer one/)
    expect((await node([...schemaSteps, breaking, additive])).engine).toBe('postgres')
  })

  test('a schema that is somebody else’s is refused and left alone', async () => {
    const { node, schema, client, tables } = await place()
    await client.query(`CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".schema_version (number integer)`)
    await expect(node(schemaSteps)).rejects.toThrow(`the schema ${schema} holds tables that are not Pawl's`)
    expect(await tables()).toBe(1)
  })

  test('a schema that an administrator has made is used by a role that may make none', async () => {
    const { node, schema, client } = await place()
    await client.query(
      `CREATE ROLE "${schema}" LOGIN PASSWORD 'word'; CREATE SCHEMA "${schema}" AUTHORIZATION "${schema}"`,
    )
    onTestFinished(async () => {
      await client.query(`DROP OWNED BY "${schema}" CASCADE; DROP ROLE "${schema}"`)
    })
    const url = new URL(urlForTest())
    url.username = schema
    url.password = 'word'
    expect(await (await node(schemaSteps, url.href)).keysVersion()).toBe(0)
  })

  test('T9.2 a step that needs a table for itself queues no traffic behind it', async () => {
    const { node, schema, clock } = await place()
    const before = await node(schemaSteps)
    const session = await openSession(before, 'tab', await addUser(before, 'ada'))
    const reader = await clientForTest()
    await reader.query(`BEGIN; SELECT count(*) FROM "${schema}".sessions`)
    let isOpen = false
    const opening = node([...schemaSteps, additive]).then(() => {
      isOpen = true
    })
    const waits = await clientForTest()
    const waiting = async (): Promise<boolean> => {
      const seen = await waits.query(
        `SELECT FROM pg_locks WHERE NOT granted AND relation = '"${schema}".sessions'::regclass`,
      )
      return seen.rowCount !== 0
    }
    while (!(await waiting())) await new Promise(setImmediate)
    // It goes through though the step asks for its lock over and over; were it to keep its place in the queue, for ever.
    for (let generation = 0; generation < 5; generation += 1) {
      expect(await before.moveSession(aMove({ ...session, generation }, clock.now()))).toBe(true)
    }
    expect(isOpen).toBe(false)
    await reader.query('COMMIT')
    await opening
    expect(isOpen).toBe(true)
  })

  test('a node that may not be connected to says so as a store that is away', async () => {
    const { node } = await place()
    const url = new URL(urlForTest())
    url.pathname = '/there_is_no_such_database'
    await expect(node(schemaSteps, url.href)).rejects.toSatisfy(isStorageUnavailable)
    await expect(node(schemaSteps, url.href)).rejects.toThrow('there is no database of the name that its URL holds')
  })
})
