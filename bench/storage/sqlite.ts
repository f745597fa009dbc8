import { existsSync, statfsSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Storage, sqliteStorage } from '@pawl/server'
import { addUsers, openSessions } from '../sessions/fill.ts'
import { refreshAll, shuffled } from '../sessions/refresh.ts'
import type { TypicalSession } from '../sessions/typical-session.ts'
import type { Plan } from './plan.ts'

/** What SQLite takes. */
export interface SqliteSizes {
  /** File and log after a checkpoint, without what the store took with its users and no session. */
  readonly bytesPerSession: number
  /** What was left out of that: the users, shared out among their sessions. */
  readonly userBytesPerSession: number
  /** By how much that has grown for each session that was refreshed as often as {@link Plan.refreshes} says. */
  readonly growthPerSession: number
  readonly rowsPerPage: number
}

/** Fills a store, takes its size, and refreshes some of its sessions. */
export async function measureSqlite(typical: TypicalSession, plan: Plan): Promise<SqliteSizes> {
  return withStore(async (storage, file) => {
    const empty = sizeOf(file)
    await addUsers(storage, plan.sessions)
    const withUsers = sizeOf(file)
    const ids = await openSessions(storage, typical, plan.sessions)
    const full = sizeOf(file)
    const refreshed = shuffled(ids).slice(0, plan.refreshedSessions)
    for (let refresh = 0; refresh < plan.refreshes; refresh += 1) {
      await refreshAll(storage, refreshed, { typical, atATime: plan.atATime })
    }
    return {
      bytesPerSession: (full - withUsers) / plan.sessions,
      userBytesPerSession: (withUsers - empty) / plan.sessions,
      growthPerSession: (sizeOf(file) - full) / plan.refreshedSessions,
      rowsPerPage: rowsPerPage(file),
    }
  })
}

async function withStore<Result>(work: (storage: Storage, file: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(roomInMemory() ?? tmpdir(), 'pawl-bench-'))
  const file = join(folder, 'pawl.db')
  const storage = sqliteStorage({ file })
  try {
    await storage.open()
    return await work(storage, file)
  } finally {
    await storage.close()
    await rm(folder, { recursive: true })
  }
}

/** A folder that lies in memory and has room: sizes do not depend on the disk, and waiting for it takes half of the time. */
function roomInMemory(): string | undefined {
  const folder = '/dev/shm'
  const found = existsSync(folder) ? statfsSync(folder) : undefined
  return found !== undefined && found.bavail * found.bsize > 2 ** 29 ? folder : undefined
}

/** The database file and its log, once all that the log holds has been moved into the file. */
function sizeOf(file: string): number {
  const connection = new DatabaseSync(file)
  connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  connection.close()
  return statSync(file).size + (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0)
}

/** Rows of sessions on a page that holds nothing else. */
function rowsPerPage(file: string): number {
  const connection = new DatabaseSync(file, { readOnly: true })
  const row = connection
    .prepare("SELECT sum(ncell) AS rows, count(*) AS pages FROM dbstat WHERE name = 'sessions' AND pagetype = 'leaf'")
    .get()
  connection.close()
  return Number(row?.['rows']) / Number(row?.['pages'])
}
