import type { RevocationEntry } from '@pawl/protocol'
import type { EventStore } from '../../src/security-events/event-store.ts'
import { emptyState } from '../../src/storage/memory/state.ts'
import type { Storage } from '../../src/storage/store-ports.ts'
import type { SessionRecord } from '../../src/tokens/session.ts'
import type { SessionStore } from '../../src/tokens/session-store.ts'
import type { UserRecord } from '../../src/users/user.ts'
import type { Heart } from './heart.ts'
import type { Scheduler } from './scheduler.ts'

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
  /** The revocation feed; undefined where the engine does not show it. */
  readonly revocations: () => readonly RevocationEntry[] | undefined
  /** Remembers what it holds; gives the way back. Undefined where the engine has no such way. */
  readonly snapshot: (() => () => void) | undefined
}

/** Opens a store that stands in for the engine in memory, given its clock and what counts its work (see the scheduler). */
export type StoreOpener = (clock: () => number, working: Scheduler['working']) => SimulatedStore

/** An engine that keeps what it has somewhere else than in memory: one place for many runs. */
export interface SimulatedEngine {
  readonly name: 'sqlite' | 'postgres'
  /** The store for the next run, whose clock it goes by. */
  readonly openStore: StoreOpener
  readonly close: () => Promise<void>
}

/** A store that holds one session in memory: the real engine, over a state that can be turned back. */
export function storeInMemory(heart: Heart, clock: () => number): SimulatedStore {
  const state = emptyState(clock)
  state.users.set(simulatedUser.id, { user: simulatedUser, usernameKey: simulatedUser.username })
  return {
    ...heart.memorySessions.memorySessions(state),
    ...heart.memoryEvents.memoryEvents(state),
    row: () => state.sessions.values().next().value,
    outbox: () => state.events.map(({ event }) => event.type),
    revocations: () => state.revocations.map(({ entry }) => entry),
    snapshot: () => {
      const { events, lastSequence, lostWrites, feed, revocations } = state
      const lists = { events: [...events], revocations: [...revocations] }
      const [sessions, then] = [[...state.sessions], { ...lists, lastSequence, lostWrites, feed }]
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
  return {
    ...storage,
    row: () => undefined,
    outbox: () => undefined,
    revocations: () => undefined,
    snapshot: undefined,
  }
}
