import { isUnstoredClient } from '../../registered-clients/client.ts'
import type { SessionRecord } from '../../tokens/session.ts'
import type { SessionStore } from '../../tokens/session-store.ts'
import { bytes, id, idBytes, integer, type Row, writtenIdBytes } from '../stored-columns.ts'
import { eventDocument } from '../stored-events.ts'
import { keyIdBytes, sessionIdBytes, sessionRecord, userRecord } from '../stored-records.ts'
import { revokedSessions } from '../stored-revocations.ts'
import type { Database, Values } from './database.ts'
import { writeDocument, writeEvent } from './events.ts'
import { generation, generationBytes } from './generation-column.ts'
import type { GroupCommit } from './group-commit.ts'
import { noteLostWrites } from './lost-writes.ts'
import type { SqliteStorageOptions } from './options.ts'
import type { SqliteRevocations } from './revocations.ts'
import { isLive, sessionColumns, usedColumn } from './session-rows.ts'
import type { TermsTable } from './session-terms.ts'
import { spendTicket } from './tickets.ts'
import { userColumns } from './user-rows.ts'

const readOne = `
  SELECT ${sessionColumns}, ${userColumns}
  FROM sessions JOIN users ON users.number = sessions.user WHERE sessions.id = :id`

const insert = `
  INSERT INTO sessions (
    id, user, terms, generation, token_hash, refresh_key_id, seed, recent, created_at, last_used_at, idle_expires_at,
    absolute_expires_at, repeats, repeat_holders, peeks, revoked_at, revoked_reason, binding, used_address,
    used_user_agent, opened_address, opened_user_agent, authenticated_at
  ) VALUES (
    :id, :user, :terms, :generation, :tokenHash, :refreshKeyId, :seed, :recent, :createdAt, :lastUsedAt, :idleExpiresAt,
    :absoluteExpiresAt, :repeats, :repeatHolders, :peeks, :revokedAt, :revokedReason, :binding,
    ${usedColumn(':usedAddress', ':openedAddress')}, ${usedColumn(':usedUserAgent', ':openedUserAgent')},
    :openedAddress, :openedUserAgent, :authenticatedAt
  )`

const move = `
  UPDATE sessions SET generation = :generation, token_hash = :tokenHash, refresh_key_id = :refreshKeyId,
    recent = :recent, last_used_at = :now, idle_expires_at = :idleExpiresAt, repeats = 0,
    repeat_holders = zeroblob(16), peeks = 0,
    used_address = ${usedColumn(':usedAddress', 'opened_address')},
    used_user_agent = ${usedColumn(':usedUserAgent', 'opened_user_agent')}
  WHERE id = :id AND generation = :expectedGeneration AND generation <= :generation AND ${isLive}`

const holderAt = (place: number): string => `substr(repeat_holders, ${place * 4 + 1}, 4)`

// One statement, so that of many holders at once none is lost. The last place stays empty while there is room.
const countOneRepeat = `
  UPDATE sessions SET repeats = repeats + 1, repeat_holders = CASE
    WHEN :holder IS NULL OR ${holderAt(3)} <> zeroblob(4)
      OR :holder IN (${[0, 1, 2].map(holderAt).join(', ')}) THEN repeat_holders
    ELSE CAST(:holder || substr(repeat_holders, 1, 12) AS BLOB) END
  WHERE id = :id AND generation = :expectedGeneration AND ${isLive}`

const countOnePeek = `
  UPDATE sessions SET peeks = peeks + 1 WHERE id = :id AND generation = :expectedGeneration AND ${isLive}`

const endOne = `
  UPDATE sessions SET revoked_at = :now, revoked_reason = :reason WHERE id = :id AND revoked_at IS NULL`

const endOfUser = `
  UPDATE sessions SET revoked_at = :now, revoked_reason = :reason
  WHERE user = (SELECT number FROM users WHERE id = :userId) AND revoked_at IS NULL AND id IS NOT :except
  RETURNING id`

// There is no index for this: it would cost every session its bytes for the sake of a change that is made once a year.
const endOfClient = `
  UPDATE sessions SET revoked_at = :now, revoked_reason = 'client_removed'
  WHERE revoked_at IS NULL AND terms IN (SELECT number FROM session_terms WHERE client_id = :clientId)
  RETURNING id`

const endOfUserAtClient = `
  UPDATE sessions SET revoked_at = :now, revoked_reason = 'consent_withdrawn'
  WHERE user = (SELECT number FROM users WHERE id = :userId) AND revoked_at IS NULL
    AND terms IN (SELECT number FROM session_terms WHERE client_id = :clientId)
  RETURNING id`

const liveAfter = `SELECT id FROM sessions WHERE id > :after AND ${isLive} ORDER BY id LIMIT :limit`

const listOfUser = `
  SELECT ${sessionColumns} FROM sessions JOIN users ON users.number = sessions.user
  WHERE users.id = :userId AND ${isLive} ORDER BY last_used_at DESC, sessions.number DESC`

// Reads the whole table: an index on the last use would have to be written by every refresh.
const listAll = `
  SELECT ${sessionColumns} FROM sessions JOIN users ON users.number = sessions.user
  WHERE ${isLive} ORDER BY last_used_at DESC, sessions.number DESC LIMIT :limit`

// Whatever else ended them, the absolute expiry of all of these has passed, so its index finds them without a scan.
const removeEnded = `
  DELETE FROM sessions WHERE number IN (
    SELECT number FROM sessions WHERE absolute_expires_at <= :endedBefore ORDER BY absolute_expires_at LIMIT :limit
  )`

/** Ends all of a user's sessions but one, inside a transaction. */
export function endSessionsOfUser(
  database: Database,
  ending: {
    readonly userId: string
    readonly except: string | undefined
    readonly now: number
    readonly reason: string
  },
): readonly string[] {
  const { userId, except, now, reason } = ending
  const keep = except === undefined ? undefined : idBytes(except, sessionIdBytes)
  return database.all(endOfUser, { userId, now, reason, except: keep ?? null }).map((row) => id(row, 'id'))
}

/** Ends all sessions of a client, inside a transaction. */
export function endSessionsOfClient(database: Database, clientId: string, now: number): readonly string[] {
  return database.all(endOfClient, { clientId, now }).map((row) => id(row, 'id'))
}

/** Ends all sessions that a client has of a user, inside a transaction. */
export function endSessionsOfUserAtClient(
  database: Database,
  ending: { readonly userId: string; readonly clientId: string; readonly now: number },
): readonly string[] {
  return database.all(endOfUserAtClient, ending).map((row) => id(row, 'id'))
}

function insertedValues(session: SessionRecord, user: number, terms: number): Values {
  return {
    id: writtenIdBytes(session.id, sessionIdBytes),
    user,
    terms,
    generation: generationBytes(session.generation),
    tokenHash: session.tokenHash,
    refreshKeyId: writtenIdBytes(session.refreshKeyId, keyIdBytes),
    seed: session.seed,
    recent: session.recent,
    createdAt: session.createdAt,
    authenticatedAt: session.authenticatedAt ?? null,
    lastUsedAt: session.lastUsedAt,
    idleExpiresAt: session.idleExpiresAt,
    absoluteExpiresAt: session.absoluteExpiresAt,
    repeats: session.repeats,
    repeatHolders: session.repeatHolders,
    peeks: session.peeks,
    revokedAt: session.revokedAt,
    revokedReason: session.revokedReason,
    binding: session.binding,
    usedAddress: session.lastUsedFrom.address,
    usedUserAgent: session.lastUsedFrom.userAgent,
    openedAddress: session.openedFrom.address,
    openedUserAgent: session.openedFrom.userAgent,
  }
}

/** Sessions in SQLite. */
export function sqliteSessions(
  database: Database,
  parts: {
    readonly commits: GroupCommit
    readonly terms: TermsTable
    readonly writeRevocations: SqliteRevocations['writeRevocations']
  },
  { clock }: SqliteStorageOptions,
): SessionStore {
  const { commits, terms, writeRevocations } = parts
  const record = (row: Row): SessionRecord =>
    sessionRecord(row, terms.termsOf(integer(row, 'terms')), generation(row, 'generation'))

  return {
    async readSession(sessionId) {
      const bytesOfId = idBytes(sessionId, sessionIdBytes)
      const row = bytesOfId && database.get(readOne, { id: bytesOfId })
      return { now: clock(), session: row && record(row), user: row && userRecord(row) }
    },

    async openSession(session, event, ticket) {
      return database.transaction(() => {
        // The write lock that this transaction holds keeps the user from being disabled and the client from being removed.
        const user = database.get('SELECT number, disabled_at FROM users WHERE id = :id', { id: session.userId })
        if (user?.['disabled_at'] !== null) return 'user_disabled'
        const registered = database.get('SELECT 1 FROM clients WHERE id = :id', { id: session.clientId })
        if (!isUnstoredClient(session.clientId) && registered === undefined) return 'client_removed'
        if (ticket !== undefined && !spendTicket(database, ticket, session)) return 'ticket_spent'
        database.run(insert, insertedValues(session, integer(user, 'number'), terms.numberOf(session)))
        writeEvent(database, event)
        return 'opened'
      })
    },

    async moveSession(moved) {
      const values = {
        id: writtenIdBytes(moved.id, sessionIdBytes),
        expectedGeneration: generationBytes(moved.expectedGeneration),
        now: moved.now,
        generation: generationBytes(moved.generation),
        tokenHash: moved.tokenHash,
        refreshKeyId: writtenIdBytes(moved.refreshKeyId, keyIdBytes),
        recent: moved.recent,
        idleExpiresAt: moved.idleExpiresAt,
        usedAddress: moved.usedFrom.address,
        usedUserAgent: moved.usedFrom.userAgent,
      }
      const document = moved.event && eventDocument(moved.event)
      return commits.submit(() => {
        if (database.run(move, values) === 0) return false
        if (moved.lostSince !== undefined) noteLostWrites(database, moved.lostSince, moved.now)
        if (document !== undefined) writeDocument(database, document)
        return true
      })
    },

    async countRepeat(repeat) {
      const values = {
        id: writtenIdBytes(repeat.id, sessionIdBytes),
        expectedGeneration: generationBytes(repeat.expectedGeneration),
        now: repeat.now,
        holder: repeat.holder ?? null,
      }
      const document = repeat.event && eventDocument(repeat.event)
      return commits.submit(() => {
        if (database.run(countOneRepeat, values) === 0) return false
        if (document !== undefined) writeDocument(database, document)
        return true
      })
    },

    async countPeek(peek) {
      const values = {
        id: writtenIdBytes(peek.id, sessionIdBytes),
        expectedGeneration: generationBytes(peek.expectedGeneration),
        now: peek.now,
      }
      const document = peek.event && eventDocument(peek.event)
      return commits.submit(() => {
        if (database.run(countOnePeek, values) === 0) return false
        if (document !== undefined) writeDocument(database, document)
        return true
      })
    },

    async endSession({ id: sessionId, now, reason, event }) {
      const bytesOfId = idBytes(sessionId, sessionIdBytes)
      if (bytesOfId === undefined) return false
      return database.transaction(() => {
        if (database.run(endOne, { id: bytesOfId, now, reason }) === 0) return false
        writeRevocations(revokedSessions([sessionId]), now)
        writeEvent(database, event)
        return true
      })
    },

    async endUserSessions({ userId, except, now, reason, event }) {
      return database.transaction(() => {
        const endedSessions = endSessionsOfUser(database, { userId, except, now, reason })
        writeRevocations(revokedSessions(endedSessions), now)
        if (endedSessions.length > 0) writeEvent(database, { ...event, endedSessions })
        return endedSessions
      })
    },

    async endLiveSessions({ after, limit, now, reason, event }) {
      const from = after === '' ? new Uint8Array() : writtenIdBytes(after, sessionIdBytes)
      return database.transaction(() => {
        const endedSessions = database.all(liveAfter, { after: from, limit, now }).map((row) => {
          const sessionId = bytes(row, 'id')
          database.run(endOne, { id: sessionId, now, reason })
          return id(row, 'id')
        })
        writeRevocations(revokedSessions(endedSessions), now)
        if (endedSessions.length > 0) writeEvent(database, { ...event, endedSessions })
        return endedSessions
      })
    },

    async listUserSessions(userId) {
      const now = clock()
      return { now, sessions: database.all(listOfUser, { userId, now }).map(record) }
    },

    async listSessions(limit) {
      const now = clock()
      return { now, sessions: database.all(listAll, { limit, now }).map(record) }
    },

    async removeEndedSessions(endedBefore, limit) {
      return database.transaction(() => database.run(removeEnded, { endedBefore, limit }))
    },
  }
}
