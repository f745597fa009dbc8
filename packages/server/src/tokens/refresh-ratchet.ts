import { type Rotation, rememberedRotations, rememberRotations, rotationFrom, sameAttempt } from './recent-rotations.ts'

/**
 * The heart, as a pure function: what becomes of a genuine refresh token of a live session. Row numbers are those of the
 * decision table in docs/ratchet.md. Nothing here reads a clock, a store or a random source.
 */

/** One column of the table. */
export interface RatchetPolicy {
  readonly kind: 'rotating' | 'strict' | 'shared-store' | 'bound'
  /** Race window in milliseconds: how long a superseded token is answered with the same successor. `strict` has none. */
  readonly windowMilliseconds: number
}

/** `strict` has no window for anyone, but a holder that proves its attempt is answered this long two generations on (row 6). */
const strictAttemptMilliseconds = 30_000

/** Repeats of one generation beyond this are refused: no honest store fetches one reply so often. */
export const mostRepeats = 100

/** What the decision looks at. */
export interface RatchetQuestion {
  readonly session: { readonly generation: number; readonly recent: Uint8Array; readonly repeats: number }
  /** Generation of the presented token. */
  readonly presented: number
  /** Hash of the request's attempt id: the holder's, or one drawn for this request. */
  readonly attempt: Uint8Array
  /** The store's instant, read with the row, in milliseconds. */
  readonly now: number
  readonly policy: RatchetPolicy
  /** An earlier round of this very request saw its token current and lost the write (row 1'). */
  readonly lostTheWrite: boolean
}

/** What to do. `move` and `repeat` are conditional writes; whoever loses one reads and decides again. */
export type RatchetDecision =
  | {
      readonly kind: 'move'
      readonly cause: 'advance' | 'renew' | 'roll-forward'
      readonly generation: number
      readonly recent: Uint8Array
      /** The attempt id is that of the preceding rotation: it will buy no late repeat. */
      readonly attemptReused: boolean
    }
  | {
      readonly kind: 'repeat'
      /** Row 4 or 7 under `bound`: answered because the key was proven, yet worth an event. */
      readonly late: boolean
    }
  | { readonly kind: 'replay'; readonly gap: number; readonly age: number | undefined }
  | { readonly kind: 'superseded'; readonly report: boolean; readonly gap: number; readonly age: number | undefined }
  | { readonly kind: 'too_many_repeats' }
  | { readonly kind: 'generation_limit' }

/** Decides. */
export function decideRefresh(question: RatchetQuestion): RatchetDecision {
  const { generation } = question.session
  const { presented } = question
  if (presented === generation) return advance(question)
  if (presented > generation) return rollForward(question)
  return answerEarlier(question)
}

/** Row 1. */
function advance({ session, presented, attempt, now, policy }: RatchetQuestion): RatchetDecision {
  const preceding = rotationFrom(session.recent, session.generation, presented - 1)
  const attemptReused = sameAttempt(preceding?.attempt, attempt)
  if (policy.kind === 'bound') {
    return { kind: 'move', cause: 'renew', generation: presented, recent: session.recent, attemptReused: false }
  }
  if (presented === Number.MAX_SAFE_INTEGER) return { kind: 'generation_limit' }
  const recent = rememberRotations(session.recent, [{ at: now, attempt }])
  return { kind: 'move', cause: 'advance', generation: presented + 1, recent, attemptReused }
}

/** Row 8: the store lost writes. What it forgot counts as superseded now, so honest racers of then are not convicted. */
function rollForward({ session, presented, attempt, now, policy }: RatchetQuestion): RatchetDecision {
  const target = policy.kind === 'bound' ? presented : presented + 1
  if (target > Number.MAX_SAFE_INTEGER) return { kind: 'generation_limit' }
  const skipped = Math.min(presented - session.generation, rememberedRotations)
  const rotations: Rotation[] = Array.from({ length: skipped }, () => ({ at: now, attempt: undefined }))
  if (policy.kind !== 'bound') rotations.push({ at: now, attempt })
  const recent = rememberRotations(session.recent, rotations)
  return { kind: 'move', cause: 'roll-forward', generation: target, recent, attemptReused: false }
}

/** Rows 2 to 7. */
function answerEarlier(question: RatchetQuestion): RatchetDecision {
  const { session, presented, now, policy } = question
  const gap = session.generation - presented
  const superseded = rotationFrom(session.recent, session.generation, presented)
  // A clock that was set back makes negative ages: they count as none at all.
  const age = superseded === undefined ? undefined : Math.max(0, now - superseded.at)

  if (isExplained(question, gap, superseded)) {
    if (session.repeats >= mostRepeats) return { kind: 'too_many_repeats' }
    return { kind: 'repeat', late: false }
  }
  if (policy.kind === 'bound') {
    if (session.repeats >= mostRepeats) return { kind: 'too_many_repeats' }
    return { kind: 'repeat', late: true }
  }
  if (policy.kind === 'shared-store') return { kind: 'superseded', report: true, gap, age }
  // Row 1': an honest racer that lost the write is no thief, even where there is no window to explain it.
  if (policy.kind === 'strict' && question.lostTheWrite) return { kind: 'superseded', report: false, gap, age }
  // A generation that a roll-forward skipped has lost its attempt id with the store's writes. Whoever raced over it just
  // now cannot be told from a thief, so he is refused, not convicted (decisions/0013).
  if (policy.kind === 'strict' && wasSkipped(superseded) && isFresh(superseded, now, strictAttemptMilliseconds)) {
    return { kind: 'superseded', report: true, gap, age }
  }
  return { kind: 'replay', gap, age }
}

/** Whether window or attempt id explain an earlier token (rows 2, 3, 5 and 6). */
function isExplained(question: RatchetQuestion, gap: number, superseded: Rotation | undefined): boolean {
  const { session, presented, attempt, now, policy } = question
  const window = policy.kind === 'strict' ? 0 : policy.windowMilliseconds
  if (isFresh(superseded, now, window)) return true
  if (!sameAttempt(superseded?.attempt, attempt)) return false
  if (gap === 1) {
    const preceding = rotationFrom(session.recent, session.generation, presented - 1)
    return !sameAttempt(preceding?.attempt, attempt)
  }
  const next = rotationFrom(session.recent, session.generation, presented + 1)
  return isFresh(next, now, policy.kind === 'strict' ? strictAttemptMilliseconds : window)
}

/** Every rotation has an attempt, the holder's or one drawn for it, but those of which the store knows only that they were. */
function wasSkipped(rotation: Rotation | undefined): boolean {
  return rotation !== undefined && rotation.attempt === undefined
}

/** Half-open: at exactly the window's length it is over. */
function isFresh(rotation: Rotation | undefined, now: number, window: number): boolean {
  return rotation !== undefined && Math.max(0, now - rotation.at) < window
}
