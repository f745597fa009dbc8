import type { Refusal } from '@pawl/protocol'
import { digestSecret } from '../secrets/secret-digest.ts'
import type { Device } from '../security-events/security-event.ts'
import { mintAccessToken } from './access-token.ts'
import { noRotations } from './recent-rotations.ts'
import {
  type PrepareTokens,
  type Refreshed,
  type RefreshRefused,
  randomFraction,
  type TokenDependencies,
} from './refresh-session.ts'
import { issueRefreshToken } from './refresh-token.ts'
import { noRepeatHolders } from './repeat-holders.ts'
import { type Delivery, type SessionRecord, type SessionUser, sessionEnd } from './session.ts'
import type { OpeningTicket } from './session-store.ts'
import { accessExpiry, replyLifetimes } from './token-lifetimes.ts'

/** One sign-in that was found good. */
export interface SessionStart {
  /** The store's instant, in milliseconds. */
  readonly now: number
  readonly user: SessionUser
  readonly client: { readonly id: string; readonly accessSeconds: number }
  readonly scope: readonly string[]
  readonly resources: readonly string[]
  readonly acr: string | null
  readonly amr: readonly string[]
  readonly delivery: Delivery
  readonly device: Device
  readonly absoluteMilliseconds: number
  /** When the user proved who he is, in milliseconds, where that was before. */
  readonly authenticatedAt?: number
  /** What the session is opened on; used up with its opening, or nothing is written. */
  readonly ticket?: OpeningTicket
  readonly prepare: PrepareTokens
}

/** Opens a session at generation 0 and answers like a refresh. The user is checked again in the writing transaction (F7). */
export async function startSession(
  start: SessionStart,
  dependencies: TokenDependencies,
): Promise<Refreshed | RefreshRefused> {
  const { now, user, client } = start
  const signingKey = await dependencies.signer.signingKey()
  const refreshKey = await dependencies.refreshKeys.activeRefreshKey(now)
  const id = Buffer.from(dependencies.random(16)).toString('base64url')
  const seed = dependencies.random(32)
  const refreshToken = issueRefreshToken(refreshKey, { id, seed }, 0)
  const session: SessionRecord = {
    id,
    userId: user.id,
    clientId: client.id,
    scope: start.scope,
    resources: start.resources,
    generation: 0,
    tokenHash: digestSecret(refreshToken),
    refreshKeyId: refreshKey.id,
    seed,
    recent: noRotations(),
    createdAt: now,
    ...(start.authenticatedAt !== undefined && { authenticatedAt: start.authenticatedAt }),
    lastUsedAt: now,
    idleExpiresAt: now + dependencies.idleMilliseconds,
    absoluteExpiresAt: now + start.absoluteMilliseconds,
    binding: null,
    acr: start.acr,
    amr: start.amr,
    delivery: start.delivery,
    openedFrom: start.device,
    lastUsedFrom: start.device,
    repeats: 0,
    repeatHolders: noRepeatHolders(),
    peeks: 0,
    revokedAt: null,
    revokedReason: null,
  }
  const prepared = await start.prepare(session, user, signingKey)
  if (prepared.kind === 'refused') return { ...prepared, sessionOver: false }

  const event = {
    type: 'session_opened',
    at: now,
    actor: 'user',
    sessionId: id,
    userId: user.id,
    clientId: client.id,
    device: start.device,
  } as const
  const opened = await dependencies.sessions.openSession(session, event, start.ticket)
  if (opened !== 'opened') return { kind: 'refused', refusal: refusalOf(opened), sessionOver: false }

  const exp = accessExpiry(now, client.accessSeconds, sessionEnd(session))
  const accessTokens = prepared.plans.map((plan) => mintAccessToken(plan, signingKey, now, exp, dependencies.random))
  const lifetimes = replyLifetimes(session, now, client.accessSeconds, randomFraction(dependencies.random))
  return { kind: 'refreshed', cause: 'advance', now, session, user, refreshToken, accessTokens, lifetimes }
}

/** A user disabled between the password check and the write looks like any other wrong sign-in. */
function refusalOf(found: 'user_disabled' | 'client_removed' | 'ticket_spent'): Refusal {
  if (found === 'ticket_spent') return { error: 'invalid_grant', reason: 'unknown_code' }
  return found === 'user_disabled' ? { error: 'invalid_credentials' } : { error: 'invalid_client' }
}
