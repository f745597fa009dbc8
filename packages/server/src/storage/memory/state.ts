import type { RevocationPosition } from '@pawl/protocol'
import type { Consent } from '../../authorizations/consent-store.ts'
import type { Ticket } from '../../authorizations/ticket-store.ts'
import type { RefreshKeyRecord, SigningKeyRecord } from '../../keys/key-store.ts'
import type { ClientRecord } from '../../registered-clients/client.ts'
import type { Clock } from '../../secrets/random.ts'
import type { SecurityEvent, StoredSecurityEvent } from '../../security-events/security-event.ts'
import type { LostWrites } from '../../tokens/lost-writes-store.ts'
import type { SessionRecord } from '../../tokens/session.ts'
import type { UserRecord } from '../../users/user.ts'
import type { StoredEntry } from '../stored-revocations.ts'

/** What the ports of this engine share. */
export interface MemoryState {
  readonly clock: Clock
  readonly sessions: Map<string, SessionRecord>
  readonly users: Map<string, { readonly user: UserRecord; readonly usernameKey: string }>
  readonly clients: Map<string, ClientRecord>
  readonly signingKeys: Map<string, SigningKeyRecord>
  readonly refreshKeys: Map<string, RefreshKeyRecord>
  readonly failures: Map<string, { readonly count: number; readonly endsAt: number }>
  /** In the order of writing. */
  events: StoredSecurityEvent[]
  lastSequence: number
  keysVersion: number
  lostWrites: LostWrites
  feed: RevocationPosition
  /** In the order of their places. */
  revocations: StoredEntry[]
  /** Until when tokens of so many milliseconds can be under way. */
  readonly accessLifetimes: Map<number, number>
  /** By the hexadecimal digits of their digest. */
  readonly tickets: Map<string, Ticket>
  /** By user and client. */
  readonly consents: Map<string, Consent>
  readonly feedWatchers: Set<() => void>
}

/** A store with nothing in it. */
export function emptyState(clock: Clock): MemoryState {
  return {
    clock,
    sessions: new Map(),
    users: new Map(),
    clients: new Map(),
    signingKeys: new Map(),
    refreshKeys: new Map(),
    failures: new Map(),
    events: [],
    lastSequence: 0,
    keysVersion: 0,
    lostWrites: { sessions: 0, noticedAt: null, intactUntil: null, settledAt: null },
    // Differs from that of another such store before or after it, whose steps are all gone.
    feed: { epoch: clock().toString(36), sequence: 0 },
    revocations: [],
    accessLifetimes: new Map(),
    tickets: new Map(),
    consents: new Map(),
    feedWatchers: new Set(),
  }
}

/** Puts an event at the end of the outbox. */
export function writeEvent(state: MemoryState, event: SecurityEvent): void {
  state.lastSequence += 1
  state.events.push({ sequence: state.lastSequence, event: detached(event) })
}

/** {@link detached} for the row that every refresh reads and writes: `structuredClone` would cost more than the rest. */
export function detachedSession(session: SessionRecord): SessionRecord {
  return {
    ...session,
    scope: [...session.scope],
    resources: [...session.resources],
    amr: [...session.amr],
    tokenHash: new Uint8Array(session.tokenHash),
    seed: new Uint8Array(session.seed),
    recent: new Uint8Array(session.recent),
    repeatHolders: new Uint8Array(session.repeatHolders),
    openedFrom: { ...session.openedFrom },
    lastUsedFrom: { ...session.lastUsedFrom },
  }
}

/** A copy that shares nothing with the original, so that neither side can change the other's. */
export function detached<Value>(value: Value): Value {
  return structuredClone(value)
}
