import type { Bench } from '../bench.ts'
import { startMeasuredCluster } from '../database/measured-cluster.ts'
import { describeMachine } from '../measuring/machine.ts'
import { figure, tableOf } from '../measuring/table.ts'
import { sessionsPerUser } from '../sessions/fill.ts'
import { typicalSession } from '../sessions/typical-session.ts'
import type { Plan } from './plan.ts'
import { measurePostgres } from './postgres.ts'
import { measureSqlite } from './sqlite.ts'

/** Promised at most: bytes for each session, and growth over a hundred refreshes of each. */
const bounds = { sqlite: 600, postgres: 1200, growth: 1 }

/** How many bytes a session takes in each engine, and how many more once it is refreshed a hundred times. */
export const storageBench: Bench = async ({ full, print }) => {
  const plan: Plan = {
    sessions: 100_000,
    refreshedSessions: full ? 100_000 : 3_000,
    refreshes: 100,
    atATime: 64,
  }
  const typical = await typicalSession()
  // Nothing comes to help, and nothing of its own comes between: an ANALYZE of a second, while every session is refreshed
  // each second, would keep old versions of rows from being cleared away that in life are twelve minutes apart.
  await using cluster = await startMeasuredCluster({ autovacuum: false })
  print(`${describeMachine()}; ${cluster.version}, SQLite ${process.versions['sqlite']}\n`)
  print(
    `Size: ${count(plan.sessions)} sessions, ${sessionsPerUser} for each user, opened through the engine; in PostgreSQL, every twentieth, and the others are copies.\n`,
  )
  print(
    `Growth and log: ${count(plan.refreshedSessions)} of them, each refreshed ${plan.refreshes} times, ${plan.atATime} at a time, every round in another order.\n\n`,
  )
  const sqlite = await measureSqlite(typical, plan)
  const postgres = await measurePostgres(cluster, typical, plan)
  const growth = Math.max(sqlite.growthPerSession, postgres.growthPerSession)

  print(
    tableOf(
      ['bytes for each session', 'SQLite', 'PostgreSQL'],
      [
        ['session, its indexes, free space', figure(sqlite.bytesPerSession), figure(postgres.bytesPerSession)],
        ['of these, table', '–', figure(postgres.tableBytesPerSession)],
        ['of these, indexes', '–', figure(postgres.indexBytesPerSession)],
        ['promised at most', bounds.sqlite, bounds.postgres],
        ['besides, its share of the user', figure(sqlite.userBytesPerSession), figure(postgres.userBytesPerSession)],
        ['growth over all refreshes', figure(sqlite.growthPerSession), figure(postgres.growthPerSession)],
        ['promised at most', bounds.growth, bounds.growth],
        ['sessions on a page of the table', figure(sqlite.rowsPerPage), figure(postgres.rowsPerPage)],
      ],
    ),
  )
  print(
    `\n${tableOf(
      ['PostgreSQL', 'figure'],
      [
        ['bytes of log for each refresh, full-page images left out', figure(postgres.walBytesPerRefresh)],
        ['bytes of log for a page that is first changed after a checkpoint', figure(postgres.imageBytesPerPage)],
        ['share of moves on the same page (HOT)', figure(postgres.hotShare)],
      ],
    )}\n`,
  )
  return {
    sqlite_bytes_per_session: rounded(sqlite.bytesPerSession),
    postgres_bytes_per_session: rounded(postgres.bytesPerSession),
    growth_bytes_100_refreshes: rounded(growth),
    wal_bytes_per_refresh: rounded(postgres.walBytesPerRefresh),
    wal_image_bytes_per_page: rounded(postgres.imageBytesPerPage),
    hot_share: rounded(postgres.hotShare),
    sqlite_rows_per_page: rounded(sqlite.rowsPerPage),
    postgres_rows_per_page: rounded(postgres.rowsPerPage),
    sqlite_user_bytes_per_session: rounded(sqlite.userBytesPerSession),
    postgres_user_bytes_per_session: rounded(postgres.userBytesPerSession),
    refreshed_sessions: plan.refreshedSessions,
    within_bounds:
      sqlite.bytesPerSession <= bounds.sqlite && postgres.bytesPerSession <= bounds.postgres && growth <= bounds.growth,
  }
}

function count(number: number): string {
  return number.toLocaleString('en')
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
