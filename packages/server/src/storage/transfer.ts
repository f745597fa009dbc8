import type { Consent } from '../authorizations/consent-store.ts'
import type { RefreshKeyRecord, SigningKeyRecord } from '../keys/key-store.ts'
import type { ClientRecord } from '../registered-clients/client.ts'
import type { AccessLifetime } from '../revocations/until-rule.ts'
import type { LostWrites } from '../tokens/lost-writes-store.ts'
import type { SessionRecord } from '../tokens/session.ts'
import type { UserRecord } from '../users/user.ts'
import type { StoredEntry } from './stored-revocations.ts'

/** A user, and the key that its name is found by. */
export interface CarriedUser extends UserRecord {
  readonly usernameKey: string
}

/** An event that was not delivered yet, as its document. */
export interface CarriedEvent {
  readonly sequence: number
  readonly document: string
}

/** A count of failures. */
export interface CarriedFailure {
  readonly key: string
  readonly count: number
  readonly endsAt: number
}

/** What there is once in a store. */
export interface CarriedStanding extends LostWrites {
  readonly keysVersion: number
  /** The last number that an event was given, delivered ones included; 0 before the first. */
  readonly lastSequence: number
  /** Where the revocation feed stands. */
  readonly epoch: string
  readonly step: number
}

/**
 * Everything that a store holds, by kind, in the order in which it can be written: who is named comes before who names.
 * Tickets stay behind: they count for minutes, and whoever held one begins anew.
 */
export interface CarriedRecords {
  readonly users: CarriedUser
  readonly clients: ClientRecord
  readonly signingKeys: SigningKeyRecord
  readonly refreshKeys: RefreshKeyRecord
  readonly sessions: SessionRecord
  readonly consents: Consent
  readonly events: CarriedEvent
  readonly failures: CarriedFailure
  readonly revocations: StoredEntry
  readonly lifetimes: AccessLifetime
  /** One. */
  readonly standing: CarriedStanding
}

/** A kind of record. */
export type CarriedKind = keyof CarriedRecords

/**
 * Reads everything of one kind, in batches. All engines give it in the same order: users, clients and keys as they were
 * added, sessions by the bytes of their id,
 * consents by user and client, events by their number, failures by the bytes of their key, revocations by their
 * place, lifetimes by their length.
 */
export type TransferReader = {
  readonly [Kind in CarriedKind]: () => AsyncIterable<readonly CarriedRecords[Kind][]>
}

/** Writes batches in the order in which they were read. */
export type TransferWriter = {
  readonly [Kind in CarriedKind]: (batch: readonly CarriedRecords[Kind][]) => Promise<void>
}

/** Whether a store is still the one in use. */
export type Departure =
  | { readonly kind: 'here' }
  | {
      readonly kind: 'departed'
      /** Of the move that carried everything away. */
      readonly id: string
      /** Where to, for people; no password. */
      readonly destination: string
      /** When, in milliseconds since 1970 by this store's clock. */
      readonly at: number
    }

/** What a store that everything can be carried away from offers beside its ports. It need not be open for that. */
export interface TransferSource {
  /**
   * What has become of the store; changes nothing.
   *
   * @throws StorageUnavailable when there is none
   */
  departure(): Promise<Departure>
  /**
   * Writes down that a move begins, so that what it leaves behind when it is cut off is known to be its own.
   *
   * @param id drawn for this move
   * @returns the id of this move, which is that of an earlier one that never came to its end
   */
  begin(id: string): Promise<string>
  /**
   * Holds every writer off while `work` reads everything as it stands, and then marks the store as departed; all in one
   * transaction, of which nothing stays when `work` throws. From the mark on the store refuses to be read, written or
   * opened, whichever process tries it.
   */
  depart<Result>(
    move: { readonly id: string; readonly destination: string },
    work: (reader: TransferReader) => Promise<Result>,
  ): Promise<Result>
  /** Takes the mark back: the store is in use again, as it was. */
  comeBack(): Promise<Departure>
}

/** What a store holds that everything is to be carried into. */
export type Arrival =
  | { readonly kind: 'empty' }
  /** Everything is there, and nobody may use it yet: whether the source has departed is not known here. */
  | { readonly kind: 'unfinished'; readonly id: string }
  | { readonly kind: 'finished'; readonly id: string; readonly at: number }
  /** It holds an installation of its own. */
  | { readonly kind: 'in_use' }

/** What a store that everything can be carried into offers beside its ports. */
export interface TransferTarget {
  /**
   * Connects and brings the schema up to date.
   *
   * @throws StorageUnavailable
   */
  open(): Promise<void>
  arrival(): Promise<Arrival>
  /**
   * Takes everything in, in one transaction that keeps everybody else out, and leaves it unfinished: no node opens such a
   * store. What an unfinished move of the same id left is replaced.
   *
   * @param work writes, and reads back what was written
   * @throws what `work` throws, with nothing changed; StorageUnavailable also where the end of it is not known
   */
  receive<Result>(
    id: string,
    work: (writer: TransferWriter, reader: TransferReader) => Promise<Result>,
  ): Promise<Result>
  /** Opens the store to its nodes. */
  finish(id: string): Promise<void>
  close(): Promise<void>
}

/** How engines take part in a move. */
export interface TransferPort {
  /** Makes the part of an engine that can be left. */
  transferSource(): TransferSource
  /** Makes the part of an engine that can be moved into. */
  transferTarget(): TransferTarget
}
