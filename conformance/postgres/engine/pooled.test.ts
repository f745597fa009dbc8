import { anEvent, aRefreshKey } from '@pawl/server/storage-contract/records'
import { postgresStorage } from '@pawl/storage-postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMissing } from '../../../checks/machine-packages.ts'
import { eventually } from '../../running-server/eventually.ts'
import { type Cluster, startCluster } from '../cluster.ts'
import { ownSchema } from '../own-database.ts'
import { type PgBouncer, startPgBouncer } from '../pgbouncer.ts'

const without = isMissing('postgresql') || isMissing('pgbouncer')

describe.skipIf(without)('through PgBouncer in transaction mode (needs the packages postgresql, pgbouncer)', () => {
  let cluster: Cluster | undefined
  let bouncer: PgBouncer | undefined

  beforeAll(async () => {
    cluster = await startCluster()
    // So few that every node's statements meet the connections of the others.
    bouncer = await startPgBouncer(cluster.url, { default_pool_size: 3 })
  })
  afterAll(async () => {
    await bouncer?.[Symbol.asyncDispose]()
    await cluster?.[Symbol.asyncDispose]()
  })

  test('a node hears of a key by looking every 100 ms, or at once by way of the direct URL', async () => {
    await using place = ownSchema(cluster?.url)
    const options = { url: bouncer?.url ?? '', schema: place.schema, connections: 3 }
    const nodes = [postgresStorage(options), postgresStorage({ ...options, directUrl: place.url })]
    await Promise.all(nodes.map((node) => node.open()))
    const facts = await Promise.all(nodes.map(async (node) => (await node.diagnose?.())?.facts))
    expect(facts).toEqual([
      expect.arrayContaining(['a pooler shares the connections', 'changes by other nodes are looked for every 100 ms']),
      expect.arrayContaining([
        'a pooler shares the connections',
        'the database tells of changes by other nodes at once (LISTEN)',
      ]),
    ])
    for (const [index, node] of nodes.entries()) {
      const { version } = await node.readKeys()
      const added = await node.addRefreshKey(aRefreshKey(`key ${index}`), version, anEvent('refresh_key_added', 1))
      expect(added).toBe(true)
      await eventually(async () => {
        for (const other of nodes) expect(await other.keysVersion()).toBe(version + 1)
      })
    }
    await Promise.all(nodes.map((node) => node.close()))
  })

  test('an operator is told what a pooler leaves unset, and a direct URL that is none', async () => {
    await using place = ownSchema(cluster?.url)
    const url = bouncer?.url ?? ''
    const node = postgresStorage({ url, schema: place.schema, directUrl: url })
    await node.open()
    expect((await node.diagnose?.())?.warnings).toEqual([
      'fsync is off: a crash of the machine can destroy the whole database',
      'behind a pooler a statement can only be limited for the whole role: ALTER ROLE … SET statement_timeout = 5000',
      'nothing is heard by way of the direct URL: does a pooler stand there, too?',
    ])
    await node.close()
  })
})
