import { describe, expect, test } from 'vitest'
import { isMissing } from '../../checks/machine-packages.ts'
import { startCluster } from '../postgres/cluster.ts'
import { expectKept, runChaos } from './chaos.ts'
import { startPostgresFleet } from './fleet-on-postgres.ts'

const windowMilliseconds = 30_000
const timeout = 180_000

describe.skipIf(isMissing('postgresql'))('three nodes on one PostgreSQL (needs postgresql)', () => {
  test('nodes die, stand still and start again, and the database crashes: no session is lost, nobody is signed out (T10.1, B4)', {
    timeout,
  }, async () => {
    await using cluster = await startCluster()
    await using fleet = await startPostgresFleet({ count: 3, url: cluster.url })
    const report = await runChaos({
      fleet,
      milliseconds: 8000,
      clients: 64,
      windowMilliseconds,
      disturbs: true,
      store: cluster,
      patientThieves: false,
    })
    expectKept(report, fleet.log())
    expect(report.counts.kills).toBeGreaterThan(0)
    expect(report.counts.unavailable).toBeGreaterThan(0)
  })
})
