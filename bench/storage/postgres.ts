import type { Storage } from '@pawl/server'
import { postgresStorage } from '@pawl/storage-postgres'
import type pg from 'pg'
import { askFigures } from '../database/figures.ts'
import type { MeasuredCluster } from '../database/measured-cluster.ts'
import { copySessions, schema } from '../sessions/copies.ts'
import { addUsers, openSessions, sessionsPerUser } from '../sessions/fill.ts'
import { refreshAll } from '../sessions/refresh.ts'
import type { TypicalSession } from '../sessions/typical-session.ts'
import type { Plan } from './plan.ts'

/** What PostgreSQL takes. */
export interface PostgresSizes {
  /** Table, indexes, toast and free space of sessions. */
  readonly bytesPerSession: number
  readonly tableBytesPerSession: number
  readonly indexBytesPerSession: number
  readonly rowsPerPage: number
  readonly userBytesPerSession: number
  /** By how much the first has grown for each session that was refreshed as often as {@link Plan.refreshes} says. */
  readonly growthPerSession: number
  /** Of all moves of rows, those that found room on the row's own page and touched no index, 0 to 1. */
  readonly hotShare: number
  /** Without full-page images. */
  readonly walBytesPerRefresh: number
  /** What a page adds to the log when it is first changed after a checkpoint. */
  readonly imageBytesPerPage: number
}

const sessions = `${schema}.sessions`

/**
 * So many sessions are opened through the engine, one statement each; the others are copies of these, for the same in a
 * twentieth of the time.
 */
const openedThroughEngine = 5_000

/** Fills a database, takes its size, and refreshes some of its sessions. */
export async function measurePostgres(
  { url, client }: MeasuredCluster,
  typical: TypicalSession,
  plan: Plan,
): Promise<PostgresSizes> {
  const storage = postgresStorage({ url })
  let measured: Omit<PostgresSizes, 'hotShare'>
  try {
    await storage.open()
    await addUsers(storage, openedThroughEngine)
    await openSessions(storage, typical, openedThroughEngine)
    await copySessions(client, {
      times: plan.sessions / openedThroughEngine,
      users: (plan.sessions - openedThroughEngine) / sessionsPerUser,
    })
    const sizes = await sizesOf(client, plan.sessions)
    measured = { ...sizes, ...(await measureRefreshes(client, storage, { typical, plan })) }
  } finally {
    await storage.close()
  }
  return { ...measured, hotShare: await hotShareOf(client) }
}

async function measureRefreshes(
  client: pg.Client,
  storage: Storage,
  { typical, plan }: { readonly typical: TypicalSession; readonly plan: Plan },
) {
  const { ids, pages } = await draw(client, plan.refreshedSessions)
  // What the database does by itself some time after rows were added; its maps of free and visible pages are written.
  await client.query(`VACUUM (ANALYZE) ${sessions}`)
  const before = await totalSize(client)
  const logged = async () => {
    const from = await logPosition(client)
    await refreshAll(storage, ids, { typical, atATime: plan.atATime })
    return (await logPosition(client)) - from
  }
  await client.query('CHECKPOINT')
  const first = await logged()
  for (let refresh = 2; refresh < plan.refreshes; refresh += 1) await logged()
  const last = await logged()
  return {
    growthPerSession: ((await totalSize(client)) - before) / ids.length,
    walBytesPerRefresh: last / ids.length,
    imageBytesPerPage: (first - last) / pages,
  }
}

/** Draws sessions by chance, and counts the pages that they lie on. */
async function draw(client: pg.Client, count: number) {
  const { rows } = await client.query<{ id: string; page: number }>(
    `SELECT encode(uuid_send(id), 'hex') AS id, (ctid::text::point)[0] AS page
    FROM ${sessions} ORDER BY random() LIMIT ${count}`,
  )
  return {
    ids: rows.map(({ id }) => Buffer.from(id, 'hex').toString('base64url')),
    pages: new Set(rows.map(({ page }) => page)).size,
  }
}

/** Connections tell what they have counted when they end, a moment after their client has gone. */
async function hotShareOf(client: pg.Client): Promise<number> {
  for (;;) {
    const { left } = await askFigures(
      client,
      ['left'],
      `SELECT count(*) AS left FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    )
    if (left === 0) break
  }
  const { hot, all } = await askFigures(
    client,
    ['hot', 'all'],
    `SELECT n_tup_hot_upd AS hot, n_tup_upd AS all FROM pg_stat_user_tables WHERE relid = '${sessions}'::regclass`,
  )
  return hot / all
}

async function sizesOf(client: pg.Client, count: number) {
  const { total, table_bytes, indexes, pages, users } = await askFigures(
    client,
    ['total', 'table_bytes', 'indexes', 'pages', 'users'],
    `SELECT pg_total_relation_size('${sessions}') AS total, pg_table_size('${sessions}') AS table_bytes,
      pg_indexes_size('${sessions}') AS indexes,
      pg_relation_size('${sessions}') / current_setting('block_size')::integer AS pages,
      pg_total_relation_size('${schema}.users') AS users`,
  )
  return {
    bytesPerSession: total / count,
    tableBytesPerSession: table_bytes / count,
    indexBytesPerSession: indexes / count,
    rowsPerPage: count / pages,
    userBytesPerSession: users / count,
  }
}

async function totalSize(client: pg.Client): Promise<number> {
  const { total } = await askFigures(client, ['total'], `SELECT pg_total_relation_size('${sessions}') AS total`)
  return total
}

/** How many bytes have been written to the log. */
async function logPosition(client: pg.Client): Promise<number> {
  const { position } = await askFigures(
    client,
    ['position'],
    `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS position`,
  )
  return position
}
