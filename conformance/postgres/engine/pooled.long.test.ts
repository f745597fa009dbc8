import { storageContract } from '@pawl/server/storage-contract'
import { manualClock, type StorageFixture } from '@pawl/server/storage-contract/fixture'
import { postgresStorage } from '@pawl/storage-postgres'
import { afterAll, beforeAll, describe } from 'vitest'
import { isMissing } from '../../../checks/machine-packages.ts'
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

  async function pooledFixture(): Promise<StorageFixture> {
    const place = ownSchema(cluster?.url)
    const clock = manualClock()
    const nodes: ReturnType<typeof postgresStorage>[] = []
    const connect = async () => {
      const node = postgresStorage({ url: bouncer?.url ?? '', schema: place.schema, connections: 4, clock: clock.now })
      await node.open()
      nodes.push(node)
      return node
    }
    const closeAll = () => Promise.all(nodes.splice(0).map((node) => node.close()))
    return {
      storage: await connect(),
      clock,
      connect,
      reopen: async () => {
        await closeAll()
        return connect()
      },
      dispose: async () => {
        await closeAll()
        await place[Symbol.asyncDispose]()
      },
    }
  }

  storageContract('postgres behind PgBouncer', pooledFixture)
})
