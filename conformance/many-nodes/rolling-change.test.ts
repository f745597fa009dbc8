import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMissing } from '../../checks/machine-packages.ts'
import { type Cluster, startCluster } from '../postgres/cluster.ts'
import { ownDatabase, rowsOf } from '../postgres/own-database.ts'
import { exchangeUnderLoad, expectNothingFailed } from './exchange-nodes.ts'
import { newSecret, startPostgresFleet } from './fleet-on-postgres.ts'
import { makeNewerBuild } from './newer-build.ts'

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

    test('for a release that migrates the schema, and back again: both work on the new schema (T28)', {
      timeout: 120_000,
    }, async () => {
      using newer = makeNewerBuild()
      await using database = await ownDatabase(cluster.url)
      await using fleet = await startPostgresFleet({ count: 3, url: database.url })
      const version = async () =>
        (await rowsOf(database.url, 'SELECT version FROM pawl.schema_version'))[0]?.['version']
      const old = await version()
      const run = await exchangeUnderLoad(fleet, [
        ...fleet.nodes.map((node) => ({ node, change: { build: newer.root } })),
        ...fleet.nodes.map((node) => ({ node, change: { build: process.cwd() } })),
      ])
      expectNothingFailed(run, fleet.log())
      expect(Number(await version())).toBe(Number(old) + 1)
      expect(
        await rowsOf(database.url, "SELECT count(*)::integer AS count FROM pawl.sessions WHERE planted <> 'planted'"),
      ).toEqual([{ count: 0 }])
    })

    test('for a new secret, and a new signing key is published meanwhile (T13)', { timeout: 120_000 }, async () => {
      await using database = await ownDatabase(cluster.url)
      await using fleet = await startPostgresFleet({ count: 3, url: database.url })
      const secrets = `${newSecret()},${fleet.environment['PAWL_SECRETS']}`
      const run = await exchangeUnderLoad(
        fleet,
        fleet.nodes.map((node) => ({
          node,
          change: { environment: { PAWL_SECRETS: secrets } },
          beforehand: async () => {
            expect((await fleet.pawl(['key', 'rotate'])).status).toBe(0)
          },
        })),
      )
      expectNothingFailed(run, fleet.log())
      const listed = await fleet.pawl(['key', 'list'], { PAWL_SECRETS: secrets })
      expect(listed.stdout.match(/ yes$/gm)?.length).toBeGreaterThanOrEqual(4)
    })
  },
)
