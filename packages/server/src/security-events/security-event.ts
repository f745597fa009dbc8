import type { SessionEndReason } from '@pawl/protocol'

/**
 * Everything worth an audit line. A plain advance, a repeat and a peek are not here: the session row is their record
 * (design: a refresh writes one row and nothing else).
 */
export type SecurityEventType =
  | 'session_opened'
  | 'session_ended'
  | 'session_replayed'
  | 'session_superseded_use'
  | 'session_ahead_use'
  | 'session_rolled_forward'
  | 'session_stranger'
  | 'attempt_id_reused'
  | 'user_added'
  | 'user_disabled'
  | 'user_roles_changed'
  | 'claims_changed'
  | 'password_changed'
  | 'client_added'
  | 'client_removed'
  | 'consent_given'
  | 'consent_withdrawn'
  | 'client_secret_added'
  | 'client_secret_removed'
  | 'signing_key_added'
  | 'signing_key_killed'
  | 'signing_key_resealed'
  | 'signing_key_removed'
  | 'refresh_key_added'
  | 'refresh_key_retired'
  | 'store_restored'

/** Who asked, as the server saw it. */
export interface Device {
  /** Address of the peer, or of the client as a trusted proxy reports it. */
  readonly address: string | null
  /** `User-Agent`, cut to 256 characters. */
  readonly userAgent: string | null
}

/** One thing that happened. Holds no secret, no token and no password. */
export interface SecurityEvent {
  readonly type: SecurityEventType
  /** Milliseconds since 1970, the store's instant of the change. */
  readonly at: number
  /** Who did it: `user`, `client`, `admin` or `server`. */
  readonly actor: 'user' | 'client' | 'admin' | 'server'
  readonly sessionId?: string
  readonly userId?: string
  readonly clientId?: string
  readonly keyId?: string
  readonly reason?: SessionEndReason
  readonly device?: Device
  /** Sessions that a change ended beside its subject; the store fills it in. */
  readonly endedSessions?: readonly string[]
  /** Facts of a theft verdict or of another finding; plain values only. */
  readonly evidence?: Readonly<Record<string, string | number | boolean | null>>
}

/** An event as it stands in the outbox. */
export interface StoredSecurityEvent {
  /** Place in the order of writing; grows. */
  readonly sequence: number
  readonly event: SecurityEvent
}
