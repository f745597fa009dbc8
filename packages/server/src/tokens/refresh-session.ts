import type { Refusal } from '@pawl/protocol'
import type { Random } from '../secrets/random.ts'
import { digestSecret } from '../secrets/secret-digest.ts'
import type { EventStore } from '../security-events/event-store.ts'
import type { Device, SecurityEvent } from '../security-events/security-event.ts'
import { type AccessTokenPlan, mintAccessToken } from './access-token.ts'
import { hashAttempt } from './recent-rotations.ts'
import { decideRefresh, type RatchetDecision, type RatchetPolicy } from './refresh-ratchet.ts'
import { over, refused, unavailable } from './refresh-refusal.ts'
import { issueRefreshToken, type PresentedRefreshToken } from './refresh-token.ts'
import { noRepeatHolders, repeatHolder } from './repeat-holders.ts'
import { type SessionRecord, type SessionUser, sessionEnd } from './session.ts'
import { convict, finding, refuseSuperseded } from './session-finding.ts'
import { judgeStanding } from './session-standing.ts'
import type { SessionStore } from './session-store.ts'
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
  /** Whether nobody waits for the answer any more, as far as the system has been told by now. */
  readonly hasLeft: () => Promise<boolean>
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

/** A refresh or a peek refused. */
export interface RefreshRefused {
  readonly kind: 'refused'
  readonly refusal: Refusal
  /** The session is over for its holder (or there is none): the only reason to forget a credential. */
  readonly sessionOver: boolean
}

/** How often a request reads and decides before it gives up. */
export const mostRounds = 3

/** A request that is not decided this long after its arrival is not decided at all (finding F18). */
export const deadlineMilliseconds = 10_000

/** Refreshes a session: reads, decides, writes under the condition of what it read, and decides again if that failed. */
export async function refreshSession(
  request: RefreshRequest,
  dependencies: TokenDependencies,
): Promise<Refreshed | RefreshRefused> {
  // Without an id of the holder's one is drawn, so that a write whose outcome was lost is known again as one's own (F10).
  const attempt = hashAttempt(request.attemptId ?? dependencies.random(32))
  const sinceArrival = () => dependencies.monotonic() - request.arrivedAt
  let lostTheWrite = false
  let storeFailure: unknown

  for (let round = 0; round < mostRounds; round += 1) {
    // A store that took half of the time to fail would take the other half to fail again.
    if (storeFailure !== undefined && sinceArrival() >= deadlineMilliseconds / 2) throw storeFailure
    const reading = await dependencies.sessions.readSession(request.presented.sessionId)
    const standing = await judgeStanding(request, reading, dependencies)
    if (standing.kind === 'refused') return standing
    const { session, user, client } = standing

    const signingKey = await dependencies.signer.signingKey()
    // Anew in each round: a token says what held at its own instant, or the revocation feed could not tell whether a
    // change of roles came before it or after.
    const prepared = await request.prepare(session, user, signingKey)
    if (prepared.kind === 'refused') return { ...prepared, sessionOver: false }
    const elapsed = sinceArrival()
    if (storeFailure !== undefined && elapsed >= deadlineMilliseconds / 2) throw storeFailure
    if (elapsed >= deadlineMilliseconds) return unavailable('deadline')

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
      return answer(outcome, { client, user, plans: prepared.plans, signingKey, now: reading.now, dependencies })
    }
    lostTheWrite ||= session.generation === request.presented.generation
    storeFailure = outcome.storeFailure
  }
  // What failed to the last is a fault of the store, and its cause belongs into the log.
  if (storeFailure !== undefined) throw storeFailure
  return unavailable('contended')
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

/** The row moved in between, or, with a failure of the store, the outcome of the write is unknown. */
interface Again {
  readonly kind: 'again'
  readonly storeFailure?: unknown
}

/** Carries a decision out. */
async function execute(decision: RatchetDecision, execution: Execution): Promise<Answer | RefreshRefused | Again> {
  const { client, session, now, dependencies } = execution
  switch (decision.kind) {
    case 'move':
      return move(decision, execution)
    case 'repeat':
      return repeat(decision, execution)
    case 'replay':
      return convict(decision, execution)
    case 'generation_limit': {
      const reason = 'generation_limit'
      const event = finding('session_ended', execution, { reason })
      const ended = await dependencies.sessions.endSession({ id: session.id, now, reason, event })
      return ended ? over(reason) : { kind: 'again' }
    }
    case 'superseded':
      return refuseSuperseded(decision, execution)
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
): Promise<Answer | RefreshRefused | Again> {
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
      ...(decision.cause === 'roll-forward' && { lostSince: session.lastUsedAt }),
      ...(event !== undefined && { event }),
    })
    // Of N racers one wins the write; the others read again and find its successor to repeat.
    if (!moved) return { kind: 'again' }
  } catch (error) {
    // The commit may have happened. If it did, reading again finds this request's own attempt and repeats (F10).
    if (isStorageUnavailable(error)) return { kind: 'again', storeFailure: error }
    throw error
  }
  const counters = { repeats: 0, repeatHolders: noRepeatHolders(), peeks: 0 }
  const after = { ...session, ...next, ...counters, lastUsedAt: now, lastUsedFrom: request.device }
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
): Promise<Answer | RefreshRefused | Again> {
  const { request, session, now, dependencies } = execution
  const key = await dependencies.refreshKeys.refreshKey(session.refreshKeyId)
  if (typeof key === 'string') return unavailable('key_not_loaded')
  const event = decision.late ? finding('session_superseded_use', execution, {}) : undefined
  const holder = repeatHolder(session, request.device)
  // A write, not a read: so a repeat and a revocation have one order, and after a revocation no path mints (F6).
  const counted = await dependencies.sessions.countRepeat({
    id: session.id,
    expectedGeneration: session.generation,
    now,
    ...(holder !== undefined && { holder }),
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
