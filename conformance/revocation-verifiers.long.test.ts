import { describe, expect, test } from 'vitest'
import { isMissing } from '../checks/machine-packages.ts'
import { type Fleet, startFleet } from './many-nodes/fleet.ts'
import { startPostgresFleet } from './many-nodes/fleet-on-postgres.ts'
import { startCluster } from './postgres/cluster.ts'
import { drillRevocations } from './running-server/revocation-drill.ts'
import { temporaryData } from './running-server/started-process.ts'
import { alice } from './running-server/started-server.ts'

const timeout = 600_000
const verifiers = 10
const revocations = 1000

/** The bench measures how long it takes; here a loaded machine is forgiven much, but never a token that is still accepted. */
async function expectTakenBack(fleet: Fleet): Promise<void> {
  const report = await drillRevocations({
    issuer: fleet.issuer,
    origins: fleet.addresses().map(({ origin }) => origin),
    credentials: alice,
    verifiers,
    revocations,
    revocationsPerSecond: 20,
    refreshesPerSecond: 50,
    verificationsPerSecond: 200,
  })
  expect(report.refusals).toEqual({ revoked: verifiers * revocations })
  expect(report.load).toEqual({ accepted: report.load['accepted'] })
  expect(report.load['accepted']).toBeGreaterThan(10_000)
  expect(report.refreshes).toBeGreaterThan(500)
  expect(report.networkCalls).toBe(0)
  expect(report.networkCallsBefore).toBeGreaterThanOrEqual(2 * verifiers)
  const late = report.revocations.filter(({ afterReply }) => afterReply > 1000)
  expect(late.length).toBeLessThanOrEqual(revocations / 100)
  expect(Math.max(...report.revocations.map(({ afterReply }) => afterReply))).toBeLessThan(5000)
}

describe('ten verifiers and 1,000 revocations under load', () => {
  test('T6.1 with one issuer on SQLite', { timeout }, async () => {
    await using data = await temporaryData()
    await using fleet = await startFleet({ count: 1, path: data.path })
    await expectTakenBack(fleet)
  })

  test.skipIf(isMissing('postgresql'))(
    'T6.1 with three nodes on PostgreSQL (needs postgresql)',
    { timeout },
    async () => {
      await using cluster = await startCluster()
      await using fleet = await startPostgresFleet({ count: 3, url: cluster.url })
      await expectTakenBack(fleet)
    },
  )
})
