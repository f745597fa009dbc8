import type { EventStore } from '../../src/security-events/event-store.ts'
import type { MemoryState } from '../../src/storage/memory/state.ts'
import type { Storage } from '../../src/storage/store-ports.ts'
import type { SessionRecord } from '../../src/tokens/session.ts'
import type { SessionStore } from '../../src/tokens/session-store.ts'
import type { UserRecord } from '../../src/users/user.ts'
import type { Heart } from './heart.ts'

/** The user who signs in. */
export const simulatedUser: UserRecord = {
  id: 'usr_a',
  username: 'a',
  passwordHash: 'x',
  roles: [],
  createdAt: 0,
  disabledAt: null,
}

/** The store of a run, with what only the simulation may do to it. */
export interface SimulatedStore extends SessionStore, Pick<EventStore, 'appendEvent'> {
  /** The row as it stands; undefined where the engine does not show it. */
  readonly row: () => SessionRecord | undefined
  /** Types of the events in the outbox, oldest first. */
  readonly outbox: () => readonly string[] | undefined
  /** Remembers what it holds; gives the way back. Undefined where the engine has no such way. */
  readonly snapshot: (() => () => void) | undefined
}

/** A store that holds one session in memory: the real engine, over a state that can be turned back. */
export function storeInMemory(heart: Heart, clock: () => number): SimulatedStore {
  const state: MemoryState = {
    clock,
    sessions: new Map(),
    users: new Map([[simulatedUser.id, { user: simulatedUser, usernameKey: simulatedUser.username }]]),
    clients: new Map(),
    signingKeys: new Map(),
    refreshKeys: new Map(),
    failures: new Map(),
    events: [],
    lastSequence: 0,
    keysVersion: 0,
    lostWrites: { sessions: 0, noticedAt: null, intactUntil: null, settledAt: null },
  }
  return {
    ...heart.memorySessions.memorySessions(state),
    ...heart.memoryEvents.memoryEvents(state),
    row: () => state.sessions.values().next().value,
    outbox: () => state.events.map(({ event }) => event.type),
    snapshot: () => {
      const { events, lastSequence, lostWrites } = state
      const [sessions, then] = [[...state.sessions], { events: [...events], lastSequence, lostWrites }]
      return () => {
        state.sessions.clear()
        for (const [id, session] of sessions) state.sessions.set(id, session)
        Object.assign(state, then)
      }
    },
  }
}

/** An engine that is there already, with the user in it. */
export function storeOnEngine(storage: Storage): SimulatedStore {
  return { ...storage, row: () => undefined, outbox: () => undefined, snapshot: undefined }
}
