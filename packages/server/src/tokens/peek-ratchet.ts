import { decideRefresh, type RatchetDecision, type RatchetQuestion } from './refresh-ratchet.ts'

/** After so many access lifetimes without a rotation a session is not answered any more until it rotates (T2.5). */
const answeredLifetimes = 2

/** What the decision looks at. */
export interface PeekQuestion extends RatchetQuestion {
  /** The store's instant of the last rotation, or of the sign-in where there was none, in milliseconds. */
  readonly rotatedAt: number
  /** Lifetime of the client's access tokens. */
  readonly accessMilliseconds: number
}

/** What becomes of a peek. `answer` is a conditional write; whoever loses it reads and decides again. */
export type PeekDecision =
  | {
      readonly kind: 'answer'
      /**
       * Worth an event: a token `ahead` of what the store remembers, or one that is answered, `late`, only because its
       * key was proven.
       */
      readonly finding: 'ahead' | 'late' | undefined
    }
  | { readonly kind: 'rotation_required' }
  | Extract<RatchetDecision, { kind: 'replay' | 'superseded' }>

/**
 * Decides about a refresh token that is presented for an access token only (finding F17): as for a refresh, but where
 * that would move the session or repeat its token this answers and leaves it where it is. A replay is a replay.
 */
export function decidePeek(question: PeekQuestion): PeekDecision {
  const { session, presented, now, rotatedAt, accessMilliseconds } = question
  // How often the reply of a rotation was fetched again says nothing about peeks.
  const decision = decideRefresh({ ...question, session: { ...session, repeats: 0 } })
  if (decision.kind === 'replay' || decision.kind === 'superseded') return decision
  // Peeking for ever would hollow out rotation: nobody would notice a stolen token.
  if (now - rotatedAt >= answeredLifetimes * accessMilliseconds) return { kind: 'rotation_required' }
  if (presented > session.generation) return { kind: 'answer', finding: 'ahead' }
  return { kind: 'answer', finding: decision.kind === 'repeat' && decision.late ? 'late' : undefined }
}
