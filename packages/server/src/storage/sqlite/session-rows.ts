import { type SessionEndReason, sessionEndReasons } from '@pawl/protocol'
import type { Device } from '../../security-events/security-event.ts'
import type { SessionRecord } from '../../tokens/session.ts'
import { bytes, generation, id, integer, integerOrNull, oneOf, text, textOrNull } from './columns.ts'
import type { Row } from './database.ts'
import type { SessionTerms } from './session-terms.ts'

/** Every reason for which a session can have ended. */
export const endReasons: readonly SessionEndReason[] = Object.keys(sessionEndReasons).filter(
  (key): key is SessionEndReason => Object.hasOwn(sessionEndReasons, key),
)

/** The columns that {@link sessionRecord} reads, of `sessions` and of `users` joined to it. */
export const sessionColumns = `
  sessions.id AS session_id, users.id AS user_id, terms, generation, token_hash, refresh_key_id, seed, recent,
  sessions.created_at AS opened_at, last_used_at, idle_expires_at, absolute_expires_at, repeats, repeat_holders,
  peeks, revoked_at, revoked_reason, binding, used_address, used_user_agent, opened_address, opened_user_agent`

/** The condition of every write of a refresh: still there, neither revoked nor expired at `:now`. */
export const isLive = 'revoked_at IS NULL AND idle_expires_at > :now AND absolute_expires_at > :now'

/** A device column of the last use: NULL for "as at sign-in", 0 for "unknown", so that the common case takes no room. */
export function usedColumn(used: string, opened: string): string {
  return `CASE WHEN ${used} IS ${opened} THEN NULL WHEN ${used} IS NULL THEN 0 ELSE ${used} END`
}

function lastUsed(row: Row, column: string, opened: string | null): string | null {
  if (row[column] === null) return opened
  return row[column] === 0 ? null : text(row, column)
}

/** Reads a session; `terms` are those that the row names. */
export function sessionRecord(row: Row, terms: SessionTerms): SessionRecord {
  const openedFrom: Device = {
    address: textOrNull(row, 'opened_address'),
    userAgent: textOrNull(row, 'opened_user_agent'),
  }
  return {
    id: id(row, 'session_id'),
    userId: text(row, 'user_id'),
    ...terms,
    generation: generation(row, 'generation'),
    tokenHash: bytes(row, 'token_hash'),
    refreshKeyId: id(row, 'refresh_key_id'),
    seed: bytes(row, 'seed'),
    recent: bytes(row, 'recent'),
    createdAt: integer(row, 'opened_at'),
    lastUsedAt: integer(row, 'last_used_at'),
    idleExpiresAt: integer(row, 'idle_expires_at'),
    absoluteExpiresAt: integer(row, 'absolute_expires_at'),
    binding: textOrNull(row, 'binding'),
    openedFrom,
    lastUsedFrom: {
      address: lastUsed(row, 'used_address', openedFrom.address),
      userAgent: lastUsed(row, 'used_user_agent', openedFrom.userAgent),
    },
    repeats: integer(row, 'repeats'),
    repeatHolders: bytes(row, 'repeat_holders'),
    peeks: integer(row, 'peeks'),
    revokedAt: integerOrNull(row, 'revoked_at'),
    revokedReason: row['revoked_reason'] === null ? null : oneOf(row, 'revoked_reason', endReasons),
  }
}
