import { describe, expect, test, vi } from 'vitest'
import { isMissing } from '../../checks/machine-packages.ts'
import { startCluster } from '../postgres/cluster.ts'
import { startPgBouncer } from '../postgres/pgbouncer.ts'
import { temporaryData } from '../running-server/started-process.ts'
import { type ChaosReport, expectKept, replayedSessions, robbedSessions, runChaos } from './chaos.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { startPostgresFleet } from './fleet-on-postgres.ts'

const minute = 60_000
const timeout = 10 * minute
const run = { milliseconds: minute, clients: 64, windowMilliseconds: 30_000, patientThieves: true }

describe.skipIf(isMissing('postgresql'))('three nodes on one PostgreSQL for a minute (needs postgresql)', () => {
  test("T10.1 64 clients refresh their own tokens and their neighbours': nothing but 200, and one chain for each session", {
    timeout,
  }, async () => {
    await using cluster = await startCluster()
    await using fleet = await startPostgresFleet({ count: 3, url: cluster.url })
    const report = await runChaos({ ...run, fleet, disturbs: false })
    expectKept(report, fleet.log())
    expect(report.counts).toMatchObject({ unavailable: 0, unanswered: 0 })
    await expectThieves(report, fleet)
  })

  test('nodes die, stand still and start again, and the database crashes: no session is lost, nobody is signed out, ends hold, thieves are caught (T10.1, B4)', {
    timeout,
  }, async () => {
    await using cluster = await startCluster()
    await using fleet = await startPostgresFleet({ count: 3, url: cluster.url })
    const report = await runChaos({ ...run, fleet, disturbs: true, store: cluster })
    expectKept(report, fleet.log())
    // Otherwise the faults came where nothing was at stake.
    expect(report.counts.kills).toBeGreaterThan(5)
    expect(report.counts.freezes).toBeGreaterThan(4)
    expect(report.counts.unavailable).toBeGreaterThan(0)
    expect(report.counts.unanswered).toBeGreaterThan(50)
    await expectThieves(report, fleet)
  })

  test('one node stands still for longer than a race window, with requests that their clients give up: what it finds on waking up convicts nobody (F18)', {
    timeout,
  }, async () => {
    await using cluster = await startCluster()
    await using fleet = await startPostgresFleet({ count: 4, url: cluster.url })
    const report = await runChaos({ ...run, fleet, disturbs: false, freezeMilliseconds: 35_000 })
    expectKept(report, fleet.log())
    expect(report.counts.unanswered).toBeGreaterThan(100)
    await expectThieves(report, fleet)
  })
})

describe.skipIf(isMissing('postgresql') || isMissing('pgbouncer'))(
  'three nodes behind a PgBouncer in transaction mode for a quarter of a minute (needs postgresql and pgbouncer)',
  () => {
    test('T10.1 nodes die, stand still and start again, and the database crashes: no session is lost', {
      timeout,
    }, async () => {
      await using cluster = await startCluster()
      await using bouncer = await startPgBouncer(cluster.url)
      await using fleet = await startPostgresFleet({ count: 3, url: bouncer.url })
      const milliseconds = 15_000
      const report = await runChaos({
        ...run,
        fleet,
        milliseconds,
        disturbs: true,
        store: cluster,
        patientThieves: false,
      })
      expectKept(report, fleet.log())
      expect(report.counts.kills).toBeGreaterThan(0)
    })
  },
)

describe('three processes on one SQLite file for a minute', () => {
  test.each([false, true])(
    "T10.1 64 clients refresh their own tokens and their neighbours' (processes die and stand still: %s): one chain for each session",
    { timeout },
    async (disturbs) => {
      await using data = await temporaryData()
      await using fleet = await startFleet({ count: 3, path: data.path })
      const report = await runChaos({ ...run, fleet, disturbs })
      expectKept(report, fleet.log())
      if (!disturbs) expect(report.counts).toMatchObject({ unavailable: 0, unanswered: 0 })
      await expectThieves(report, fleet)
    },
  )
})

/** Each theft is told of, though it be by another node: what a dead one was about to tell is left to it for 30 seconds. */
async function expectThieves({ history }: ChaosReport, fleet: Fleet): Promise<void> {
  const robbed = robbedSessions(history)
  expect(robbed.size).toBe(7)
  await vi.waitFor(() => expect(replayedSessions(fleet.log())).toEqual(robbed), { timeout: minute, interval: 500 })
}
