import { Client } from 'pg'
import type { Cluster } from '../postgres/cluster.ts'
import { rowsOf } from '../postgres/own-database.ts'

/** A row that somebody else keeps locked; disposing lets it go. */
export interface RowLock extends AsyncDisposable {
  /** How many connections have tried to write sessions since the lock was taken, and done nothing else after that. */
  readonly writersSeen: () => Promise<number>
  /** How many of them the server has not answered yet. */
  readonly writersAtWork: () => Promise<number>
}

/** What {@link RowLock.writersSeen} needs a cluster to be set to. */
export const showingWholeStatements = { track_activity_query_size: 16_384 } as const

const writers = `
  SELECT count(*) AS seen, count(*) FILTER (WHERE state = 'active') AS at_work FROM pg_stat_activity
  WHERE pid <> pg_backend_pid() AND query LIKE '%UPDATE "pawl".sessions%' AND query_start > $1`

/** Locks the row of a session, so that nobody can write it. */
export async function lockSession({ url }: Cluster, sessionId: string): Promise<RowLock> {
  const client = new Client(url)
  await client.connect()
  await client.query('BEGIN')
  const id = Buffer.from(sessionId, 'base64url').toString('hex')
  const { rowCount } = await client.query('SELECT FROM pawl.sessions WHERE id = $1::uuid FOR UPDATE', [id])
  if (rowCount !== 1) throw new Error('there is no such session')
  const since = (await client.query<{ now: Date }>('SELECT clock_timestamp() AS now')).rows[0]?.now
  // On a connection of its own: within a transaction this view does not change.
  const count = async () => (await rowsOf(url, writers, [since]))[0]
  let released = false
  return {
    writersSeen: async () => Number((await count())?.['seen']),
    writersAtWork: async () => Number((await count())?.['at_work']),
    async [Symbol.asyncDispose]() {
      if (released) return
      released = true
      await client.end()
    },
  }
}
