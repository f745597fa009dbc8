import type { AccessTokenClaims, RefusalReason, SessionEndReason } from '@pawl/protocol'
import type { RefreshKeyListing, SigningKeyListing } from './keys/key-ring.ts'
import type { ResealReport } from './keys/reseal-keys.ts'
import type { KillOutcome, PublishedKey } from './keys/signing-keys.ts'
import type { MoveOutcome } from './move/move-store.ts'
import type { ClientRegistration } from './registered-clients/client-registration.ts'
import type { AddSecretOutcome, RegisterOutcome, Registration } from './registered-clients/registrations.ts'
import type { RestoreOutcome, RestoreRequest } from './restore/restore.ts'
import type { BackupOutcome, BackupTarget } from './storage/backup.ts'
import type { Storage } from './storage/store-ports.ts'
import type { Departure } from './storage/transfer.ts'
import type { LostWrites } from './tokens/lost-writes-store.ts'
import type { SessionRecord } from './tokens/session.ts'
import type { AddUserOutcome, SetPasswordOutcome, SetRolesOutcome } from './users/accounts.ts'
import type { UserRecord } from './users/user.ts'

/** A user as operators see him: everything but the password hash. */
export type UserListing = Omit<UserRecord, 'passwordHash'>

/** A client as operators see it: everything but the hashes of its secrets. */
export type ClientListing = Registration

/** A session as operators see it: no seed, no hash, no attempt ids. Instants are milliseconds since 1970. */
export type SessionListing = Pick<
  SessionRecord,
  | 'id'
  | 'userId'
  | 'clientId'
  | 'scope'
  | 'resources'
  | 'generation'
  | 'createdAt'
  | 'lastUsedAt'
  | 'idleExpiresAt'
  | 'absoluteExpiresAt'
  | 'delivery'
  | 'lastUsedFrom'
  | 'repeats'
  | 'peeks'
  | 'revokedAt'
  | 'revokedReason'
> & {
  /** How many others than the holder that advanced fetched the current generation again; 4 stands for four or more. */
  readonly repeatHolders: number
  /** When it ends if nothing uses it before: min(last use + idle, sign-in + absolute). */
  readonly endsAt: number
  /** Which of the two that is. */
  readonly endsBy: 'idle' | 'absolute'
}

/** Outcome of listing sessions. */
export type ListSessionsOutcome =
  | {
      readonly outcome: 'listed'
      /** The store's instant in milliseconds. */
      readonly now: number
      /** Neither revoked nor expired, newest use first. */
      readonly sessions: readonly SessionListing[]
    }
  | { readonly outcome: 'unknown_user' }

/** What a token is and how it stands at this server. Holds no secret part. */
export type TokenInspection =
  | {
      readonly kind: 'refresh_token'
      /** Refresh key that it says it was made with. */
      readonly keyId: string
      readonly sessionId: string
      readonly generation: number
      /**
       * `current`: the session's live token; `superseded`: an earlier one; `ahead`: issued by this server before its store
       * lost writes; `not_genuine`: never issued; `key_not_loaded`: cannot be told without a secret that is not here.
       */
      readonly standing: 'current' | 'superseded' | 'ahead' | 'not_genuine' | 'key_not_loaded'
      /** Present when the token is genuine. */
      readonly session?: SessionListing
      /** Why the session has ended, or null while it lives; absent without a session. */
      readonly ended?: SessionEndReason | 'idle_expired' | 'absolute_expired' | 'user_disabled' | null
    }
  | {
      readonly kind: 'access_token'
      readonly header: Readonly<Record<string, unknown>>
      /** As the token says; not to be trusted unless `verdict` is `active`. */
      readonly claims: Readonly<Record<string, unknown>> | AccessTokenClaims
      /** `active`, or why it is refused. */
      readonly verdict: 'active' | RefusalReason
    }
  /** No token of this server's forms. */
  | { readonly kind: 'unknown' }

/** How the store is. */
export interface StorageCheck {
  /** `sqlite`, `memory`, … */
  readonly engine: string
  /** The store's instant in milliseconds. */
  readonly now: number
  /** What an integrity check found; empty where all is well. */
  readonly problems: readonly string[]
  /** How the engine is set up. */
  readonly facts: readonly string[]
  /** What had better be set up otherwise, with what it may cost. */
  readonly warnings: readonly string[]
  /** What sessions have shown of the store being put back to an earlier state; undefined where it is damaged. */
  readonly lostWrites: LostWrites | undefined
}

/**
 * What operators do, apart from serving requests. Works while a server runs on the same store. Every call opens the
 * store when it is not open yet and brings its schema up to date; none needs `ready()`, so that a server that cannot
 * start can be mended. Refusals are values; a store that fails throws.
 */
export interface Administration {
  /** Opens the store and applies what its schema lacks. */
  readonly migrate: () => Promise<{ readonly engine: string }>
  readonly addUser: (user: {
    readonly username: string
    readonly password: string
    readonly roles: readonly string[]
  }) => Promise<AddUserOutcome>
  readonly listUsers: () => Promise<readonly UserListing[]>
  /** Disables a user and ends all his sessions. */
  readonly disableUser: (username: string) => Promise<'disabled' | 'unknown_user' | 'already_disabled'>
  /**
   * Replaces the roles of a user.
   *
   * @param options.applyNow whether access tokens that say otherwise are refused at once (`claims_stale`: clients refresh
   *   and go on); default: they speak of the old roles until they expire
   */
  readonly setRoles: (
    username: string,
    roles: readonly string[],
    options?: { readonly applyNow?: boolean },
  ) => Promise<SetRolesOutcome>
  /**
   * To be called after what the claims hook says of a user has changed: access tokens of before are refused at once
   * (`claims_stale`), and clients refresh and go on.
   *
   * @param userId `sub` of his tokens
   */
  readonly claimsChanged: (userId: string) => Promise<'told' | 'unknown_user'>
  /** Sets a password and ends all sessions of the user. */
  readonly setPassword: (username: string, password: string) => Promise<SetPasswordOutcome>
  readonly addClient: (registration: ClientRegistration) => Promise<RegisterOutcome>
  readonly listClients: () => Promise<readonly ClientListing[]>
  /**
   * Gives a client that has one secret a second one. Both count until one is removed, so that a client can change over
   * without a moment in which it has the wrong one.
   *
   * @param secret 22 to 512 random characters; made when absent
   */
  readonly addClientSecret: (id: string, secret?: string) => Promise<AddSecretOutcome>
  /** Takes one of its two secrets from a client. False: there is no client of that id that has two. */
  readonly removeClientSecret: (id: string, which: 'newer' | 'older') => Promise<boolean>
  /** Removes a client and ends its sessions. False: there is none of that id. */
  readonly removeClient: (id: string) => Promise<boolean>
  /** Live sessions, of one user or of everyone, at most `limit`. */
  readonly listSessions: (query: { readonly username?: string; readonly limit: number }) => Promise<ListSessionsOutcome>
  /** Ends one session with the reason `revoked_by_admin`. */
  readonly revokeSession: (id: string) => Promise<'revoked' | 'unknown_session' | 'already_ended'>
  /** Ends all sessions of a user with the reason `revoked_by_admin`. */
  readonly revokeUserSessions: (
    username: string,
  ) => Promise<
    { readonly outcome: 'revoked'; readonly sessionIds: readonly string[] } | { readonly outcome: 'unknown_user' }
  >
  readonly listKeys: () => Promise<{
    readonly signingKeys: readonly SigningKeyListing[]
    readonly refreshKeys: readonly RefreshKeyListing[]
  }>
  /** Publishes a new signing key now; it signs after the time ahead. */
  readonly rotateKey: () => Promise<PublishedKey>
  /** Takes a signing key out at once: every access token it signed is refused from now on; refresh tokens still work. */
  readonly killKey: (kid: string) => Promise<KillOutcome>
  /** Seals every signing key under the newest secret, and tells what is left under each older one. */
  readonly resealKeys: () => Promise<ResealReport>
  /** Says what a refresh or access token is and how it stands. Changes nothing, and no theft is concluded from it. */
  readonly inspectToken: (token: string) => Promise<TokenInspection>
  /** Deals with a store that was put back to an earlier state; may be called again, and while servers run. */
  readonly restore: (request: RestoreRequest) => Promise<RestoreOutcome>
  /**
   * Copies the store into a file, as of one instant, while others go on writing, and without opening it here.
   * `not_here`: the engine leaves backups to tools of its own.
   */
  readonly backUp: (
    target: BackupTarget,
  ) => Promise<BackupOutcome | { readonly outcome: 'not_here'; readonly engine: string }>
  /**
   * Carries everything into another store, which must be empty, and closes this one; see docs/move-to-postgresql.md.
   * `impossible`: this engine cannot be left, or that one cannot be moved into.
   *
   * @param move.to an engine that is not open
   * @param move.destination where that is, for people; no password
   */
  readonly move: (move: {
    readonly to: Storage
    readonly destination: string
  }) => Promise<MoveOutcome | { readonly outcome: 'impossible'; readonly engine: string }>
  /** Takes a move back: this store is in use again, as it was then. `here`: it was not moved. */
  readonly undoMove: () => Promise<Departure | { readonly kind: 'impossible'; readonly engine: string }>
  /** Asks the engine to check the integrity of what it holds. */
  readonly checkStorage: () => Promise<StorageCheck>
}
