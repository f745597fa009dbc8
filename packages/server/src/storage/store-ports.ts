import type { KeyStore } from '../keys/key-store.ts'
import type { ClientStore } from '../registered-clients/client-store.ts'
import type { EventStore } from '../security-events/event-store.ts'
import type { FailureStore } from '../throttling/failure-store.ts'
import type { LostWritesStore } from '../tokens/lost-writes-store.ts'
import type { SessionStore } from '../tokens/session-store.ts'
import type { UserStore } from '../users/user-store.ts'

/** Everything an engine must offer, in one list: it is complete when it has all of these and passes the contract suite. */
export interface Storage
  extends SessionStore,
    LostWritesStore,
    UserStore,
    ClientStore,
    KeyStore,
    EventStore,
    FailureStore {
  /** What it is, for people: `memory`, `sqlite`, … */
  readonly engine: string
  /** Opens the store and brings its schema up to date; safe to call on several nodes at once. */
  open(): Promise<void>
  /** The store's instant in milliseconds since 1970. Throws when the store does not answer. */
  storeNow(): Promise<number>
  /** Asks the engine to check the integrity of what it holds; empty where all is well. */
  findDamage(): Promise<readonly string[]>
  /** Finishes what is under way and lets go of the store. */
  close(): Promise<void>
}
