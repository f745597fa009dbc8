import { type Fleet, startFleet } from '../../conformance/many-nodes/fleet.ts'
import { startPostgresFleet } from '../../conformance/many-nodes/fleet-on-postgres.ts'
import { type DrillReport, drillRevocations } from '../../conformance/running-server/revocation-drill.ts'
import { temporaryData } from '../../conformance/running-server/started-process.ts'
import { alice } from '../../conformance/running-server/started-server.ts'
import type { Bench, Figures } from '../bench.ts'
import { startMeasuredCluster } from '../database/measured-cluster.ts'
import { describeMachine } from '../measuring/machine.ts'
import { figure, tableOf } from '../measuring/table.ts'

const verifiers = 10

/** Per second. */
const load = { revocationsPerSecond: 25, refreshesPerSecond: 100, verificationsPerSecond: 500 }

/** How long after the reply to a sign-out every verifier refuses the tokens of the session. */
export const revocationBench: Bench = async ({ full, print }) => {
  const revocations = full ? 10_000 : 1000
  print(`${describeMachine()}\n`)
  print(
    `${verifiers} verifiers, each a process of its own; ${revocations} revocations, ${load.revocationsPerSecond}/s; ` +
      `beside them ${load.refreshesPerSecond} refreshes/s and ${verifiers * load.verificationsPerSecond} verifications/s\n\n`,
  )
  const measured = new Map([
    ['sqlite', await onSqlite(revocations)],
    ['postgres', await onPostgres(revocations)],
  ])
  const summaries = [...measured].map(([name, report]): [string, Summary] => [name, summaryOf(report)])
  print(
    tableOf(
      ['ms until the last of the verifiers refuses', '50 %', '99 %', 'most', '99 % from the request', 'calls'],
      summaries.map(([name, summary]) => [
        name === 'sqlite' ? 'one node on SQLite' : 'three nodes on PostgreSQL',
        ...[summary.p50_ms, summary.p99_ms, summary.max_ms, summary.from_request_p99_ms].map(figure),
        summary.verify_network_calls,
      ]),
    ),
  )
  print('\n')
  const worst = (name: keyof Summary) => Math.max(...summaries.map(([, summary]) => summary[name]))
  return {
    p50_ms: worst('p50_ms'),
    p99_ms: worst('p99_ms'),
    max_ms: worst('max_ms'),
    verify_network_calls: worst('verify_network_calls'),
    ...Object.fromEntries(summaries.map(([name, summary]): [string, Figures] => [name, { ...summary }])),
  }
}

async function onSqlite(revocations: number): Promise<DrillReport> {
  await using data = await temporaryData()
  await using fleet = await startFleet({ count: 1, path: data.path })
  return await drill(fleet, revocations)
}

async function onPostgres(revocations: number): Promise<DrillReport> {
  await using cluster = await startMeasuredCluster()
  await using fleet = await startPostgresFleet({ count: 3, url: cluster.url })
  return await drill(fleet, revocations)
}

function drill(fleet: Fleet, revocations: number): Promise<DrillReport> {
  const origins = fleet.addresses().map(({ origin }) => origin)
  return drillRevocations({ ...load, issuer: fleet.issuer, origins, credentials: alice, verifiers, revocations })
}

interface Summary {
  readonly p50_ms: number
  readonly p99_ms: number
  readonly max_ms: number
  readonly from_request_p99_ms: number
  readonly verify_network_calls: number
  readonly verifications: number
  readonly refreshes: number
}

/** @throws Error when what was measured was not what was to be measured */
function summaryOf(report: DrillReport): Summary {
  const { revocations, refusals, load: verdicts, networkCalls, networkCallsBefore, refreshes } = report
  const { accepted: verifications = 0, ...others } = verdicts
  const isSound =
    refusals['revoked'] === verifiers * revocations.length &&
    Object.keys(others).length === 0 &&
    networkCallsBefore >= 2 * verifiers
  if (!isSound)
    throw new Error(`not all went as it must: ${JSON.stringify({ refusals, verdicts, networkCallsBefore })}`)
  const after = sorted(revocations.map(({ afterReply }) => afterReply))
  return {
    p50_ms: share(after, 0.5),
    p99_ms: share(after, 0.99),
    max_ms: share(after, 1),
    from_request_p99_ms: share(sorted(revocations.map(({ afterRequest }) => afterRequest)), 0.99),
    verify_network_calls: networkCalls,
    verifications,
    refreshes,
  }
}

function sorted(figures: readonly number[]): readonly number[] {
  return figures.toSorted((one, other) => one - other)
}

/** The figure that such a share of all do not exceed, to a hundredth. */
function share(figures: readonly number[], part: number): number {
  return Math.round((figures[Math.ceil(figures.length * part) - 1] ?? Number.NaN) * 100) / 100
}
