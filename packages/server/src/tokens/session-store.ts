import type { SessionEndReason } from '@pawl/protocol'
import type { Device, SecurityEvent } from '../security-events/security-event.ts'
import type { SessionRecord, SessionUser } from './session.ts'

/** What one read shows: the row, its user, and the store's instant of the read, which is the decision's only clock. */
export interface SessionReading {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly session: SessionRecord | undefined
  readonly user: SessionUser | undefined
}

/** A write that takes a session from one generation to another (or renews it, where both are equal). */
export interface SessionMove {
  readonly id: string
  /** Generation as read; the write happens only while it still stands. */
  readonly expectedGeneration: number
  /** Instant of the decision; the write happens only if the session has not expired at it. */
  readonly now: number
  readonly generation: number
  readonly tokenHash: Uint8Array
  readonly refreshKeyId: string
  readonly recent: Uint8Array
  readonly idleExpiresAt: number
  readonly usedFrom: Device
  /**
   * The last use as read, when the move rolls the session forward: the store has lost what it wrote since. Counted in
   * the same transaction, see lost-writes-store.ts.
   */
  readonly lostSince?: number
  /** Written in the same transaction when the move is more than a plain advance. */
  readonly event?: SecurityEvent
}

/** A write that counts one repeat of the current generation and changes nothing else. */
export interface RepeatCount {
  readonly id: string
  readonly expectedGeneration: number
  readonly now: number
  /** Fingerprint of 4 bytes, not all zero; absent for the holder that advanced. */
  readonly holder?: Uint8Array
  readonly event?: SecurityEvent
}

/** A write that counts one access token given without moving the session, and changes nothing else. */
export interface PeekCount {
  readonly id: string
  readonly expectedGeneration: number
  readonly now: number
  readonly event?: SecurityEvent
}

/** A write that ends one session. */
export interface SessionEnding {
  readonly id: string
  readonly now: number
  readonly reason: SessionEndReason
  readonly event: SecurityEvent
}

/** A ticket that a session is opened on: it is used up in the same transaction, or nothing is written. */
export interface OpeningTicket {
  /** SHA-256 of the ticket's handle. */
  readonly hash: Uint8Array
  /** The user's session at the server's own pages on which the ticket was granted: it must not have been ended since. */
  readonly grantedBy: string
}

/**
 * Sessions at rest. An engine must offer linearizable compare-and-set: every write here is one conditional statement,
 * durable before its promise resolves, and its events commit with it or not at all.
 */
export interface SessionStore {
  /** Reads a session, its user and the clock in one go. */
  readSession(id: string): Promise<SessionReading>
  /**
   * Writes a new session, once its user (locked against being disabled meanwhile) is found enabled and, unless it is the
   * built-in one, its client still registered, and the ticket, where it is opened on one, unused, in its time and not
   * orphaned. Says what it found instead of writing otherwise.
   */
  openSession(
    session: SessionRecord,
    event: SecurityEvent,
    ticket?: OpeningTicket,
  ): Promise<'opened' | 'user_disabled' | 'client_removed' | 'ticket_spent'>
  /**
   * Moves a session if it is still at `expectedGeneration`, not revoked, and neither idle nor absolute expiry is at or
   * before `now`. Sets `lastUsedAt` to `now`, `repeats` and `peeks` to 0 and `repeatHolders` to zeros. False: the
   * condition failed, nothing was written.
   */
  moveSession(move: SessionMove): Promise<boolean>
  /**
   * Adds one to `repeats` under the same condition as {@link moveSession}. A `holder` that is not in `repeatHolders` yet
   * goes in front of those that are, as long as there is room for four; atomically, so that of many at once none is lost.
   */
  countRepeat(repeat: RepeatCount): Promise<boolean>
  /** Adds one to `peeks` under the same condition as {@link moveSession}. */
  countPeek(peek: PeekCount): Promise<boolean>
  /** Ends a session that is not revoked yet. False: unknown or already revoked, nothing was written. */
  endSession(ending: SessionEnding): Promise<boolean>
  /** Ends all of a user's sessions that are not revoked yet, but `except`; one event for all. Returns the ended ids. */
  endUserSessions(ending: {
    readonly userId: string
    readonly except?: string
    readonly now: number
    readonly reason: SessionEndReason
    readonly event: SecurityEvent
  }): Promise<readonly string[]>
  /**
   * Ends at most `limit` live sessions of everyone, going on after the id `after` (empty: from the beginning) in an order
   * of the engine's own; one event for all. Returns the ended ids in that order: fewer than `limit` are the last.
   */
  endLiveSessions(batch: {
    readonly after: string
    readonly limit: number
    readonly now: number
    readonly reason: SessionEndReason
    readonly event: SecurityEvent
  }): Promise<readonly string[]>
  /** A user's sessions that are neither revoked nor expired at the store's instant, newest use first. */
  listUserSessions(userId: string): Promise<{ readonly now: number; readonly sessions: readonly SessionRecord[] }>
  /** Live sessions of everyone, for operators: newest use first, at most `limit`. */
  listSessions(limit: number): Promise<{ readonly now: number; readonly sessions: readonly SessionRecord[] }>
  /**
   * Deletes at most `limit` sessions that ended (by revocation or either expiry) at or before `endedBefore` and whose
   * absolute expiry, too, lies at or before it. Returns how many went.
   */
  removeEndedSessions(endedBefore: number, limit: number): Promise<number>
}
