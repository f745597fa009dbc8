import type { RevocationEntry, RevocationKind, RevocationPosition } from '@pawl/protocol'
import type { SecurityEvent } from '../security-events/security-event.ts'
import type { AccessLifetime } from './until-rule.ts'

/**
 * Most entries of one step, so that no event of the feed is larger than its readers take. A change that ends more than
 * so many sessions takes several steps at once.
 */
export const largestStep = 1_000

/** What one step of the sequence brought: all that a change ended, or a part of it where that was very much. */
export interface RevocationStep {
  readonly sequence: number
  /** Without those that have expired; perhaps none. */
  readonly entries: readonly RevocationEntry[]
}

/** What a look at the feed shows. */
export interface RevocationReading {
  /** The newest step. */
  readonly position: RevocationPosition
  /** The store's instant of the look, in milliseconds since 1970. */
  readonly now: number
  /** The oldest steps behind the one asked for that are still there, in order; never half a step. */
  readonly steps: readonly RevocationStep[]
}

/** Where an entry stands in the feed. */
export interface EntryPlace {
  readonly sequence: number
  readonly place: number
}

/** A part of all that is in the feed. */
export interface RevocationPage {
  readonly position: RevocationPosition
  /** Those that have not expired. */
  readonly entries: readonly RevocationEntry[]
  /** The last entry that was looked at, where more may follow; undefined: this is all. */
  readonly next: EntryPlace | undefined
}

/** Something that ended, on its way into the feed. */
export interface Revocation {
  readonly kind: RevocationKind
  readonly id: string
}

/**
 * The revocation feed at rest. Entries are written by the changes that they tell of, in their transactions: every end of
 * a session (`session`), a killed signing key (`key`), a disabled user (`user`), a removed client (`client`), roles that
 * are to count at once (`claims`).
 *
 * Each such transaction takes the next step of the sequence, or several where it ends very much, by updating the one row
 * that holds it: the last lock it takes, after those of user, client and sessions. So commits have the order of the
 * sequence, and whoever has read step n has missed none before it. Nothing but an end takes that lock.
 */
export interface RevocationStore {
  /**
   * Reads the newest position, and the steps after `sequence`: as many as make some thousand entries, at least two where
   * there are two. Steps whose entries were removed after their expiry are missing among them.
   */
  readRevocationSteps(sequence: number): Promise<RevocationReading>
  /** Reads at most `limit` entries of the steps up to `upTo`, after a place (undefined: from the beginning). */
  readRevocationPage(page: {
    readonly after: EntryPlace | undefined
    readonly upTo: number
    readonly limit: number
  }): Promise<RevocationPage>
  /** The instant up to which the claims in a user's tokens are out of date, by the entries of kind `claims` that stand. */
  claimsChangedAt(userId: string): Promise<number | undefined>
  /** Writes an entry that belongs to no change of another row; with its event, where it is worth one. */
  addRevocation(revocation: Revocation & { readonly now: number; readonly event?: SecurityEvent }): Promise<void>
  /**
   * Begins a new epoch, because the store was put back to an earlier state: whoever read in the one before begins anew.
   *
   * @param epoch random, 1 to 20 base64url characters
   */
  startRevocationEpoch(epoch: string): Promise<void>
  /** Notes how long access tokens live that are issued from now on. Entries last as long as the longest that counts. */
  declareAccessLifetime(lifetime: AccessLifetime): Promise<void>
  /** Deletes at most `limit` entries that have expired at the store's instant. Returns how many went. */
  removeEndedRevocations(limit: number): Promise<number>
  /**
   * Calls `changed` whenever the feed may have grown: at once after a commit of this process, and for those of others as
   * soon as the engine hears of it. It may be called for nothing. Never throws.
   *
   * @returns ends it
   */
  watchRevocations(changed: () => void): () => void
}
