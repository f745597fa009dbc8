import { describe, expect, test } from 'vitest'
import { isMissing } from '../../checks/machine-packages.ts'
import { startCluster } from '../postgres/cluster.ts'
import { temporaryData } from '../running-server/started-process.ts'
import { expectKept, runChaos } from './chaos.ts'
import { startFleet } from './fleet.ts'
import { startPostgresFleet } from './fleet-on-postgres.ts'

const windowMilliseconds = 30_000
const timeout = 180_000
const undisturbed = { milliseconds: 4000, clients: 64, windowMilliseconds, disturbs: false, patientThieves: false }

describe.skipIf(isMissing('postgresql'))('three nodes on one PostgreSQL (needs postgresql)', () => {
  test("T10.1 64 clients refresh their own tokens and their neighbours': nothing but 200, and one chain for each session", {
    timeout,
  }, async () => {
    await using cluster = await startCluster()
    await using fleet = await startPostgresFleet({ count: 3, url: cluster.url })
    const report = await runChaos({ ...undisturbed, fleet })
    expectKept(report, fleet.log())
    expect(report.counts).toMatchObject({ unavailable: 0, unanswered: 0 })
  })

  test('nodes die, stand still and start again, and the database crashes: no session is lost, nobody is signed out (T10.1, B4)', {
    timeout,
  }, async () => {
    await using cluster = await startCluster()
    await using fleet = await startPostgresFleet({ count: 3, url: cluster.url })
    const report = await runChaos({ ...undisturbed, fleet, milliseconds: 8000, disturbs: true, store: cluster })
    expectKept(report, fleet.log())
    expect(report.counts.kills).toBeGreaterThan(0)
    expect(report.counts.unavailable).toBeGreaterThan(0)
  })
})

describe('three processes on one SQLite file', () => {
  test("T10.1 64 clients refresh their own tokens and their neighbours': nothing but 200, and one chain for each session", {
    timeout,
  }, async () => {
    await using data = await temporaryData()
    await using fleet = await startFleet({ count: 3, path: data.path })
    const report = await runChaos({ ...undisturbed, fleet })
    expectKept(report, fleet.log())
    expect(report.counts).toMatchObject({ unavailable: 0, unanswered: 0 })
  })
})
