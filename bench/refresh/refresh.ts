import { tmpdir } from 'node:os'
import type { Bench, Figures } from '../bench.ts'
import { askFigures } from '../database/figures.ts'
import { type MeasuredCluster, startMeasuredCluster } from '../database/measured-cluster.ts'
import { prepareUpdates, updatesPerSecond } from '../database/pgbench.ts'
import { measureWalk, type WalkReport } from '../load/measured-walk.ts'
import { describeMachine } from '../measuring/machine.ts'
import { median } from '../measuring/median.ts'
import { pin, pinFamily } from '../measuring/pinning.ts'
import { figure, tableOf } from '../measuring/table.ts'
import { type Candidate, names, signingPeers, startCandidates } from './candidates.ts'
import { measureTwoCores } from './two-cores.ts'

const serverCore = 0
const loadCore = 1
const sessions = 64
const mostSessions = 256
const updates = 'floor: PostgreSQL, one row each (pgbench)'

/** What a refresh costs beside what others do, and beside what cannot be left out. */
export const refreshBench: Bench = async ({ full, print }) => {
  const [rounds, milliseconds] = full ? [11, 3000] : [4, 1000]
  await using resources = new AsyncDisposableStack()
  const cluster = resources.use(
    await startMeasuredCluster({
      shared_preload_libraries: 'pg_stat_statements',
      'pg_stat_statements.track': 'top',
    }),
  )
  await cluster.client.query('CREATE EXTENSION pg_stat_statements')
  await prepareUpdates(cluster)
  const candidates = await startCandidates(resources, mostSessions, cluster.url)
  print(`${describeMachine()}, ${cluster.version}\n`)
  print(`${settle(candidates, cluster)}; ${rounds} rounds, everybody for ${milliseconds} ms in each\n\n`)

  const measured = await measureRounds(candidates, cluster, { rounds, milliseconds })
  const wide = await measureWidths(candidates, cluster, milliseconds * 0.4)
  printTables(print, { candidates, measured, wide })
  const twoCores = await measureTwoCores(resources, { rounds: full ? 9 : 3, milliseconds, sessions })
  print(`\n${twoCores.text}\n`)
  return figuresOf(measured, wide, twoCores)
}

/** The reports of each round, by name. */
type Measured = ReadonlyMap<string, readonly WalkReport[]>

async function measureRounds(
  candidates: readonly Candidate[],
  cluster: MeasuredCluster,
  { rounds, milliseconds }: { readonly rounds: number; readonly milliseconds: number },
): Promise<Measured> {
  const measured = new Map<string, WalkReport[]>(
    [...candidates.map(({ name }) => name), updates].map((name) => [name, []]),
  )
  for (let round = -1; round < rounds; round += 1) {
    for (let place = 0; place < candidates.length; place += 1) {
      // Each time another one first.
      const candidate = candidates[(place + round + candidates.length) % candidates.length]
      if (candidate === undefined) continue
      const { name, chains, pid, form } = candidate
      // What is compiled while it runs is not yet what it will be: the round that does not count is a longer one.
      const slot = round < 0 ? 2 * milliseconds : milliseconds
      const report = await measureWalk(chains, pid, { form, sessions, milliseconds: slot })
      if (round >= 0) measured.get(name)?.push(report)
    }
    const seconds = Math.max(1, Math.round(milliseconds / 1000))
    const perSecond = await updatesPerSecond(cluster, { seconds, core: serverCore, folder: tmpdir() })
    const unknown = Number.NaN
    if (round >= 0)
      measured.get(updates)?.push({
        refreshes: perSecond * seconds,
        perSecond,
        perServerSecond: unknown,
        median: unknown,
        slowest: unknown,
      })
  }
  return measured
}

/** With fewer and with more sessions, once each; and how many statements PostgreSQL then sees. */
async function measureWidths(candidates: readonly Candidate[], cluster: MeasuredCluster, milliseconds: number) {
  const perSecond = new Map<string, Map<number, number>>()
  let statements = Number.NaN
  for (const count of [1, 16, mostSessions]) {
    for (const { name, chains, pid, form } of candidates) {
      const isCounted = name === names.postgres && count === mostSessions
      const before = isCounted ? await statementsSeen(cluster) : 0
      const report = await measureWalk(chains, pid, { form, sessions: count, milliseconds })
      if (isCounted) statements = ((await statementsSeen(cluster)) - before) / report.refreshes
      const row = perSecond.get(name) ?? new Map<number, number>()
      perSecond.set(name, row.set(count, report.perSecond))
    }
  }
  return { perSecond, statements }
}

async function statementsSeen({ client }: MeasuredCluster): Promise<number> {
  const { calls } = await askFigures(
    client,
    ['calls'],
    `SELECT sum(calls) AS calls FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_%'`,
  )
  return calls
}

/** Servers have one core, whatever feeds them the other. */
function settle(candidates: readonly Candidate[], cluster: MeasuredCluster): string {
  const done = [
    ...candidates.map(({ pid }) => pin(pid, serverCore)),
    pinFamily(cluster.firstProcess, loadCore),
    pin(process.pid, loadCore),
  ]
  return done.every(Boolean) ? 'servers on one core, database and clients on the other' : 'not pinned'
}

function medianOf(measured: Measured, name: string, column: keyof WalkReport): number {
  return median((measured.get(name) ?? []).map((report) => report[column]))
}

/** Median over the rounds of how many times as fast the one was as the other in the same round. */
function ratioOf(measured: Measured, name: string, other: string): number {
  const [own = [], others = []] = [measured.get(name), measured.get(other)]
  return median(own.map(({ perSecond }, round) => perSecond / (others[round]?.perSecond ?? Number.NaN)))
}

type Widths = Awaited<ReturnType<typeof measureWidths>>

function printTables(
  print: (text: string) => void,
  given: { readonly candidates: readonly Candidate[]; readonly measured: Measured; readonly wide: Widths },
): void {
  const { candidates, measured, wide } = given
  const does = new Map([...candidates.map(({ name, does }): [string, string] => [name, does]), [updates, 'durable']])
  print(
    tableOf(
      [
        'server',
        'does',
        '1',
        '16',
        '64 sessions: refreshes/s',
        'least',
        'most',
        '256',
        'per server CPU s',
        '50 % ms',
        '99 % ms',
      ],
      [...does].map(([name, what]) => {
        const rates = (measured.get(name) ?? []).map(({ perSecond }) => perSecond)
        const at = (count: number) => figure(wide.perSecond.get(name)?.get(count) ?? Number.NaN)
        return [
          name,
          what,
          at(1),
          at(16),
          figure(median(rates)),
          figure(Math.min(...rates)),
          figure(Math.max(...rates)),
          at(mostSessions),
          ...(['perServerSecond', 'median', 'slowest'] as const).map((column) =>
            figure(medianOf(measured, name, column)),
          ),
        ]
      }),
    ),
  )
}

function figuresOf(
  measured: Measured,
  wide: Widths,
  twoCores: { readonly twoCoresVsOne: number; readonly p99OverP50: number },
): Figures {
  const rounded = (value: number) => Math.round(value * 1000) / 1000
  const { sqlite, postgres } = names
  const rates = [...measured.keys()].map((name): [string, number] => [
    name,
    Math.round(medianOf(measured, name, 'perSecond')),
  ])
  return {
    sqlite_vs_best_signing_peer: rounded(Math.min(...signingPeers.map((peer) => ratioOf(measured, sqlite, peer)))),
    sqlite_vs_oidc_provider: rounded(ratioOf(measured, sqlite, names.oidcProvider)),
    sqlite_vs_better_auth: rounded(ratioOf(measured, sqlite, names.betterAuth)),
    sqlite_vs_floor: rounded(ratioOf(measured, sqlite, names.durable)),
    postgres_vs_floor: rounded(ratioOf(measured, postgres, names.signing)),
    statements_per_refresh: rounded(wide.statements),
    two_cores_vs_one: rounded(twoCores.twoCoresVsOne),
    p99_over_p50: rounded(twoCores.p99OverP50),
    refreshes_per_second: Object.fromEntries(rates),
  }
}
