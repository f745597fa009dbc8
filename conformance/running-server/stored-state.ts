import { DatabaseSync } from 'node:sqlite'
import type { StartedServer } from './started-server.ts'

/** Everything a server has written down that a request could change, but the outbox, which empties itself. */
export async function storedState({ storage }: StartedServer): Promise<unknown> {
  const { sessions } = await storage.listSessions(1000)
  return { sessions, users: await storage.listUsers(), clients: await storage.listClients() }
}

/** The row of a session in the SQLite file, column by column in SQL's own spelling: equal means bit-identical. */
export function sessionRow(databaseFile: string, sessionId: string): unknown {
  const database = new DatabaseSync(databaseFile, { readOnly: true })
  try {
    const columns = database.prepare("SELECT name FROM pragma_table_info('sessions')").all()
    const quoted = columns.map(({ name }) => `quote(${String(name)}) AS ${String(name)}`).join(', ')
    const row = database.prepare(`SELECT ${quoted} FROM sessions WHERE id = ?`).get(Buffer.from(sessionId, 'base64url'))
    if (row === undefined) throw new Error('there is no such session')
    return row
  } finally {
    database.close()
  }
}

/** The generation that each session stands at in the SQLite file, by session id; the log is recovered where need be. */
export function storedGenerations(databaseFile: string): ReadonlyMap<string, number> {
  const database = new DatabaseSync(databaseFile)
  try {
    const rows = database.prepare('SELECT hex(id) AS id, hex(generation) AS generation FROM sessions').all()
    return new Map(
      rows.map(({ id, generation }) => [
        Buffer.from(String(id), 'hex').toString('base64url'),
        Number.parseInt(String(generation), 16),
      ]),
    )
  } finally {
    database.close()
  }
}
