import { anEvent, aRefreshKey } from '@pawl/server/storage-contract/records'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { changeWatch } from '../src/change-watch.ts'
import { databaseLocation } from '../src/connection-settings.ts'
import { postgresDatabase } from '../src/database.ts'
import { schemaSteps } from '../src/schema-steps.ts'
import { proxyForTest } from './message-proxy.ts'
import { clientForTest, postgresForTest, testUrl, urlForTest } from './postgres-fixture.ts'

async function holds(assertion: () => unknown): Promise<void> {
  await vi.waitFor(assertion, { timeout: 15_000, interval: 5 })
}

describe.skipIf(testUrl === undefined)('learning of changes (needs the package postgresql)', () => {
  /** A watch alone, at the end of some way to the database. */
  async function watched(way: { url?: string; directUrl?: string; timePasses?: boolean } = {}) {
    const { url = urlForTest(), directUrl, timePasses = false } = way
    const { storage, schema } = await postgresForTest()
    let instant = 0
    const parts = {
      schema,
      location: databaseLocation(url),
      monotonic: () => (timePasses ? performance.now() : instant),
      fraction: () => 0.5,
    }
    const database = postgresDatabase({ ...parts, connections: 2, clock: undefined, steps: schemaSteps })
    await database.open()
    const direct = directUrl === undefined ? undefined : databaseLocation(directUrl)
    const watch = changeWatch({ ...parts, database, direct, node: 'node' })
    onTestFinished(async () => {
      await watch.stop()
      await database.close()
    })
    const heard: (number | undefined)[] = []
    watch.onChange(() => heard.push(watch.knownVersion()))
    watch.start()
    await watch.decided()
    await holds(() => expect(watch.knownVersion()).toBe(0))
    return {
      watch,
      schema,
      heard,
      client: await clientForTest(),
      addKey: async (name: string) => {
        const { version } = await storage.readKeys()
        expect(await storage.addRefreshKey(aRefreshKey(name), version, anEvent('refresh_key_added', 1))).toBe(true)
      },
      pass: (milliseconds: number) => {
        instant += milliseconds
      },
    }
  }

  test('what the server tells of arrives without anybody looking', async () => {
    const { watch, heard, client, schema, addKey } = await watched()
    expect(watch.mode()).toBe('listening')
    // Told without being so: only who listens can know of it, and the next look puts it right.
    await client.query('SELECT pg_notify($1, $2)', [schema, '41'])
    await holds(() => expect(heard).toEqual([41]))
    await holds(() => expect(heard).toEqual([41, 0]))
    await addKey('one')
    await holds(() => expect(watch.knownVersion()).toBe(1))
  })

  test('what nobody tells of is found by looking, in either way of watching', async () => {
    const pooler = await proxyForTest({ pooler: true })
    for (const url of [urlForTest(), pooler.url]) {
      const { watch, heard, client, schema } = await watched({ url })
      expect(watch.mode()).toBe(url === pooler.url ? 'reading' : 'listening')
      await client.query(`UPDATE "${schema}".key_ring SET version = 7`)
      await holds(() => expect(heard).toEqual([7]))
      // A backup that was put back under the running nodes.
      await client.query(`UPDATE "${schema}".key_ring SET version = 2`)
      await holds(() => expect(heard).toEqual([7, 2]))
    }
  })

  test('words on the channel that are none of ours change nothing', async () => {
    const { watch, heard, client, schema, addKey } = await watched()
    for (const word of ['', 'nonsense', '-1', '1.5', '1e400', 'probe other']) {
      await client.query('SELECT pg_notify($1, $2)', [schema, word])
    }
    await addKey('one')
    await holds(() => expect(watch.knownVersion()).toBe(1))
    expect(heard).toEqual([1])
  })

  test('what was seen a second ago is not known any more', async () => {
    const { watch, pass } = await watched()
    await watch.stop()
    pass(999)
    expect(watch.knownVersion()).toBe(0)
    pass(1)
    expect(watch.knownVersion()).toBeUndefined()
  })

  test('what a node changed itself is known at once, and an older look that comes late does not undo it', async () => {
    const { watch, pass } = await watched()
    await watch.stop()
    pass(10)
    watch.saw(5, 10)
    watch.saw(4, 9)
    expect(watch.knownVersion()).toBe(5)
    watch.saw(3, 10)
    expect(watch.knownVersion()).toBe(3)
  })

  test('a connection that breaks is made anew, and what happened meanwhile is learned', async () => {
    const proxy = await proxyForTest()
    const { watch, client, schema } = await watched({ directUrl: proxy.url, timePasses: true })
    expect(watch.mode()).toBe('listening')
    proxy.breakAt(/key_ring/, 'request-lost')
    await holds(() => expect(proxy.breaks()).toBe(1))
    await client.query(`UPDATE "${schema}".key_ring SET version = 9`)
    await holds(() => {
      expect(watch.knownVersion()).toBe(9)
      expect(watch.mode()).toBe('listening')
    })
  })

  test('while the direct way is broken, the other one is looked at', async () => {
    const { watch, client, schema } = await watched({ directUrl: 'postgres://nobody@127.0.0.1:1/nothing' })
    expect(watch.mode()).toBe('reading')
    await client.query(`UPDATE "${schema}".key_ring SET version = 3`)
    await holds(() => expect(watch.knownVersion()).toBe(3))
  })

  test('T13.3 a node sees the key that another one has added, in either way of watching', async () => {
    const pooler = await proxyForTest({ pooler: true })
    const { storage, connect } = await postgresForTest()
    const nodes = [storage, await connect(), await connect({ url: pooler.url })]
    for (const [index, node] of nodes.entries()) {
      const { version } = await node.readKeys()
      const added = await node.addRefreshKey(aRefreshKey(`key ${index}`), version, anEvent('refresh_key_added', 1))
      expect(added).toBe(true)
      expect(await node.keysVersion()).toBe(version + 1)
      for (const other of nodes) await holds(async () => expect(await other.keysVersion()).toBe(version + 1))
    }
  })
})
