import type { Refusal, RefusalReason } from '@pawl/protocol'
import { constantTimeEqual } from '../secrets/constant-time-equal.ts'
import type { Random } from '../secrets/random.ts'
import { digestSecret } from '../secrets/secret-digest.ts'
import type { EventStore } from '../security-events/event-store.ts'
import type { Device, SecurityEvent } from '../security-events/security-event.ts'
import { type AccessTokenPlan, mintAccessToken } from './access-token.ts'
import { hashAttempt } from './recent-rotations.ts'
import { decideRefresh, type RatchetDecision, type RatchetPolicy } from './refresh-ratchet.ts'
import { deriveRefreshSecret, issueRefreshToken, type PresentedRefreshToken } from './refresh-token.ts'
import { type SessionRecord, type SessionUser, sessionEnd } from './session.ts'
import type { SessionReading, SessionStore } from './session-store.ts'
import { isStorageUnavailable } from './storage-unavailable.ts'
import { accessExpiry, type ReplyLifetimes, replyLifetimes } from './token-lifetimes.ts'
import type { RefreshKey, RefreshKeys, SigningKey, TokenSigner } from './token-signer.ts'

/** What the heart works with. Filled by the assembler. */
export interface TokenDependencies {
  readonly sessions: SessionStore
  readonly events: Pick<EventStore, 'appendEvent'>
  readonly signer: TokenSigner
  readonly refreshKeys: RefreshKeys
  readonly random: Random
  /** Milliseconds that only move forward; used for the deadline of a request, never for a decision. */
  readonly monotonic: () => number
  readonly idleMilliseconds: number
}

/** What the session's client brings to a refresh. */
export interface RefreshingClient {
  readonly id: string
  readonly policy: RatchetPolicy
  readonly accessSeconds: number
}

/** All that can still refuse or fail (claims, scope, resource, size budget) is done here, before the write (finding F15). */
export type PrepareTokens = (
  session: SessionRecord,
  user: SessionUser,
  signingKey: SigningKey,
) => Promise<
  | { readonly kind: 'prepared'; readonly plans: readonly AccessTokenPlan[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
>

/** One request to refresh. */
export interface RefreshRequest {
  readonly presented: PresentedRefreshToken
  /** Id of the client that asks, for the event when the token is another's. */
  readonly presentedBy: string
  /** The session's client, if the asking one may refresh for it; undefined: the token is another client's. */
  readonly clientOf: (clientId: string) => RefreshingClient | undefined
  /** Checked for its form already; undefined: the holder sent none. */
  readonly attemptId: string | undefined
  /** Thumbprint of the key the request proved, as {@link SessionRecord.binding} spells it. */
  readonly proof: string | undefined
  readonly device: Device
  /** Instant of {@link TokenDependencies.monotonic} at which the request arrived. */
  readonly arrivedAt: number
  readonly prepare: PrepareTokens
}

/** A refresh answered. */
export interface Refreshed {
  readonly kind: 'refreshed'
  readonly cause: 'advance' | 'renew' | 'roll-forward' | 'repeat'
  /** The store's instant of the decision, in milliseconds. */
  readonly now: number
  /** The row as it stands after the decision. */
  readonly session: SessionRecord
  readonly user: SessionUser
  readonly refreshToken: string
  /** One for each plan, in their order. */
  readonly accessTokens: readonly string[]
  readonly lifetimes: ReplyLifetimes
}

/** A refresh refused. */
export interface RefreshRefused {
  readonly kind: 'refused'
  readonly refusal: Refusal
  /** The session is over for its holder (or there is none): the only reason to forget a credential. */
  readonly sessionOver: boolean
}

const mostRounds = 3
const deadlineMilliseconds = 10_000
const retryAfterSeconds = 1

/** Refreshes a session: reads, decides, writes under the condition of what it read, and decides again if that failed. */
export async function refreshSession(
  request: RefreshRequest,
  dependencies: TokenDependencies,
): Promise<Refreshed | RefreshRefused> {
  // Without an id of the holder's one is drawn, so that a write whose outcome was lost is known again as one's own (F10).
  const attempt = hashAttempt(request.attemptId ?? dependencies.random(32))
  let plans: readonly AccessTokenPlan[] | undefined
  let lostTheWrite = false

  for (let round = 0; round < mostRounds; round += 1) {
    const reading = await dependencies.sessions.readSession(request.presented.sessionId)
    const standing = await judgeStanding(request, reading, dependencies)
    if (standing.kind === 'refused') return standing
    const { session, user, client } = standing

    const signingKey = await dependencies.signer.signingKey()
    if (plans === undefined) {
      const prepared = await request.prepare(session, user, signingKey)
      if (prepared.kind === 'refused') return { ...prepared, sessionOver: false }
      plans = prepared.plans
    }
    if (dependencies.monotonic() - request.arrivedAt >= deadlineMilliseconds) return unavailable('deadline')

    const decision = decideRefresh({
      session,
      presented: request.presented.generation,
      attempt,
      now: reading.now,
      policy: client.policy,
      lostTheWrite,
    })
    const outcome = await execute(decision, { request, client, session, now: reading.now, dependencies })
    if (outcome.kind === 'refused') return outcome
    if (outcome.kind === 'answer') {
      return answer(outcome, { client, user, plans, signingKey, now: reading.now, dependencies })
    }
    lostTheWrite ||= session.generation === request.presented.generation
  }
  return unavailable('contended')
}

type Standing =
  | {
      readonly kind: 'standing'
      readonly session: SessionRecord
      readonly user: SessionUser
      readonly client: RefreshingClient
    }
  | RefreshRefused

/** Everything that can refuse before the generation counts, in the fixed order of the design (finding F20). */
async function judgeStanding(
  request: RefreshRequest,
  reading: SessionReading,
  dependencies: TokenDependencies,
): Promise<Standing> {
  const { session, user, now } = reading
  const { presented } = request
  if (session === undefined) return over('unknown_token')

  const key = await dependencies.refreshKeys.refreshKey(presented.keyId)
  if (key === 'not_loaded') return unavailable('key_not_loaded')
  if (key === 'unknown') return over('unknown_token')
  if (!constantTimeEqual(deriveRefreshSecret(key.key, session, presented.generation), presented.secret))
    return over('unknown_token')

  const client = request.clientOf(session.clientId)
  if (client === undefined) return stranger('wrong_client', request, session, now, dependencies)
  if (session.binding !== null && session.binding !== request.proof) {
    return stranger('wrong_binding', request, session, now, dependencies)
  }
  if (session.revokedReason !== null) return over(session.revokedReason)
  const expired = expiryReason(session, now)
  if (expired !== undefined) return over(expired)
  if (user === undefined || user.disabledAt !== null) return over('user_disabled')
  return { kind: 'standing', session, user, client }
}

/** Which of the two limits, if any, has ended the session at `now`. */
export function expiryReason(session: SessionRecord, now: number): 'idle_expired' | 'absolute_expired' | undefined {
  if (sessionEnd(session) > now) return undefined
  return session.idleExpiresAt < session.absoluteExpiresAt ? 'idle_expired' : 'absolute_expired'
}

interface Execution {
  readonly request: RefreshRequest
  readonly client: RefreshingClient
  readonly session: SessionRecord
  readonly now: number
  readonly dependencies: TokenDependencies
}

interface Answer {
  readonly kind: 'answer'
  readonly cause: Refreshed['cause']
  readonly session: SessionRecord
  readonly refreshToken: string
}

/** Carries a decision out. `again`: the row moved in between, or the outcome of the write is unknown. */
async function execute(
  decision: RatchetDecision,
  execution: Execution,
): Promise<Answer | RefreshRefused | { readonly kind: 'again' }> {
  const { client, session, now, dependencies } = execution
  switch (decision.kind) {
    case 'move':
      return move(decision, execution)
    case 'repeat':
      return repeat(decision, execution)
    case 'replay': {
      const event = finding('session_replayed', execution, { reason: 'replay', ...gapEvidence(decision) })
      const ended = await dependencies.sessions.endSession({ id: session.id, now, reason: 'replay', event })
      // Somebody else ended it first: reading again tells the reason that stands.
      return ended ? over('replay') : { kind: 'again' }
    }
    case 'generation_limit': {
      const reason = 'generation_limit'
      const event = finding('session_ended', execution, { reason })
      const ended = await dependencies.sessions.endSession({ id: session.id, now, reason, event })
      return ended ? over(reason) : { kind: 'again' }
    }
    case 'superseded':
      if (decision.report) {
        await dependencies.events.appendEvent(finding('session_superseded_use', execution, gapEvidence(decision)))
      }
      return refused({ error: 'invalid_grant', reason: 'superseded' })
    case 'too_many_repeats':
      return refused({
        error: 'too_many_requests',
        reason: 'too_many_repeats',
        retryAfterSeconds: client.accessSeconds,
      })
  }
}

async function move(
  decision: RatchetDecision & { kind: 'move' },
  execution: Execution,
): Promise<Answer | RefreshRefused | { kind: 'again' }> {
  const { request, session, now, dependencies } = execution
  const key = await movingKey(decision, execution)
  if (typeof key === 'string') return unavailable('key_not_loaded')
  const refreshToken = issueRefreshToken(key, session, decision.generation)
  const next = {
    generation: decision.generation,
    tokenHash: digestSecret(refreshToken),
    refreshKeyId: key.id,
    recent: decision.recent,
    idleExpiresAt: now + dependencies.idleMilliseconds,
  }
  const event = movingEvent(decision, execution)
  try {
    const moved = await dependencies.sessions.moveSession({
      ...next,
      id: session.id,
      expectedGeneration: session.generation,
      now,
      usedFrom: request.device,
      ...(event !== undefined && { event }),
    })
    // Of N racers one wins the write; the others read again and find its successor to repeat.
    if (!moved) return { kind: 'again' }
  } catch (error) {
    // The commit may have happened. If it did, reading again finds this request's own attempt and repeats (F10).
    if (isStorageUnavailable(error)) return { kind: 'again' }
    throw error
  }
  const after = { ...session, ...next, lastUsedAt: now, lastUsedFrom: request.device, repeats: 0 }
  return { kind: 'answer', cause: decision.cause, session: after, refreshToken }
}

/** An advance derives with the newest active key; a token that stays what it is keeps the key it was made with. */
async function movingKey(
  decision: RatchetDecision & { kind: 'move' },
  execution: Execution,
): Promise<RefreshKey | 'not_loaded' | 'unknown'> {
  const { request, now, dependencies } = execution
  const stays = decision.generation === request.presented.generation
  return stays
    ? dependencies.refreshKeys.refreshKey(request.presented.keyId)
    : dependencies.refreshKeys.activeRefreshKey(now)
}

function movingEvent(decision: RatchetDecision & { kind: 'move' }, execution: Execution): SecurityEvent | undefined {
  if (decision.cause === 'roll-forward') {
    const lost = execution.request.presented.generation - execution.session.generation
    return finding('session_rolled_forward', execution, { finding: 'store_lost_writes', lostGenerations: lost })
  }
  return decision.attemptReused ? finding('attempt_id_reused', execution, {}) : undefined
}

async function repeat(
  decision: RatchetDecision & { kind: 'repeat' },
  execution: Execution,
): Promise<Answer | RefreshRefused | { kind: 'again' }> {
  const { session, now, dependencies } = execution
  const key = await dependencies.refreshKeys.refreshKey(session.refreshKeyId)
  if (typeof key === 'string') return unavailable('key_not_loaded')
  const event = decision.late ? finding('session_superseded_use', execution, {}) : undefined
  // A write, not a read: so a repeat and a revocation have one order, and after a revocation no path mints (F6).
  const counted = await dependencies.sessions.countRepeat({
    id: session.id,
    expectedGeneration: session.generation,
    now,
    ...(event !== undefined && { event }),
  })
  if (!counted) return { kind: 'again' }
  const refreshToken = issueRefreshToken(key, session, session.generation)
  return { kind: 'answer', cause: 'repeat', session: { ...session, repeats: session.repeats + 1 }, refreshToken }
}

interface Answering {
  readonly client: RefreshingClient
  readonly user: SessionUser
  readonly plans: readonly AccessTokenPlan[]
  readonly signingKey: SigningKey
  readonly now: number
  readonly dependencies: TokenDependencies
}

/** Only signatures are left to do here; should one fail, the same request finds everything ready to repeat. */
function answer(decided: Answer, answering: Answering): Refreshed {
  const { client, user, plans, signingKey, now, dependencies } = answering
  const { session, cause, refreshToken } = decided
  const { accessSeconds } = client
  const exp = accessExpiry(now, accessSeconds, sessionEnd(session))
  const accessTokens = plans.map((plan) => mintAccessToken(plan, signingKey, now, exp, dependencies.random))
  const lifetimes = replyLifetimes(session, now, accessSeconds, randomFraction(dependencies.random))
  return { kind: 'refreshed', cause, now, session, user, refreshToken, accessTokens, lifetimes }
}

/** A fraction from 0 inclusive to 1 exclusive. */
export function randomFraction(random: Random): number {
  return Buffer.from(random(4)).readUInt32BE(0) / 2 ** 32
}

function gapEvidence(decision: {
  readonly gap: number
  readonly age: number | undefined
}): Record<string, number | null> {
  return { generationGap: decision.gap, ageMilliseconds: decision.age ?? null, mintedSince: decision.gap }
}

/** An event about this session, with the facts of both parties. */
function finding(
  type: SecurityEvent['type'],
  { request, session, now }: Pick<Execution, 'request' | 'session' | 'now'>,
  {
    reason,
    ...evidence
  }: { readonly reason?: 'replay' | 'generation_limit' } & Record<string, string | number | boolean | null>,
): SecurityEvent {
  return {
    type,
    at: now,
    actor: 'client',
    sessionId: session.id,
    userId: session.userId,
    clientId: session.clientId,
    ...(reason !== undefined && { reason }),
    device: request.device,
    evidence: {
      ...evidence,
      presentedGeneration: request.presented.generation,
      currentGeneration: session.generation,
      holderAddress: session.lastUsedFrom.address,
      holderUserAgent: session.lastUsedFrom.userAgent,
      holderLastUsedAt: session.lastUsedAt,
      repeats: session.repeats,
    },
  }
}

/** Genuine, yet of another client or without the key: nothing changes, the event says so. */
async function stranger(
  reason: 'wrong_client' | 'wrong_binding',
  request: RefreshRequest,
  session: SessionRecord,
  now: number,
  dependencies: TokenDependencies,
): Promise<RefreshRefused> {
  const event = finding(
    'session_stranger',
    { request, session, now },
    { finding: reason, presentedBy: request.presentedBy },
  )
  await dependencies.events.appendEvent(event)
  return refused({ error: 'invalid_grant', reason })
}

function over(reason: RefusalReason): RefreshRefused {
  return { kind: 'refused', refusal: { error: 'invalid_grant', reason }, sessionOver: true }
}

function refused(refusal: Refusal): RefreshRefused {
  return { kind: 'refused', refusal, sessionOver: false }
}

function unavailable(reason: 'key_not_loaded' | 'contended' | 'deadline'): RefreshRefused {
  return refused({ error: 'temporarily_unavailable', reason, retryAfterSeconds })
}
