import type { SessionRecord } from '@pawl/server'
import { idBytes, integer, type Row, text, writtenIdBytes } from '@pawl/server/stored-columns'
import { parseTerms, type SessionTerms, sessionIdBytes, sessionRecord } from '@pawl/server/stored-records'

/** The columns of a user, by names that no column of a joined session has. */
export const userColumns = `
  users.id AS user_id, users.username, users.password_hash, users.roles, users.created_at AS user_created_at,
  users.disabled_at`

/** The columns of a session, of `sessions` and of `users` and `session_terms` joined to it. */
export const sessionColumns = `
  uuid_send(sessions.id) AS session_id, users.id AS user_id, session_terms.client_id, session_terms.document,
  sessions.generation, sessions.token_hash, sessions.refresh_key_id, sessions.seed, sessions.recent,
  sessions.created_at AS opened_at, sessions.authenticated_at, sessions.last_used_at, sessions.idle_expires_at, sessions.absolute_expires_at,
  sessions.repeats, sessions.repeat_holders, sessions.peeks, sessions.revoked_at, sessions.revoked_reason,
  sessions.binding, sessions.opened_address, sessions.opened_user_agent,
  CASE WHEN sessions.used_address IS NULL THEN sessions.opened_address ELSE sessions.used_address[1] END
    AS last_address,
  CASE WHEN sessions.used_user_agent IS NULL THEN sessions.opened_user_agent ELSE sessions.used_user_agent[1] END
    AS last_user_agent`

/** Sessions with their users and terms. */
export function sessionsJoined(schema: string): string {
  return `"${schema}".sessions
    JOIN "${schema}".users ON users.number = sessions.user_number
    JOIN "${schema}".session_terms ON session_terms.number = sessions.terms_number`
}

/** The condition of every write of a refresh: still there, neither revoked nor expired at an instant. */
export function isLive(now: string): string {
  return `sessions.revoked_at IS NULL AND sessions.idle_expires_at > ${now} AND sessions.absolute_expires_at > ${now}`
}

/** A device column of the last use: NULL for "as at sign-in". */
export function usedColumn(used: string, opened: string): string {
  return `CASE WHEN ${used} IS DISTINCT FROM ${opened} THEN ARRAY[${used}] END`
}

/** A session's id as the database takes it; undefined: nothing has that id. */
export function sessionKey(id: string): string | undefined {
  return idBytes(id, sessionIdBytes)?.toString('hex')
}

/** {@link sessionKey} of an id that is about to be written. Throws TypeError when it is none. */
export function writtenSessionKey(id: string): string {
  return writtenIdBytes(id, sessionIdBytes).toString('hex')
}

/** How many terms are kept in memory before all of them are forgotten; far more than a server's clients have. */
const remembered = 1000

/** Reads sessions of {@link sessionColumns}. Terms that many of them share are parsed once. */
export function sessionReader(): (row: Row) => SessionRecord {
  const known = new Map<string, SessionTerms>()

  function termsOf(row: Row): SessionTerms {
    const document = text(row, 'document')
    const remembrance = known.get(document)
    if (remembrance !== undefined) return remembrance
    const terms = parseTerms(text(row, 'client_id'), document)
    if (known.size >= remembered) known.clear()
    known.set(document, terms)
    return terms
  }

  return (row) => sessionRecord(row, termsOf(row), integer(row, 'generation'))
}
