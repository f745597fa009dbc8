/**
 * The decision table once more, from the full history of a session instead of the eight rotations that its row keeps,
 * and written from the table in docs/ratchet.md rather than from the code: what the code does is held against it.
 */

/** One rotation as it really happened. */
export interface TrueRotation {
  readonly at: number
  /** The client's attempt id, or a name of the request that drew one; undefined for a skipped generation. */
  readonly attempt: string | undefined
}

/** A column of the table. `bound` is asked with the right proof always. */
export type SimulatedPolicy = 'rotating' | 'strict' | 'shared-store' | 'bound'

/** Race windows in milliseconds. */
export const windows: Readonly<Record<SimulatedPolicy, number>> = {
  rotating: 30_000,
  strict: 0,
  'shared-store': 300_000,
  bound: 30_000,
}

/** What the table says. `reported` means that an event tells of it. */
export type Expectation = 'move' | 'repeat' | 'repeat, reported' | 'superseded' | 'superseded, reported' | 'replay'

/** What the table is asked. */
export interface TrueQuestion {
  readonly rotations: readonly TrueRotation[]
  readonly presented: number
  readonly current: number
  readonly attempt: string
  readonly now: number
  readonly policy: SimulatedPolicy
  /** The request saw its token current before, and lost the write. */
  readonly lostTheWrite: boolean
}

/** `strict` has no window, but answers row 6, and spares whoever a roll-forward skipped, for this long. */
const strictMilliseconds = 30_000
const remembered = 8

/** What the table says about a genuine token of a live session. */
export function expectation(question: TrueQuestion): Expectation {
  const { presented, current, policy } = question
  if (presented >= current) return 'move'
  if (isExplained(question)) return 'repeat'
  if (policy === 'bound') return 'repeat, reported'
  if (policy === 'shared-store') return 'superseded, reported'
  if (policy === 'strict' && question.lostTheWrite) return 'superseded'
  if (policy === 'strict' && isSkippedJustNow(question)) return 'superseded, reported'
  return 'replay'
}

/** How long ago a generation was superseded, as far as eight rotations show it. */
export function supersededSince(question: TrueQuestion, generation: number): number | undefined {
  const at = rotationFrom(question, generation)?.at
  return at === undefined ? undefined : Math.max(0, question.now - at)
}

/** The attempt id is that of the rotation before the presented token's own, and so buys no late repeat. */
export function isReused({ rotations, presented, attempt }: TrueQuestion): boolean {
  return rotations[presented - 1]?.attempt === attempt
}

function rotationFrom({ rotations, current }: TrueQuestion, generation: number): TrueRotation | undefined {
  return current - generation > remembered ? undefined : rotations[generation]
}

function isFresh(question: TrueQuestion, generation: number, window: number): boolean {
  const since = supersededSince(question, generation)
  return since !== undefined && since < window
}

/** Rows 2, 3, 5 and 6. */
function isExplained(question: TrueQuestion): boolean {
  const { presented, current, attempt, policy } = question
  if (isFresh(question, presented, windows[policy])) return true
  if (rotationFrom(question, presented)?.attempt !== attempt) return false
  if (presented === current - 1) return !isReused(question)
  return isFresh(question, presented + 1, policy === 'strict' ? strictMilliseconds : windows[policy])
}

function isSkippedJustNow(question: TrueQuestion): boolean {
  const rotation = rotationFrom(question, question.presented)
  return (
    rotation !== undefined &&
    rotation.attempt === undefined &&
    isFresh(question, question.presented, strictMilliseconds)
  )
}
