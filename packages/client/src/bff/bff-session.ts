import type { UserDocument } from '@pawl/protocol'
import type { SignedOutReason } from '../session.ts'
import { isRecord, readSessionHolder } from '../token-reply.ts'

/** A session that the application's server holds for a browser. It never leaves that server but sealed. */
export interface LiveBffSession {
  readonly kind: 'live'
  readonly sessionId: string
  readonly user: UserDocument
  /** How it was opened, and so where it is refreshed: by a password, or by an authorization code. */
  readonly openedBy: 'password' | 'code'
  readonly accessToken: string
  readonly refreshToken: string
  /** When the tokens came. Milliseconds since 1970, of this server's clock, like all times here. */
  readonly receivedAt: number
  readonly expiresAt: number
  /** When it had better be renewed; not later than {@link LiveBffSession.expiresAt}. */
  readonly refreshAt: number
  /** When the refresh token dies if it is not used before. */
  readonly endsAt: number
  /** Counts the renewals, so that no older token ever replaces a newer one. */
  readonly version: number
}

/** What remains of a session that the issuer ended, until its browser has been told why. */
export interface EndedBffSession {
  readonly kind: 'ended'
  readonly reason: SignedOutReason
  readonly version: number
  readonly endsAt: number
}

/** A session as it is kept. */
export type BffSession = LiveBffSession | EndedBffSession

/** Reads a session that was sealed earlier, perhaps by another version of this package; undefined when it is none. */
export function readBffSession(value: unknown): BffSession | undefined {
  if (!isRecord(value)) return undefined
  const { kind, version, endsAt } = value
  if (!isCount(version) || !isCount(endsAt)) return undefined
  if (kind === 'ended' && typeof value['reason'] === 'string') {
    return { kind, reason: value['reason'], version, endsAt }
  }
  const { openedBy, accessToken, refreshToken, receivedAt, expiresAt, refreshAt } = value
  const holder = readSessionHolder({ session_id: value['sessionId'], user: value['user'] })
  if (kind !== 'live' || holder === undefined || (openedBy !== 'password' && openedBy !== 'code')) return undefined
  if (typeof accessToken !== 'string' || typeof refreshToken !== 'string') return undefined
  if (!isCount(receivedAt) || !isCount(expiresAt) || !isCount(refreshAt)) return undefined
  return { kind, ...holder, openedBy, accessToken, refreshToken, receivedAt, expiresAt, refreshAt, endsAt, version }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
