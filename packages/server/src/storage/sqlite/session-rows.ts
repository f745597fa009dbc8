/**
 * The columns of a session, of `sessions` and of `users` joined to it. The device of the last use is NULL where it is the
 * one that signed in, and 0 where it is unknown.
 */
export const sessionColumns: string = `
  sessions.id AS session_id, users.id AS user_id, terms, generation, token_hash, refresh_key_id, seed, recent,
  sessions.created_at AS opened_at, authenticated_at, last_used_at, idle_expires_at, absolute_expires_at, repeats, repeat_holders,
  peeks, revoked_at, revoked_reason, binding, opened_address, opened_user_agent,
  ${lastUsed('used_address', 'opened_address')} AS last_address,
  ${lastUsed('used_user_agent', 'opened_user_agent')} AS last_user_agent`

/** The condition of every write of a refresh: still there, neither revoked nor expired at `:now`. */
export const isLive = 'revoked_at IS NULL AND idle_expires_at > :now AND absolute_expires_at > :now'

/** A device column of the last use: NULL for "as at sign-in", 0 for "unknown", so that the common case takes no room. */
export function usedColumn(used: string, opened: string): string {
  return `CASE WHEN ${used} IS ${opened} THEN NULL WHEN ${used} IS NULL THEN 0 ELSE ${used} END`
}

/** What {@link usedColumn} wrote. */
function lastUsed(used: string, opened: string): string {
  return `CASE WHEN ${used} IS NULL THEN ${opened} WHEN ${used} IS NOT 0 THEN ${used} END`
}
