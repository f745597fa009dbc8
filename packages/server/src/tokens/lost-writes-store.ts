import type { SecurityEvent } from '../security-events/security-event.ts'

/** What sessions that rolled forward have shown of writes that the store once made and no longer has. */
export interface LostWrites {
  /** Sessions that rolled forward and had not been used since the loss was last settled. */
  readonly sessions: number
  /** When the last of them did, in milliseconds; null while there is none. */
  readonly noticedAt: number | null
  /** The newest last use that the store still knew of any of them: nothing older was lost. Null while there is none. */
  readonly intactUntil: number | null
  /** When an operator last dealt with a loss; null: never. */
  readonly settledAt: number | null
}

/** The store's memory of having lost its memory: it outlives the delivery of events and the end of the process. */
export interface LostWritesStore {
  lostWrites(): Promise<LostWrites>
  /**
   * Notes that a loss was dealt with: sessions that roll forward later without having been used since do not count any
   * more, for it is the same loss that they show.
   */
  settleLostWrites(now: number, event: SecurityEvent): Promise<void>
}
