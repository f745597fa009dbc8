import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMissing } from '../../checks/machine-packages.ts'
import { type Cluster, startCluster } from '../postgres/cluster.ts'
import { ownDatabase, rowsOf } from '../postgres/own-database.ts'
import { expectNothingFailed, underLoad } from './exchange-nodes.ts'
import { startPostgresFleet } from './fleet-on-postgres.ts'
import { makeNewerBuild, repository } from './newer-build.ts'

const timeout = 180_000

describe.skipIf(isMissing('postgresql'))(
  'nodes are exchanged one by one under load, and no request fails (needs postgresql)',
  () => {
    let cluster: Cluster

    beforeAll(async () => {
      cluster = await startCluster()
    })

    afterAll(async () => {
      await cluster[Symbol.asyncDispose]()
    })

    test('for a release that migrates the schema, and back again: both work on the new schema (T28.4)', {
      timeout,
    }, async () => {
      using newer = makeNewerBuild()
      await using database = await ownDatabase(cluster.url)
      await using fleet = await startPostgresFleet({ count: 3, url: database.url })
      const version = async () =>
        Number((await rowsOf(database.url, 'SELECT version FROM pawl.schema_version'))[0]?.['version'])
      const before = await version()
      const run = await underLoad(fleet, async ({ exchange }) => {
        for (const node of fleet.nodes) await exchange(node, { build: newer.root })
        for (const node of fleet.nodes) await exchange(node, { build: repository })
      })
      expectNothingFailed(run, fleet.log())
      expect(await version()).toBe(before + 1)
    })
  },
)
