import type { ConsentStore } from '../authorizations/consent-store.ts'
import type { TicketStore } from '../authorizations/ticket-store.ts'
import type { KeyStore } from '../keys/key-store.ts'
import type { ClientStore } from '../registered-clients/client-store.ts'
import type { RevocationStore } from '../revocations/revocation-store.ts'
import type { EventStore } from '../security-events/event-store.ts'
import type { FailureStore } from '../throttling/failure-store.ts'
import type { LostWritesStore } from '../tokens/lost-writes-store.ts'
import type { SessionStore } from '../tokens/session-store.ts'
import type { UserStore } from '../users/user-store.ts'
import type { BackupPort } from './backup.ts'
import type { TransferPort } from './transfer.ts'

/** What an engine tells an operator about its own set-up. Each line is a sentence without a full stop; no secret, no URL. */
export interface StorageDiagnosis {
  /** How it runs: worth knowing, nothing to be done. */
  readonly facts: readonly string[]
  /** What the operator would rather have otherwise, with what it may cost. */
  readonly warnings: readonly string[]
}

/** Everything an engine must offer, in one list: it is complete when it has all of these and passes the contract suite. */
export interface Storage
  extends SessionStore,
    LostWritesStore,
    UserStore,
    ClientStore,
    KeyStore,
    EventStore,
    FailureStore,
    RevocationStore,
    TicketStore,
    ConsentStore,
    Partial<BackupPort>,
    Partial<TransferPort> {
  /** What it is, for people: `memory`, `sqlite`, … */
  readonly engine: string
  /**
   * That its conditional writes have one order, which every later read sees. Sessions rest on nothing less: a store that
   * cannot promise it would let one refresh token win twice (T34.1), and is refused.
   */
  readonly compareAndSet: 'linearizable'
  /** Opens the store and brings its schema up to date; safe to call on several nodes at once. */
  open(): Promise<void>
  /** The store's instant in milliseconds since 1970. Throws when the store does not answer. */
  storeNow(): Promise<number>
  /** Asks the engine to check the integrity of what it holds; empty where all is well. */
  findDamage(): Promise<readonly string[]>
  /** Looks at how the engine is set up; for `pawl doctor`. Absent where there is nothing to tell. */
  diagnose?(): Promise<StorageDiagnosis>
  /** Finishes what is under way and lets go of the store. */
  close(): Promise<void>
}
