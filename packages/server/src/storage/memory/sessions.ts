import type { SessionEndReason } from '@pawl/protocol'
import { isUnstoredClient } from '../../registered-clients/client.ts'
import type { SessionRecord } from '../../tokens/session.ts'
import type { SessionStore } from '../../tokens/session-store.ts'
import { revokedSessions } from '../stored-revocations.ts'
import { noteLostWrites } from './lost-writes.ts'
import { writeRevocations } from './revocations.ts'
import { detached, detachedSession, type MemoryState, writeEvent } from './state.ts'
import { spendTicket } from './tickets.ts'

/** Neither revoked nor expired at `now`. */
export function isLive(session: SessionRecord, now: number): boolean {
  return session.revokedAt === null && session.idleExpiresAt > now && session.absoluteExpiresAt > now
}

/** Ends those of the sessions that `matches` picks and that are not revoked yet; their ids. */
export function endSessions(
  state: MemoryState,
  matches: (session: SessionRecord) => boolean,
  now: number,
  reason: SessionEndReason,
): readonly string[] {
  const ending = [...state.sessions.values()].filter((session) => session.revokedAt === null && matches(session))
  for (const session of ending) state.sessions.set(session.id, { ...session, revokedAt: now, revokedReason: reason })
  return ending.map((session) => session.id)
}

/** Puts a holder in front of those that are known, if it is new and there is room. */
function withHolder(holders: Uint8Array, holder: Uint8Array | undefined): Uint8Array {
  if (holder === undefined) return holders
  const size = holder.length
  const known = Array.from({ length: holders.length / size }, (_, place) =>
    Buffer.from(holders.subarray(place * size, (place + 1) * size)),
  )
  const full = known.at(-1)?.some((byte) => byte !== 0) === true
  return full || known.some((one) => one.equals(holder))
    ? holders
    : new Uint8Array(Buffer.concat([holder, ...known.slice(0, -1)]))
}

/** Sessions in memory. No function awaits between its check and its write: that makes each of them atomic. */
export function memorySessions(state: MemoryState): SessionStore {
  function writable(id: string, expectedGeneration: number, now: number): SessionRecord | undefined {
    const session = state.sessions.get(id)
    return session?.generation === expectedGeneration && isLive(session, now) ? session : undefined
  }

  function liveSessions(matches: (session: SessionRecord) => boolean, limit: number) {
    const now = state.clock()
    const sessions = [...state.sessions.values()]
      .filter((session) => isLive(session, now) && matches(session))
      .reverse()
      .sort((left, right) => right.lastUsedAt - left.lastUsedAt)
      .slice(0, limit)
    return { now, sessions: sessions.map(detachedSession) }
  }

  return {
    async readSession(id) {
      const session = state.sessions.get(id)
      const user = session && state.users.get(session.userId)?.user
      return { now: state.clock(), session: session && detachedSession(session), user: detached(user) }
    },

    async openSession(session, event, ticket) {
      if (state.users.get(session.userId)?.user.disabledAt !== null) return 'user_disabled'
      if (!isUnstoredClient(session.clientId) && !state.clients.has(session.clientId)) return 'client_removed'
      if (state.sessions.has(session.id)) throw new Error('session id is in use')
      if (ticket !== undefined && !spendTicket(state, ticket, session)) return 'ticket_spent'
      state.sessions.set(session.id, detachedSession(session))
      writeEvent(state, event)
      return 'opened'
    },

    async moveSession(move) {
      const session = writable(move.id, move.expectedGeneration, move.now)
      if (session === undefined || move.generation < session.generation) return false
      const { generation, tokenHash, refreshKeyId, recent, idleExpiresAt } = move
      const counters = { repeats: 0, repeatHolders: new Uint8Array(session.repeatHolders.length), peeks: 0 }
      const moved = { ...session, generation, tokenHash, refreshKeyId, recent, idleExpiresAt, ...counters }
      state.sessions.set(session.id, detachedSession({ ...moved, lastUsedAt: move.now, lastUsedFrom: move.usedFrom }))
      if (move.lostSince !== undefined) noteLostWrites(state, move.lostSince, move.now)
      if (move.event !== undefined) writeEvent(state, move.event)
      return true
    },

    async countRepeat(repeat) {
      const session = writable(repeat.id, repeat.expectedGeneration, repeat.now)
      if (session === undefined) return false
      const counted = { ...session, repeats: session.repeats + 1 }
      const repeatHolders = withHolder(session.repeatHolders, repeat.holder)
      state.sessions.set(session.id, { ...counted, repeatHolders })
      if (repeat.event !== undefined) writeEvent(state, repeat.event)
      return true
    },

    async countPeek(peek) {
      const session = writable(peek.id, peek.expectedGeneration, peek.now)
      if (session === undefined) return false
      state.sessions.set(session.id, { ...session, peeks: session.peeks + 1 })
      if (peek.event !== undefined) writeEvent(state, peek.event)
      return true
    },

    async endSession(ending) {
      const session = state.sessions.get(ending.id)
      if (session === undefined || session.revokedAt !== null) return false
      state.sessions.set(session.id, { ...session, revokedAt: ending.now, revokedReason: ending.reason })
      writeEvent(state, ending.event)
      writeRevocations(state, revokedSessions([session.id]), ending.now)
      return true
    },

    async endUserSessions(ending) {
      const ended = endSessions(
        state,
        (session) => session.userId === ending.userId && session.id !== ending.except,
        ending.now,
        ending.reason,
      )
      writeRevocations(state, revokedSessions(ended), ending.now)
      if (ended.length > 0) writeEvent(state, { ...ending.event, endedSessions: ended })
      return ended
    },

    async endLiveSessions({ after, limit, now, reason, event }) {
      const ids = [...state.sessions.values()]
        .filter((session) => session.id > after && isLive(session, now))
        .map((session) => session.id)
        .sort((left, right) => (left < right ? -1 : 1))
        .slice(0, limit)
      const batch = new Set(ids)
      endSessions(state, (session) => batch.has(session.id), now, reason)
      writeRevocations(state, revokedSessions(ids), now)
      if (ids.length > 0) writeEvent(state, { ...event, endedSessions: ids })
      return ids
    },

    async listUserSessions(userId) {
      return liveSessions((session) => session.userId === userId, Number.POSITIVE_INFINITY)
    },

    async listSessions(limit) {
      return liveSessions(() => true, limit)
    },

    async removeEndedSessions(endedBefore, limit) {
      const removable = [...state.sessions.values()]
        .filter((session) => session.absoluteExpiresAt <= endedBefore)
        .sort((left, right) => left.absoluteExpiresAt - right.absoluteExpiresAt)
        .slice(0, limit)
      for (const session of removable) state.sessions.delete(session.id)
      return removable.length
    },
  }
}
