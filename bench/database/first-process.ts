import { readFileSync } from 'node:fs'
import type pg from 'pg'

/** Process id of a database's first process, the parent of those that serve connections. It must run on this machine. */
export async function firstProcessOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ id: number }>('SELECT pg_backend_pid() AS id')
  const [, parent] = readFileSync(`/proc/${rows[0]?.id}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return Number(parent)
}
