import { isDeepStrictEqual } from 'node:util'
import type { Device } from '../../src/security-events/security-event.ts'
import type { SessionRecord } from '../../src/tokens/session.ts'
import type { PeekCount, RepeatCount, SessionEnding, SessionMove } from '../../src/tokens/session-store.ts'
import type { EventRules } from './event-rules.ts'
import { expectation, isReused, type SimulatedPolicy, supersededSince, type TrueQuestion } from './oracle.ts'
import type { Course, Seen, SimulatedRequest } from './request.ts'
import { expiryOf, type Judge, type Truth } from './truth.ts'

/** Seconds that an access token of the simulated client lives. */
export const accessSeconds = 900

/** Milliseconds from the arrival of a request after which it is not decided any more. */
export const deadline = 10_000

/** Lifetimes of the simulated session, in milliseconds. */
export const lifetimes = { idle: 30 * 86_400_000, absolute: 90 * 86_400_000 } as const

/** The row before and after a write that was applied; undefined where the engine does not show it. */
export interface RowChange {
  readonly before: SessionRecord | undefined
  readonly after: SessionRecord | undefined
}

/** A read of the session. */
export interface Reading {
  /** Generation of the request's token. */
  readonly presented: number
  /** The store's instant. */
  readonly now: number
  /** By the clock that only moves forward. */
  readonly elapsed: number
}

/** Who writes. */
export interface Writer {
  readonly request: SimulatedRequest
  readonly course: Course
}

/**
 * What must hold whenever the store is read or written. The checks of writes run in the order of writing, so the truth
 * still is what the write met; each brings the truth up to date.
 */
export interface StoreRules {
  readonly read: (writer: Writer, reading: Reading) => void
  readonly moved: (writer: Writer, move: SessionMove, change: RowChange) => void
  readonly repeated: (writer: Writer, repeat: RepeatCount, change: RowChange) => void
  readonly peeked: (writer: Writer, peek: PeekCount, change: RowChange) => void
  readonly convicted: (writer: Writer, ending: SessionEnding, change: RowChange) => void
}

/** Whether a session has not moved for so long that it is not peeked into any more. */
export function isDueToRotate({ now, usedAt }: Seen): boolean {
  return now - usedAt >= 2 * accessSeconds * 1000
}

/** What a move sets back. */
const noCounts = { repeats: 0, repeatHolders: new Uint8Array(16), peeks: 0 }

/**
 * Holds what the store is asked against the table and the truth.
 *
 * @param options.convictable some holder is a thief, or a stock client that may look like one
 */
export function createStoreRules(options: {
  readonly judge: Judge
  readonly truth: Truth
  readonly events: EventRules
  readonly policy: SimulatedPolicy
  readonly convictable: boolean
  readonly countRepeatHolders: (holders: Uint8Array) => number
}): StoreRules {
  const { judge, truth, events, policy } = options

  /** Nothing but what the write says has changed. */
  function checkRow({ before, after }: RowChange, changes: Partial<SessionRecord>): void {
    if (before === undefined) return
    const expected = { ...before, ...changes }
    if (isDeepStrictEqual(after, expected)) return
    const values: Readonly<Record<string, unknown>> = { ...after }
    const wrong = Object.entries(expected).filter(([name, value]) => !isDeepStrictEqual(values[name], value))
    const names = wrong.map(([name]) => name).join(', ')
    judge.require(false, `monotone: beside what was written the row changed in ${names}`)
  }

  function checkCondition(expectedGeneration: number, now: number): void {
    judge.require(truth.ended === undefined, 'order: an answer after the end of the session')
    judge.require(expiryOf(truth, now) === undefined, 'order: an answer after the expiry')
    judge.require(
      expectedGeneration === truth.generation,
      `one chain: a write for generation ${expectedGeneration} at ${truth.generation}`,
    )
  }

  /** A decision rests on what its round read, and on the store's instant of that read. */
  function checkDecision(course: Course, now: number, allowed: readonly string[], what: string): Seen {
    const { seen } = course
    if (seen === undefined) throw new Error('a write without a read')
    judge.require(!seen.late, `refusals: ${what} beyond the deadline`)
    judge.require(now === seen.now, `order: ${what} at another instant than that of its read`)
    judge.require(
      allowed.includes(seen.expected),
      `decision: ${what} where the table says ${seen.expected} (generation ${seen.presented} at ${seen.generation})`,
    )
    return seen
  }

  return {
    read: ({ request, course }, { presented, now, elapsed }) => {
      const { seen } = course
      // A round that ends without an answer has lost its write, and only a move is tried on one's own generation.
      if (seen !== undefined && seen.generation === presented) course.lostTheWrite = true
      course.reads += 1
      judge.require(course.reads <= 3, 'progress: a fourth round')
      const { rotations, generation, ended, holder, usedAt, repeats, peeks, rolledBack } = truth
      const question: TrueQuestion = {
        rotations,
        presented,
        current: generation,
        attempt: request.attempt ?? course.drawn,
        now,
        policy,
        lostTheWrite: course.lostTheWrite,
      }
      course.seen = {
        now,
        late: elapsed - course.arrivedAt >= deadline,
        presented,
        generation,
        ended,
        expired: expiryOf(truth, now),
        expected: expectation(question),
        age: supersededSince(question, presented),
        attemptReused: isReused(question),
        holder,
        usedAt,
        repeats,
        repeatHolders: Math.min(4, truth.repeatHolders.size),
        peeks,
        rolledBack,
      }
    },

    moved: ({ request, course }, move, change) => {
      const { expectedGeneration, generation: to, now } = move
      checkCondition(expectedGeneration, now)
      const seen = checkDecision(course, now, ['move'], 'a move')
      const { presented } = seen
      const target = policy === 'bound' ? presented : presented + 1
      judge.require(to === target, `decision: generation ${presented} at ${truth.generation} moved to ${to}`)
      judge.require(presented <= truth.generation || truth.rolledBack, 'one chain: a generation that was never reached')
      judge.require(request.kind === 'refresh', 'peek: it moved the session')
      const lost = presented > truth.generation
      const reused = policy !== 'bound' && seen.attemptReused
      const finding = lost ? 'session_rolled_forward' : reused ? 'attempt_id_reused' : undefined
      events.withChange(finding, move.event, request, seen)
      const { refreshKeyId, idleExpiresAt, usedFrom } = move
      const [tokenHash, recent] = [new Uint8Array(move.tokenHash), new Uint8Array(move.recent)]
      judge.require(idleExpiresAt === now + lifetimes.idle, 'monotone: idle time does not begin at the decision')
      const row = { generation: to, tokenHash, refreshKeyId, recent, idleExpiresAt }
      checkRow(change, { ...row, lastUsedAt: now, lastUsedFrom: usedFrom, ...noCounts })
      for (let generation = truth.generation; generation < to; generation += 1) {
        const attempt = generation === presented ? (request.attempt ?? course.drawn) : undefined
        truth.rotations[generation] = { at: now, attempt }
      }
      if (to !== truth.generation) truth.answered.delete(to)
      Object.assign(truth, { generation: to, idleExpiresAt, holder: request.device, usedAt: now })
      Object.assign(truth, { repeats: 0, repeatHolders: new Set(), peeks: 0 })
    },

    repeated: ({ request, course }, repeat, change) => {
      checkCondition(repeat.expectedGeneration, repeat.now)
      const seen = checkDecision(course, repeat.now, ['repeat', 'repeat, reported'], 'a repeat')
      const finding = seen.expected === 'repeat' ? undefined : 'session_superseded_use'
      events.withChange(finding, repeat.event, request, seen)
      truth.repeats += 1
      const who = (device: Device) => JSON.stringify([device.address, device.userAgent])
      if (who(request.device) !== who(seen.holder)) truth.repeatHolders.add(who(request.device))
      // Which fingerprint a holder leaves is its own business; how many there are is not.
      const repeatHolders = change.after?.repeatHolders ?? noCounts.repeatHolders
      checkRow(change, { repeats: truth.repeats, repeatHolders })
      if (change.after === undefined) return
      const [told, actual] = [options.countRepeatHolders(repeatHolders), Math.min(4, truth.repeatHolders.size)]
      judge.require(told === actual, `detection: ${told} other holders are remembered of ${actual}`)
    },

    peeked: ({ request, course }, peek, change) => {
      checkCondition(peek.expectedGeneration, peek.now)
      const seen = checkDecision(course, peek.now, ['move', 'repeat', 'repeat, reported'], 'a peek')
      judge.require(!isDueToRotate(seen), 'peek: an answer long after the last rotation')
      const late = seen.expected === 'repeat, reported' ? 'session_superseded_use' : undefined
      const finding = seen.presented > seen.generation ? 'session_ahead_use' : late
      events.withChange(finding, peek.event, request, seen)
      truth.peeks += 1
      checkRow(change, { peeks: truth.peeks })
    },

    convicted: ({ request, course }, ending, change) => {
      judge.require(truth.ended === undefined, 'order: a verdict after the end of the session')
      const seen = checkDecision(course, ending.now, ['replay'], 'a verdict')
      judge.require(options.convictable, 'honest liveness: an honest holder is convicted')
      judge.require(ending.reason === 'replay', `detection: the session ended as ${ending.reason}`)
      events.withChange('session_replayed', ending.event, request, seen)
      checkRow(change, { revokedAt: ending.now, revokedReason: 'replay' })
      truth.ended = 'replay'
    },
  }
}
