/** What a ticket stands for: an authorization code, a pushed authorization request, or a device code. */
export type TicketKind = 'code' | 'request' | 'device'

/**
 * Something that is under way between a browser and a client, and whose random handle can be presented once. The handle
 * itself is not kept.
 */
export interface Ticket {
  /** SHA-256 of the handle. */
  readonly hash: Uint8Array
  readonly kind: TicketKind
  readonly clientId: string
  /** The user who granted (or refused) it; null while nobody has. */
  readonly userId: string | null
  /** SHA-256 of the code that a person types; device codes only. */
  readonly userCodeHash: Uint8Array | null
  /** What it is about, as JSON of its kind's own. */
  readonly document: string
  /** Instants are milliseconds since 1970 by the store's clock. */
  readonly createdAt: number
  /** It counts before this instant, and not at it. */
  readonly expiresAt: number
  readonly usedAt: number | null
  /** The session that it opened. */
  readonly sessionId: string | null
  /** When its client last asked about it; device codes only. */
  readonly polledAt: number | null
}

/** A ticket as it stands, with the store's instant of the read. */
export interface TicketReading {
  readonly now: number
  readonly ticket: Ticket | undefined
}

/** Tickets at rest. That one is used once is settled where its use is written: here, or in `openSession`. */
export interface TicketStore {
  /** Adds a ticket. False: `mostLive` of its kind and client count already at its `createdAt`, and nothing was written. */
  addTicket(ticket: Ticket, mostLive: number): Promise<boolean>
  /**
   * Uses up one ticket and adds another in the same transaction. False: the first is unknown, used, or does not count any
   * more at the `createdAt` of the second, and nothing was written.
   */
  exchangeTicket(hash: Uint8Array, ticket: Ticket): Promise<boolean>
  /** Reads a ticket by the digest of its handle, whether it still counts or not. */
  findTicket(hash: Uint8Array): Promise<TicketReading>
  /** Reads a device code by the digest of what a person types. */
  findTicketByUserCode(hash: Uint8Array): Promise<TicketReading>
  /**
   * Writes down who decided about a device code, and what. False: it is unknown, decided already, or does not count any
   * more at `now`.
   */
  decideTicket(decision: {
    readonly hash: Uint8Array
    readonly userId: string
    readonly document: string
    readonly now: number
  }): Promise<boolean>
  /**
   * Notes that a client asks about a device code. True where it last did so at or before `lastBefore`, or never did; the
   * instant is noted either way.
   */
  pollTicket(poll: { readonly hash: Uint8Array; readonly now: number; readonly lastBefore: number }): Promise<boolean>
  /** Deletes at most `limit` tickets whose time was up at or before an instant. Returns how many went. */
  removeEndedTickets(endedBefore: number, limit: number): Promise<number>
}
