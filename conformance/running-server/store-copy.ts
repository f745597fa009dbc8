import { copyFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { type DatabaseSchema, rowsOf } from '../postgres/own-database.ts'
import { runPostgresProgram } from '../postgres/postgres-program.ts'
import type { TemporaryData } from './started-process.ts'

/** A store as it was at one instant. */
export interface StoreCopy {
  /** That instant or a little later, in milliseconds since 1970. */
  readonly takenAt: number
  /** Makes the store what it was; nobody may be using it. */
  readonly putBack: () => Promise<void>
}

/** Copies a store, as an operator would; servers may go on writing to it. */
export async function copyStore({ path, databaseFile, store }: TemporaryData): Promise<StoreCopy> {
  return store.database === undefined ? copyFiles(databaseFile) : dump(store.database, `${path}/dump`)
}

/** The file and its log: whoever writes waits for the length of it. */
function copyFiles(databaseFile: string): StoreCopy {
  const database = new DatabaseSync(databaseFile, { timeout: 5000 })
  try {
    database.exec('PRAGMA wal_checkpoint(PASSIVE)')
    database.exec('BEGIN IMMEDIATE')
    const takenAt = Date.now()
    for (const part of ['', '-wal']) copyFileSync(databaseFile + part, `${databaseFile}-backup${part}`)
    database.exec('ROLLBACK')
    return { takenAt, putBack: () => putFilesBack(databaseFile) }
  } finally {
    database.close()
  }
}

async function putFilesBack(databaseFile: string): Promise<void> {
  for (const part of ['', '-wal', '-shm']) await rm(databaseFile + part, { force: true })
  for (const part of ['', '-wal']) copyFileSync(`${databaseFile}-backup${part}`, databaseFile + part)
}

/** What pg_dump sees is what a transaction of ours sees, so that the instant is known. */
async function dump({ url, schema }: DatabaseSchema, file: string): Promise<StoreCopy> {
  const client = new Client(url)
  await client.connect()
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    const { rows } = await client.query<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot')
    const takenAt = Date.now()
    const snapshot = rows[0]?.snapshot ?? ''
    await runPostgresProgram('pg_dump', ['--dbname', url, '--snapshot', snapshot, '--format=custom', '--file', file])
    const putBack = async () => {
      await rowsOf(url, `DROP SCHEMA ${schema} CASCADE`)
      await runPostgresProgram('pg_restore', ['--dbname', url, '--exit-on-error', file])
    }
    return { takenAt, putBack }
  } finally {
    await client.end()
  }
}
