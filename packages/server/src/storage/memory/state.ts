import type { RefreshKeyRecord, SigningKeyRecord } from '../../keys/key-store.ts'
import type { ClientRecord } from '../../registered-clients/client.ts'
import type { Clock } from '../../secrets/random.ts'
import type { SecurityEvent, StoredSecurityEvent } from '../../security-events/security-event.ts'
import type { SessionRecord } from '../../tokens/session.ts'
import type { UserRecord } from '../../users/user.ts'

/** What the ports of this engine share. */
export interface MemoryState {
  readonly clock: Clock
  readonly builtInClientId: string
  readonly sessions: Map<string, SessionRecord>
  readonly users: Map<string, { readonly user: UserRecord; readonly usernameKey: string }>
  readonly clients: Map<string, ClientRecord>
  readonly signingKeys: Map<string, SigningKeyRecord>
  readonly refreshKeys: Map<string, RefreshKeyRecord>
  /** In the order of writing. */
  events: StoredSecurityEvent[]
  lastSequence: number
  keysVersion: number
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
    openedFrom: { ...session.openedFrom },
    lastUsedFrom: { ...session.lastUsedFrom },
  }
}

/** A copy that shares nothing with the original, so that neither side can change the other's. */
export function detached<Value>(value: Value): Value {
  return structuredClone(value)
}
