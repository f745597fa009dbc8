import { startPgBouncer } from '../../conformance/postgres/pgbouncer.ts'
import type { Bench, Figures } from '../bench.ts'
import { type MeasuredCluster, startMeasuredCluster } from '../database/measured-cluster.ts'
import { describeMachine } from '../measuring/machine.ts'
import { pin, pinFamily } from '../measuring/pinning.ts'
import { figure, tableOf } from '../measuring/table.ts'
import { copySessions, schema } from '../sessions/copies.ts'
import { type Cost, measureRefreshes } from './measure.ts'
import { modelTable } from './model.ts'
import { signIn } from './refreshing-clients.ts'
import { type StartedServer, startServer } from './started-server.ts'

/** Besides those that are refreshed: so large is the store, so that their rows lie on pages of their own. */
const sessions = 100_000

const mostClients = 256
const clientsBehindPooler = 64

/** What a refresh costs at server and database, and what follows from that for so many sessions. */
export const capacityBench: Bench = async ({ full, print }) => {
  const milliseconds = full ? 20_000 : 6000
  print(`${describeMachine()}\n`)
  const costs = new Map<string, Cost>()
  await onPostgres({ milliseconds, print, costs })
  await onSqlite({ milliseconds, costs })
  print(
    tableOf(
      [
        'store and clients',
        'refreshes/s',
        'server µs',
        'database µs',
        'statements',
        'log bytes',
        'median ms',
        '99 % within ms',
      ],
      [...costs].map(([name, cost]) => [
        name,
        ...[cost.perSecond, cost.serverMicroseconds, cost.databaseMicroseconds, cost.statements, cost.logBytes].map(
          figure,
        ),
        ...[cost.median, cost.slowest].map(figure),
      ]),
    ),
  )
  print('\n')
  print(
    tableOf(
      ['store and clients', 'server MB', 'connections', 'MB each at the database'],
      [...costs].map(([name, cost]) => [
        name,
        ...[cost.serverMegabytes, cost.connections, cost.connectionMegabytes].map(figure),
      ]),
    ),
  )
  print('\n')
  const [alone, gathered] = [costs.get(nameOf('postgres', 1)), costs.get(nameOf('postgres', 64))]
  if (alone !== undefined && gathered !== undefined) print(`${modelTable({ alone, gathered })}\n`)
  return Object.fromEntries([...costs].map(([name, cost]): [string, Figures] => [name, rounded(cost)]))
}

/** Name of a row and of its figures: `postgres_64`. */
function nameOf(store: 'postgres' | 'pgbouncer' | 'sqlite', clients: number): string {
  return `${store}_${clients}`
}

interface Run {
  readonly milliseconds: number
  readonly costs: Map<string, Cost>
}

async function onPostgres({ milliseconds, costs, print }: Run & { readonly print: (text: string) => void }) {
  await using cluster = await startMeasuredCluster({
    shared_preload_libraries: 'pg_stat_statements',
    'pg_stat_statements.track': 'top',
  })
  await cluster.client.query('CREATE EXTENSION pg_stat_statements')
  {
    await using server = await startServer(cluster.url)
    const clients = await signIn(server.port, mostClients)
    await enlarge(cluster)
    print(`${cluster.version}, fsync on, synchronous_commit on, ${sessions.toLocaleString('en')} sessions\n`)
    print(`${settle(server, cluster)}\n\n`)
    // The most at first: what comes later finds a process that is warm.
    for (const count of [mostClients, 64, 16, 1]) {
      costs.set(
        nameOf('postgres', count),
        await measureRefreshes({ server, clients, cluster }, { count, milliseconds }),
      )
    }
  }
  await using pooler = await startPgBouncer(cluster.url)
  await using server = await startServer(pooler.url)
  const clients = await signIn(server.port, clientsBehindPooler)
  await spread(cluster)
  settle(server, cluster)
  const count = clientsBehindPooler
  costs.set(nameOf('pgbouncer', count), await measureRefreshes({ server, clients, cluster }, { count, milliseconds }))
}

async function onSqlite({ milliseconds, costs }: Run) {
  await using server = await startServer(undefined)
  pin(server.pid, 1)
  const clients = await signIn(server.port, 64)
  for (const count of [64, 16, 1]) {
    costs.set(nameOf('sqlite', count), await measureRefreshes({ server, clients }, { count, milliseconds }))
  }
}

async function enlarge(cluster: MeasuredCluster): Promise<void> {
  await copySessions(cluster.client, { times: Math.round(sessions / mostClients), users: sessions / 2 })
  await spread(cluster)
}

/** Puts rows into the order of their random ids, so that those that are refreshed lie apart, as in life. */
async function spread({ client }: MeasuredCluster): Promise<void> {
  await client.query(`CLUSTER ${schema}.sessions USING sessions_pkey`)
  await client.query(`VACUUM ANALYZE ${schema}.sessions, ${schema}.users`)
  await client.query('CHECKPOINT')
}

/** The server has a core for itself; database and clients share the other. */
function settle(server: StartedServer, cluster: MeasuredCluster): string {
  const done = [pin(server.pid, 1), pinFamily(cluster.firstProcess, 0), pin(process.pid, 0)]
  return done.every(Boolean) ? 'server on core 1, database and clients on core 0' : 'not pinned'
}

function rounded(cost: Cost): Figures {
  return Object.fromEntries(Object.entries(cost).map(([name, value]) => [name, Math.round(value * 100) / 100]))
}
