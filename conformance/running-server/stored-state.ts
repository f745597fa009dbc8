import { DatabaseSync } from 'node:sqlite'
import { rowsOf } from '../postgres/own-database.ts'
import type { OwnStore, StorePlace } from './own-store.ts'
import type { StartedServer } from './started-server.ts'

/** A row as the database's driver gives it: bytes as a Uint8Array, and what PostgreSQL counts in 64 bits as text. */
export type StoredRow = Readonly<Record<string, unknown>>

/** Everything a server has written down that a request could change, but the outbox, which empties itself. */
export async function storedState({ storage }: Pick<StartedServer, 'storage'>): Promise<unknown> {
  const { sessions } = await storage.listSessions(1000)
  return { sessions, users: await storage.listUsers(), clients: await storage.listClients() }
}

/**
 * Asks the database of a store past its server. The tables are called alike in all engines that have any.
 *
 * @param sql that both SQLite and PostgreSQL understand
 */
export async function storedRows({ databaseFile, database }: StorePlace, sql: string): Promise<readonly StoredRow[]> {
  if (database !== undefined) return rowsOf(database, sql)
  if (databaseFile === undefined) throw new Error('the engine in memory has no tables')
  // Not read-only: after a crash whoever comes first recovers the log.
  const connection = new DatabaseSync(databaseFile)
  try {
    return connection.prepare(sql).all()
  } finally {
    connection.close()
  }
}

/** A session as it is stored, column by column, each in a spelling that tells it to the bit; in memory as the engine gives it. */
export async function sessionRow(
  store: StorePlace & Partial<Pick<OwnStore, 'storage'>>,
  sessionId: string,
): Promise<StoredRow> {
  if (store.databaseFile === undefined && store.database === undefined) {
    return { ...(await store.storage?.readSession(sessionId))?.session }
  }
  const rows = await storedRows(store, 'SELECT * FROM sessions')
  const row = rows.find(({ id }) => sessionIdOf(id) === sessionId)
  if (row === undefined) throw new Error('there is no such session')
  return spelledOut(row)
}

/** The generation that each session stands at, by session id. */
export async function storedGenerations(store: StorePlace): Promise<ReadonlyMap<string, number>> {
  const rows = await storedRows(store, 'SELECT id, generation FROM sessions')
  return new Map(rows.map(({ id, generation }) => [sessionIdOf(id), wholeNumber(generation)]))
}

/** A stored number; generations are eight bytes in SQLite. */
export function wholeNumber(stored: unknown): number {
  return stored instanceof Uint8Array ? Number(Buffer.from(stored).readBigUInt64BE()) : Number(stored)
}

/** SQLite keeps an id as bytes; PostgreSQL as a UUID, which its driver spells in hexadecimal digits with hyphens. */
function sessionIdOf(stored: unknown): string {
  const bytes =
    stored instanceof Uint8Array ? Buffer.from(stored) : Buffer.from(String(stored).replaceAll('-', ''), 'hex')
  return bytes.toString('base64url')
}

function spelledOut(row: StoredRow): StoredRow {
  const spell = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value))
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === null ? null : spell(value)]))
}
