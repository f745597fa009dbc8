import type { RefusalReason, UserDocument } from '@pawl/protocol'
import type { TransientFailure } from './transient-failure.ts'

export type { UserDocument } from '@pawl/protocol'

/** Somebody is signed in. */
export interface ActiveSession {
  readonly status: 'active'
  readonly user: UserDocument
  readonly sessionId: string
  /** How many times the session has moved; undefined where the state cookie cannot be read. */
  readonly generation: number | undefined
}

/** There is a session as far as this browser knows, but the server could not be asked. It will be asked again. */
export interface StaleSession {
  readonly status: 'stale'
  /** Who was signed in when the server was last heard; undefined when it was not heard yet. */
  readonly user: UserDocument | undefined
  readonly sessionId: string | undefined
  readonly generation: number | undefined
  readonly cause: TransientFailure
}

/** As {@link StaleSession}, while the device has no network: nothing is asked until it has one again. */
export interface OfflineSession extends Omit<StaleSession, 'status'> {
  readonly status: 'offline'
}

/** Nobody is signed in. */
export interface SignedOutSession {
  readonly status: 'signed-out'
  readonly reason: SignedOutReason
}

/**
 * Why nobody is signed in: a reason from the server's table, or
 * - `not_signed_in`: there was no session when this page first asked
 * - `cookies_gone`: another tab signed out, or the browser's cookies were cleared
 * - `store_emptied`: another tab or process that shares the store signed out, or the store was emptied
 *
 * A server newer than this client may know further reasons.
 */
export type SignedOutReason =
  | RefusalReason
  | 'not_signed_in'
  | 'cookies_gone'
  | 'store_emptied'
  | (string & Record<never, never>)

/** Who is signed in, told apart by `status`. */
export type Session = ActiveSession | StaleSession | OfflineSession | SignedOutSession

/** Told of every change of the session. What it throws is reported as an uncaught error and stops nobody else. */
export type SessionListener = (session: Session) => void
