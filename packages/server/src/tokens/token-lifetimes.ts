import { type SessionRecord, sessionEnd } from './session.ts'

/** Spread over which the refresh hint is jittered: it breaks lock-step (finding F13) and herds at the hour. */
const jitterSeconds = 180

/** Lifetimes a reply tells, in whole seconds from its decision. */
export interface ReplyLifetimes {
  readonly expiresIn: number
  readonly refreshIn: number
  readonly refreshTokenTimeout: number
  readonly authorizationExpiresIn: number
}

/**
 * When an access token minted at `now` expires, in whole seconds since 1970: after its lifetime, but never after its
 * session.
 */
export function accessExpiry(now: number, accessSeconds: number, end: number): number {
  return Math.min(Math.floor(now / 1000) + accessSeconds, Math.floor(end / 1000))
}

/**
 * What a reply tells of its lifetimes (standards RT-13).
 *
 * @param spread a fresh random fraction, 0 inclusive to 1 exclusive
 */
export function replyLifetimes(
  session: Pick<SessionRecord, 'idleExpiresAt' | 'absoluteExpiresAt'>,
  now: number,
  accessSeconds: number,
  spread: number,
): ReplyLifetimes {
  const end = sessionEnd(session)
  const expiresIn = Math.max(0, accessExpiry(now, accessSeconds, end) - Math.floor(now / 1000))
  const latest = expiresIn - Math.min(60, expiresIn / 5)
  const jitter = Math.min(Math.max(jitterSeconds, latest / 5), latest / 2)
  return {
    expiresIn,
    refreshIn: Math.max(0, Math.floor(latest - spread * jitter)),
    refreshTokenTimeout: Math.max(0, Math.floor((end - now) / 1000)),
    authorizationExpiresIn: Math.max(0, Math.floor((session.absoluteExpiresAt - now) / 1000)),
  }
}
