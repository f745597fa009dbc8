import type { SessionEndReason } from '@pawl/protocol'
import type { Device } from '../security-events/security-event.ts'

/** How the tokens of a session travel: cookies, cookies with the access token in the reply, or both tokens in the body. */
export type Delivery = 'cookie' | 'cookie-memory' | 'body'

/** One sign-in of one user on one client: the family of all its refresh tokens. One row for its whole life. */
export interface SessionRecord {
  /** 128 random bits as 22 base64url characters. */
  readonly id: string
  readonly userId: string
  readonly clientId: string
  /** Granted scope values, in the order granted. */
  readonly scope: readonly string[]
  /** Resources the user agreed to; the first is the default audience. */
  readonly resources: readonly string[]
  /** How many times the session has moved; at most 2^53 - 1. */
  readonly generation: number
  /** SHA-256 of the current refresh token string. */
  readonly tokenHash: Uint8Array
  /** Id of the refresh key that the current token was derived with: 11 base64url characters (8 bytes). */
  readonly refreshKeyId: string
  /** 256 random bits. Never logged, listed or exported. */
  readonly seed: Uint8Array
  /** The last eight rotations, fixed size; see recent-rotations.ts. */
  readonly recent: Uint8Array
  /** Instants are milliseconds since 1970 by the store's clock. */
  readonly createdAt: number
  /** When the user proved who he is, where that was before the session was opened. */
  readonly authenticatedAt?: number
  readonly lastUsedAt: number
  readonly idleExpiresAt: number
  readonly absoluteExpiresAt: number
  /** Thumbprint of the key that its holder must prove (`jkt:…` or `x5t#S256:…`), or null. */
  readonly binding: string | null
  /** How the user proved who he is (RFC 9068 section 2.2.1). */
  readonly acr: string | null
  readonly amr: readonly string[]
  readonly delivery: Delivery
  /** Who signed in, and who used the session last. A repeat never overwrites the latter. */
  readonly openedFrom: Device
  readonly lastUsedFrom: Device
  /** How often the current generation was fetched again. */
  readonly repeats: number
  /** Who fetched it again besides the holder that advanced, fixed size; see repeat-holders.ts. */
  readonly repeatHolders: Uint8Array
  /** How many access tokens were given for the current generation without moving it. */
  readonly peeks: number
  readonly revokedAt: number | null
  readonly revokedReason: SessionEndReason | null
}

/** What a refresh needs to know of the session's user, read with the session's row. */
export interface SessionUser {
  readonly id: string
  readonly username: string
  readonly roles: readonly string[]
  readonly disabledAt: number | null
}

/** The session's own end: whichever of the two limits comes first. */
export function sessionEnd(session: Pick<SessionRecord, 'idleExpiresAt' | 'absoluteExpiresAt'>): number {
  return Math.min(session.idleExpiresAt, session.absoluteExpiresAt)
}

/** Which of the two limits it is: `idle` if the session ends only because nothing uses it before (T32.1). */
export function sessionEndRule(
  session: Pick<SessionRecord, 'idleExpiresAt' | 'absoluteExpiresAt'>,
): 'idle' | 'absolute' {
  return session.idleExpiresAt < session.absoluteExpiresAt ? 'idle' : 'absolute'
}
