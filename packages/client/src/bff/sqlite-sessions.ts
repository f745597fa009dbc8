import { DatabaseSync } from 'node:sqlite'
import type { SessionKeepingChoice } from './session-keeping.ts'
import type { SessionStore, StoredSession } from './session-store.ts'
import { storedSessions } from './stored-sessions.ts'

/**
 * Keeps sessions in an SQLite file, which is made if there is none, and which several processes of one machine may share.
 * Sessions outlive a restart; the file alone signs nobody in, for each session in it is encrypted under its browser's cookie.
 *
 * @param file its path
 */
export function sqliteSessions(file: string): SessionKeepingChoice {
  return storedSessions(sqliteSessionStore(file))
}

function sqliteSessionStore(file: string): SessionStore {
  const database = new DatabaseSync(file, { timeout: 5_000 })
  database.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS bff_session (
      id TEXT PRIMARY KEY,
      version INTEGER NOT NULL,
      sealed TEXT NOT NULL,
      attempt TEXT,
      ends_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS bff_session_ends_at ON bff_session (ends_at);
  `)
  const insert = database.prepare('INSERT INTO bff_session (id, version, sealed, ends_at) VALUES (?, ?, ?, ?)')
  const deleteEnded = database.prepare('DELETE FROM bff_session WHERE ends_at <= ?')
  const select = database.prepare('SELECT version, sealed, ends_at FROM bff_session WHERE id = ?')
  // One statement each, so that no other process comes between the reading and the writing.
  const claim = database.prepare(
    'UPDATE bff_session SET attempt = coalesce(attempt, ?) WHERE id = ? AND version = ? RETURNING attempt',
  )
  const replace = database.prepare(
    'UPDATE bff_session SET version = ?, sealed = ?, ends_at = ?, attempt = NULL WHERE id = ? AND version < ?',
  )
  const remove = database.prepare('DELETE FROM bff_session WHERE id = ?')
  return {
    add: async ({ id, version, sealed, endsAt }, now) => {
      deleteEnded.run(now)
      insert.run(id, version, sealed, endsAt)
    },
    find: async (id) => readRow(id, select.get(id)),
    claimAttempt: async (id, version, candidate) => {
      const attempt = claim.get(candidate, id, version)?.['attempt']
      return typeof attempt === 'string' ? attempt : undefined
    },
    replace: async ({ id, version, sealed, endsAt }) => {
      replace.run(version, sealed, endsAt, id, version)
    },
    remove: async (id) => {
      remove.run(id)
    },
  }
}

function readRow(id: string, row: Readonly<Record<string, unknown>> | undefined): StoredSession | undefined {
  const { version, sealed, ends_at } = row ?? {}
  if (typeof version !== 'number' || typeof sealed !== 'string' || typeof ends_at !== 'number') return undefined
  return { id, version, sealed, endsAt: ends_at }
}
