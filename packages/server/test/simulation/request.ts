import type { Device } from '../../src/security-events/security-event.ts'
import type { Peeked } from '../../src/tokens/peek-session.ts'
import type { Refreshed, RefreshRefused } from '../../src/tokens/refresh-session.ts'
import type { Expectation } from './oracle.ts'

/** The client whose session it is. */
export const clientId = 'first-party'

/** One request to refresh, or to peek, on its way. */
export interface SimulatedRequest {
  readonly kind: 'refresh' | 'peek'
  /** Who sends it. One actor has one request under way. */
  readonly actor: string
  readonly token: string
  readonly attempt: string | undefined
  readonly clientId: string
  readonly device: Device
  /** What is wrong with it, if anything. */
  readonly stranger?: 'forged' | 'other client'
}

/** What the holder gets; `lost` is a broken connection or a 503 without a decision. */
export type Reply = Refreshed | Peeked | RefreshRefused | 'lost'

/** A write, as the store takes it. */
export type WriteKind = 'move' | 'repeat' | 'peek' | 'verdict'

/** What one request has done so far, as the store saw it. */
export interface Course {
  /** Stands in for the attempt id that the server draws for a request without one. */
  readonly drawn: string
  /** By the clock that only moves forward. */
  readonly arrivedAt: number
  reads: number
  lostWrites: number
  readonly writes: WriteKind[]
  /** Types of events that it wrote beside any change. */
  readonly appended: string[]
  /** It was not told of a write that may have been committed. */
  uncertain: boolean
  /** It asked for a refresh key that its node has not loaded. */
  keyMissing: boolean
  /** It saw its own generation current, and lost the write. */
  lostTheWrite: boolean
  /** What was true at its last read. */
  seen: Seen | undefined
}

/** What was true when a request read the session. */
export interface Seen {
  readonly now: number
  /** The request arrived too long ago to be decided now. */
  readonly late: boolean
  readonly presented: number
  readonly generation: number
  readonly ended: string | undefined
  readonly expired: 'idle_expired' | 'absolute_expired' | undefined
  readonly expected: Expectation
  /** How long ago the presented generation was superseded, as far as the row can show it. */
  readonly age: number | undefined
  readonly attemptReused: boolean
  /** Who used the session last, and when. */
  readonly holder: Device
  readonly usedAt: number
  readonly repeats: number
  readonly repeatHolders: number
  readonly peeks: number
  /** The store had lost writes before. */
  readonly rolledBack: boolean
}

/** A request that has done nothing yet. */
export function newCourse(drawn: string, arrivedAt: number): Course {
  return {
    drawn,
    arrivedAt,
    reads: 0,
    lostWrites: 0,
    writes: [],
    appended: [],
    uncertain: false,
    keyMissing: false,
    lostTheWrite: false,
    seen: undefined,
  }
}
