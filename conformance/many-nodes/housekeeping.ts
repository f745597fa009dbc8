import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { type Cluster, startCluster } from '../postgres/cluster.ts'
import { rowsOf } from '../postgres/own-database.ts'
import { bodyReply } from '../running-server/replies.ts'
import type { StartedProcess } from '../running-server/started-process.ts'
import { alice } from '../running-server/started-server.ts'
import { processesOf } from './fleet.ts'
import { startPostgresFleet } from './fleet-on-postgres.ts'
import { type Exchange, type History, statusOf } from './history.ts'
import { hold, holdOn, neighbours } from './holders.ts'
import { createRecorder } from './recorder.ts'
import { createSharedStore } from './shared-store.ts'
import { type SlowStatement, slowStatements, timingSlowStatements, watchStarvation } from './slow-statements.ts'

/** What housekeeping on four nodes did to a table of sessions, and to those who refreshed meanwhile. */
export interface HousekeepingReport {
  readonly history: History
  /** Rows that had expired, and how many of them are left. */
  readonly expired: number
  readonly left: number
  /** Rows of sessions that live. */
  readonly live: number
  readonly deadlocks: number
  /** Statements of ours that took 100 ms or more, by their own fault: without the wait for a processor, too. */
  readonly slow: readonly SlowStatement[]
  /** Statements of ours that took so long only because the machine gave them no processor for a while. */
  readonly starved: readonly SlowStatement[]
  /** From the first row that went to the last. */
  readonly seconds: number
  /** Refreshes that were answered before housekeeping began, and while it ran; latencies in milliseconds. */
  readonly before: Latencies
  readonly during: Latencies
}

interface Latencies {
  readonly refreshes: number
  readonly p50: number
  readonly p99: number
}

const nodes = 4
/** T9.2. */
const limitMilliseconds = 100
const clients = 64
const windowMilliseconds = 30_000
const expiredShare = 0.9
/** Far longer than any access token lives: what expired then is of no use to anybody. */
const expiredDaysAgo = 2
const day = 86_400_000

/**
 * Fills a database with sessions of which nine in ten have expired, starts four nodes on it, and has clients refresh before
 * and while the nodes' own housekeeping, which begins a minute after their start, clears them away.
 *
 * @param rows how many sessions
 */
export async function clearAway(rows: number): Promise<HousekeepingReport> {
  await using cluster = await startCluster({ ...timingSlowStatements, max_wal_size: '4GB' })
  const expired = Math.round(rows * expiredShare)
  await using fleet = await startPostgresFleet({ count: nodes, url: cluster.url })
  // They must not begin before everything is there.
  const sample = await signIn(processesOf(fleet)[0])
  await Promise.all(fleet.nodes.map((node) => node.drain()))
  await fill(cluster, sample.session, { expired, live: rows - expired })
  await Promise.all(fleet.nodes.map((node) => node.start()))

  const recorder = createRecorder()
  const surroundings = { recorder, addresses: fleet.addresses }
  const processes = processesOf(fleet)
  const stores = await Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      const { session, token } = await signIn(processes[index % nodes] ?? processes[0])
      const { now } = recorder
      return createSharedStore({
        session,
        token,
        pace: 'in step',
        windowMilliseconds,
        runMilliseconds: windowMilliseconds,
        now,
      })
    }),
  )
  const logged = cluster.log().length
  const starvation = watchStarvation(cluster)
  const holders = neighbours(stores)
  const stop = new AbortController()
  const holding = Promise.all(holders.map((holder) => hold(holder, surroundings, { stop: stop.signal, rest: 300 })))
  const gone = async () => Number((await rowsOf(cluster.url, deleted))[0]?.['count'])
  while ((await gone()) === 0) await pause(200)
  const began = recorder.now()
  while ((await gone()) < expired) await pause(200)
  const ended = recorder.now()
  stop.abort()
  await holding
  const calmFrom = recorder.now()
  await Promise.all(holders.map((holder) => holdOn(holder, surroundings)))
  await starvation.stop()

  const slow = slowStatements(cluster.log().slice(logged), starvation)
  const isStarved = ({ milliseconds, starved }: SlowStatement) => milliseconds - starved < limitMilliseconds
  const [counted] = await rowsOf(cluster.url, counts, [String(Date.now() - day)])
  const history = recorder.history(calmFrom, windowMilliseconds)
  return {
    history,
    expired,
    left: Number(counted?.['left']),
    live: Number(counted?.['live']),
    deadlocks: Number(counted?.['deadlocks']),
    slow: slow.filter((statement) => !isStarved(statement)),
    starved: slow.filter(isStarved),
    seconds: Math.round((ended - began) / 100) / 10,
    before: latencies(history.exchanges.filter(({ end }) => end < began)),
    during: latencies(history.exchanges.filter(({ start, end }) => start >= began && end <= ended)),
  }
}

const deleted = "SELECT n_tup_del AS count FROM pg_stat_user_tables WHERE schemaname = 'pawl' AND relname = 'sessions'"

const counts = `
  SELECT count(*) FILTER (WHERE absolute_expires_at <= $1::bigint) AS left,
    count(*) FILTER (WHERE absolute_expires_at > $1::bigint) AS live,
    (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()) AS deadlocks
  FROM pawl.sessions`

/** Copies of a session that a server has made, each with an id, a seed and a token of its own. */
async function fill(
  { url }: Cluster,
  session: string,
  { expired, live }: { readonly expired: number; readonly live: number },
): Promise<void> {
  const client = new Client(url)
  await client.connect()
  const names =
    "SELECT attname FROM pg_attribute WHERE attrelid = 'pawl.sessions'::regclass AND attnum > 0 AND NOT attisdropped"
  const { rows } = await client.query<{ attname: string }>(names)
  const own = new Map([
    ['id', 'gen_random_uuid()'],
    ['seed', "sha256(convert_to('seed' || number, 'UTF8'))"],
    ['token_hash', "sha256(convert_to('token' || number, 'UTF8'))"],
    ...['created_at', 'last_used_at', 'idle_expires_at', 'absolute_expires_at'].map(
      // The live ones end at one instant or another of their life; the expired ones ended long ago.
      (name) =>
        [name, `sample.${name} - CASE WHEN number <= $2::bigint THEN $3::bigint ELSE number % 1000 END`] as const,
    ),
  ])
  const columns = rows.map(({ attname }) => attname)
  const values = columns.map((name) => own.get(name) ?? `sample.${name}`)
  const id = Buffer.from(session, 'base64url').toString('hex')
  await client.query('SET log_min_duration_statement = -1; SET synchronous_commit = off')
  const { rows: ends } = await client.query<{ end: string }>(
    'SELECT absolute_expires_at - $1::bigint AS end FROM pawl.sessions',
    [Date.now() - expiredDaysAgo * day],
  )
  await client.query(
    `INSERT INTO pawl.sessions (${columns.join(', ')})
    SELECT ${values.join(', ')} FROM pawl.sessions AS sample, generate_series(1, $4::bigint) AS number
    WHERE sample.id = $1::uuid`,
    [id, expired, ends[0]?.end, expired + live],
  )
  await client.query('VACUUM ANALYZE pawl.sessions')
  await client.query("SELECT pg_stat_reset_single_table_counters('pawl.sessions'::regclass)")
  await client.end()
}

async function signIn(node: StartedProcess): Promise<{ readonly session: string; readonly token: string }> {
  const reply = await node.send('/auth/login', { json: { ...alice, delivery: 'body' } })
  const { session_id: session, refresh_token: token } = reply.read(bodyReply)
  return { session, token }
}

function latencies(exchanges: readonly Exchange[]): Latencies {
  const times = exchanges
    .filter((exchange) => statusOf(exchange) === 200)
    .map(({ start, end }) => end - start)
    .toSorted((one, other) => one - other)
  const at = (share: number) => Math.round((times[Math.floor(times.length * share)] ?? 0) * 10) / 10
  return { refreshes: times.length, p50: at(0.5), p99: at(0.99) }
}

if (import.meta.main) {
  const { history, ...report } = await clearAway(Number(process.argv[2] ?? 1_000_000))
  const ratio = Math.round((report.during.p99 / report.before.p99) * 100) / 100
  process.stdout.write(
    `${JSON.stringify({ ...report, requests: history.exchanges.length, p99Ratio: ratio }, undefined, 2)}\n`,
  )
}
