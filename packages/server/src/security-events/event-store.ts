import type { SecurityEvent, StoredSecurityEvent } from './security-event.ts'

/** The outbox: events wait here until a sink has taken them. They are written by the change they tell of, in its transaction. */
export interface EventStore {
  /** Writes an event that belongs to no change of another row (a refused stranger, say). */
  appendEvent(event: SecurityEvent): Promise<void>
  /**
   * The oldest undelivered events, in order, so that of several nodes only one delivers each: those that another node was
   * given are left to it for 30 seconds by the store's clock, or until it closes. One's own are given again until they
   * are forgotten.
   */
  nextEvents(limit: number): Promise<readonly StoredSecurityEvent[]>
  /** Forgets delivered events. */
  forgetEvents(sequences: readonly number[]): Promise<void>
}
