import type { SecurityEvent } from '../security-events/security-event.ts'
import type { RatchetDecision } from './refresh-ratchet.ts'
import { over, refused, unavailable } from './refresh-refusal.ts'
import type { RefreshRefused, RefreshRequest, TokenDependencies } from './refresh-session.ts'
import { countRepeatHolders } from './repeat-holders.ts'
import type { SessionRecord } from './session.ts'

/** One reading of a session, as a request meets it. */
export interface Encounter {
  readonly request: Pick<RefreshRequest, 'presented' | 'presentedBy' | 'device' | 'hasLeft'>
  readonly session: SessionRecord
  /** The store's instant of the reading, in milliseconds. */
  readonly now: number
  readonly dependencies: Pick<TokenDependencies, 'sessions' | 'events'>
}

/** An event about a session, with the facts of both parties: who asked, and who holds it. */
export function finding(
  type: SecurityEvent['type'],
  { request, session, now }: Omit<Encounter, 'dependencies'>,
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
      repeatHolders: countRepeatHolders(session.repeatHolders),
      peeks: session.peeks,
    },
  }
}

/** Genuine, yet of another client or without the key: nothing changes, the event says so. */
export async function refuseStranger(
  reason: 'wrong_client' | 'wrong_binding',
  encounter: Encounter,
): Promise<RefreshRefused> {
  const { presentedBy } = encounter.request
  await encounter.dependencies.events.appendEvent(
    finding('session_stranger', encounter, { finding: reason, presentedBy }),
  )
  return refused({ error: 'invalid_grant', reason })
}

/**
 * Ends this session, and only this one, for theft. `again`: somebody else ended it first, so reading tells what stands.
 *
 * Not for somebody who has left: a node that stood still (a suspended machine, a frozen process) wakes up with requests
 * of whose age it knows nothing. Their clients have given up since and gone on elsewhere, so that what was the newest
 * token then looks stolen now (finding F18). A thief who leaves before the answer gets nothing.
 */
export async function convict(
  decision: RatchetDecision & { kind: 'replay' },
  encounter: Encounter,
): Promise<RefreshRefused | { readonly kind: 'again' }> {
  const { request, session, now, dependencies } = encounter
  if (await request.hasLeft()) return unavailable('deadline')
  const event = finding('session_replayed', encounter, { reason: 'replay', ...gapEvidence(decision) })
  const ended = await dependencies.sessions.endSession({ id: session.id, now, reason: 'replay', event })
  return ended ? over('replay') : { kind: 'again' }
}

/** Refuses an earlier token without ending anything, and reports it where the table says so. */
export async function refuseSuperseded(
  decision: RatchetDecision & { kind: 'superseded' },
  encounter: Encounter,
): Promise<RefreshRefused> {
  if (decision.report) {
    const event = finding('session_superseded_use', encounter, gapEvidence(decision))
    await encounter.dependencies.events.appendEvent(event)
  }
  return refused({ error: 'invalid_grant', reason: 'superseded' })
}

function gapEvidence(decision: {
  readonly gap: number
  readonly age: number | undefined
}): Record<string, number | null> {
  return { generationGap: decision.gap, ageMilliseconds: decision.age ?? null, mintedSince: decision.gap }
}
