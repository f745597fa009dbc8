import { familyOf } from '../../conformance/postgres/process-family.ts'
import { askFigures } from '../database/figures.ts'
import type { MeasuredCluster } from '../database/measured-cluster.ts'
import { memoryOf } from '../measuring/memory.ts'
import { processorSeconds } from '../measuring/processor-time.ts'
import type { RefreshingClients } from './refreshing-clients.ts'
import type { StartedServer } from './started-server.ts'

/** What refreshes cost, for each of them. */
export interface Cost {
  readonly clients: number
  readonly perSecond: number
  /** Processor time, in microseconds. */
  readonly serverMicroseconds: number
  readonly databaseMicroseconds: number
  readonly statements: number
  readonly logBytes: number
  /** Milliseconds in which half of the answers came, and all but one of a hundred. */
  readonly median: number
  readonly slowest: number
  /** Connections that the server has to the database. */
  readonly connections: number
  /** Resident memory of the server, in megabytes. */
  readonly serverMegabytes: number
  /** Memory that one connection takes at the database for itself, in megabytes. */
  readonly connectionMegabytes: number
}

const warmUpMilliseconds = 1500

/** Has clients refresh, and looks at server and database before and afterwards. */
export async function measureRefreshes(
  given: {
    readonly server: StartedServer
    readonly clients: RefreshingClients
    /** Absent: SQLite, in the server's own process. */
    readonly cluster?: MeasuredCluster
  },
  { count, milliseconds }: { readonly count: number; readonly milliseconds: number },
): Promise<Cost> {
  const { server, clients, cluster } = given
  await clients.refresh(count, warmUpMilliseconds)
  const look = async () => ({
    server: processorSeconds(server.pid),
    database: cluster ? processorSeconds(cluster.firstProcess) : 0,
    ...(cluster ? await counters(cluster) : { statements: 0, log: 0 }),
  })
  const [before, begun] = [await look(), performance.now()]
  const durations = [...(await clients.refresh(count, milliseconds))].sort((one, other) => one - other)
  const seconds = (performance.now() - begun) / 1000
  const after = await look()
  const refreshes = durations.length
  const each = (name: keyof typeof after) => (after[name] - before[name]) / refreshes
  return {
    clients: count,
    perSecond: refreshes / seconds,
    serverMicroseconds: each('server') * 1e6,
    databaseMicroseconds: each('database') * 1e6,
    statements: each('statements'),
    logBytes: each('log'),
    median: durations[Math.floor(refreshes / 2)] ?? Number.NaN,
    slowest: durations[Math.floor(refreshes * 0.99)] ?? Number.NaN,
    serverMegabytes: memoryOf(server.pid, 'VmRSS'),
    ...(cluster ? await connectionsOf(cluster) : { connections: 0, connectionMegabytes: 0 }),
  }
}

/** Statements as the extension pg_stat_statements counts them, and the place in the log. */
function counters({ client }: MeasuredCluster) {
  return askFigures(
    client,
    ['statements', 'log'],
    `SELECT sum(calls) AS statements, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS log
    FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_%'`,
  )
}

async function connectionsOf({ client, firstProcess }: MeasuredCluster) {
  const { rows } = await client.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  )
  const family = new Set(familyOf(firstProcess))
  const processes = rows.map(({ pid }) => pid).filter((pid) => family.has(pid))
  const sum = processes.reduce((megabytes, pid) => megabytes + memoryOf(pid, 'RssAnon'), 0)
  return { connections: processes.length, connectionMegabytes: sum / processes.length }
}
