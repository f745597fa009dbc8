import type { SecurityEventType } from '../security-events/security-event.ts'
import { mintAccessToken } from './access-token.ts'
import { decidePeek, type PeekDecision } from './peek-ratchet.ts'
import { hashAttempt } from './recent-rotations.ts'
import { refused, unavailable } from './refresh-refusal.ts'
import {
  deadlineMilliseconds,
  mostRounds,
  type RefreshRefused,
  type RefreshRequest,
  type TokenDependencies,
} from './refresh-session.ts'
import { type SessionRecord, sessionEnd } from './session.ts'
import { convict, type Encounter, finding, refuseSuperseded } from './session-finding.ts'
import { judgeStanding } from './session-standing.ts'
import { accessExpiry } from './token-lifetimes.ts'

/** A peek answered: access tokens, and nothing that could rotate. */
export interface Peeked {
  readonly kind: 'peeked'
  readonly session: SessionRecord
  /** One for each plan, in their order. */
  readonly accessTokens: readonly string[]
  /** Seconds. */
  readonly expiresIn: number
}

const eventTypes = { ahead: 'session_ahead_use', late: 'session_superseded_use' } as const satisfies Record<
  NonNullable<(PeekDecision & { kind: 'answer' })['finding']>,
  SecurityEventType
>

/**
 * Gives access tokens for a session without moving it: generation, attempt ids, last use and expiry stay as they are. The
 * same standing, decision and conditional write as a refresh, so after a revocation this mints nothing either.
 */
export async function peekSession(
  request: RefreshRequest,
  dependencies: TokenDependencies,
): Promise<Peeked | RefreshRefused> {
  const attempt = hashAttempt(request.attemptId ?? dependencies.random(32))
  let lostTheWrite = false

  for (let round = 0; round < mostRounds; round += 1) {
    const reading = await dependencies.sessions.readSession(request.presented.sessionId)
    const standing = await judgeStanding(request, reading, dependencies)
    if (standing.kind === 'refused') return standing
    const { session, user, client } = standing
    const { now } = reading

    const signingKey = await dependencies.signer.signingKey()
    const prepared = await request.prepare(session, user, signingKey)
    if (prepared.kind === 'refused') return { ...prepared, sessionOver: false }
    if (dependencies.monotonic() - request.arrivedAt >= deadlineMilliseconds) return unavailable('deadline')

    const decision = decidePeek({
      session,
      presented: request.presented.generation,
      attempt,
      now,
      policy: client.policy,
      lostTheWrite,
      // Nothing but a rotation, or a renewal where a client's tokens do not rotate, counts as the session's last use.
      rotatedAt: session.lastUsedAt,
      accessMilliseconds: client.accessSeconds * 1000,
    })
    const outcome = await execute(decision, { request, session, now, dependencies })
    if (outcome.kind === 'refused') return outcome
    if (outcome.kind === 'counted') {
      const exp = accessExpiry(now, client.accessSeconds, sessionEnd(session))
      const { random } = dependencies
      const accessTokens = prepared.plans.map((plan) => mintAccessToken(plan, signingKey, now, exp, random))
      const counted = { ...session, peeks: session.peeks + 1 }
      return { kind: 'peeked', session: counted, accessTokens, expiresIn: Math.max(0, exp - Math.floor(now / 1000)) }
    }
    lostTheWrite ||= session.generation === request.presented.generation
  }
  return unavailable('contended')
}

async function execute(
  decision: PeekDecision,
  encounter: Encounter,
): Promise<RefreshRefused | { readonly kind: 'counted' | 'again' }> {
  switch (decision.kind) {
    case 'answer':
      return count(decision.finding, encounter)
    case 'replay':
      return convict(decision, encounter)
    case 'superseded':
      return refuseSuperseded(decision, encounter)
    case 'rotation_required':
      // Not invalid_grant: clients forget a credential on that, and this one has only to be used for a refresh.
      return refused({ error: 'invalid_request', reason: 'rotation_required' })
  }
}

async function count(
  found: (PeekDecision & { kind: 'answer' })['finding'],
  encounter: Encounter,
): Promise<{ readonly kind: 'counted' | 'again' }> {
  const { session, now, dependencies } = encounter
  const counted = await dependencies.sessions.countPeek({
    id: session.id,
    expectedGeneration: session.generation,
    now,
    ...(found !== undefined && { event: finding(eventTypes[found], encounter, {}) }),
  })
  return { kind: counted ? 'counted' : 'again' }
}
