import type { SessionEndReason } from '@pawl/protocol'
import type { Device } from '../../src/security-events/security-event.ts'
import type { TrueRotation } from './oracle.ts'

/** A rule of the design that a schedule broke. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/** Holds what happens against the rules. */
export interface Judge {
  readonly require: (condition: boolean, rule: string) => void
  /** The first rule that was broken. Code under test may swallow the exception, so it is kept here. */
  readonly violation: () => Violation | undefined
}

/** Starts with no rule broken. */
export function createJudge(): Judge {
  let first: Violation | undefined
  return {
    require: (condition, rule) => {
      if (condition) return
      first ??= new Violation(rule)
      throw first
    },
    violation: () => first,
  }
}

/** The truth about the one session of a run, whatever its row says. */
export interface Truth {
  rotations: TrueRotation[]
  generation: number
  ended: SessionEndReason | undefined
  idleExpiresAt: number
  absoluteExpiresAt: number
  /** Who used the session last, and when. A repeat is no use. */
  holder: Device
  usedAt: number
  repeats: number
  /** Who fetched the current generation again, besides the holder. */
  repeatHolders: Set<string>
  peeks: number
  /** Types of the events written so far. */
  events: string[]
  /** The refresh token that was answered for a generation. */
  answered: Map<number, string>
  /** When the last of the access tokens expires, in seconds. */
  lastExpiry: number
  /** The store has lost writes once. */
  rolledBack: boolean
}

/** Before the session was opened. */
export function newTruth(): Truth {
  return {
    rotations: [],
    generation: 0,
    ended: undefined,
    idleExpiresAt: 0,
    absoluteExpiresAt: 0,
    holder: { address: null, userAgent: null },
    usedAt: 0,
    repeats: 0,
    repeatHolders: new Set(),
    peeks: 0,
    events: [],
    answered: new Map(),
    lastExpiry: 0,
    rolledBack: false,
  }
}

/** How the session has ended by itself at `now`, if it has. */
export function expiryOf(truth: Truth, now: number): 'idle_expired' | 'absolute_expired' | undefined {
  if (Math.min(truth.idleExpiresAt, truth.absoluteExpiresAt) > now) return undefined
  return truth.idleExpiresAt < truth.absoluteExpiresAt ? 'idle_expired' : 'absolute_expired'
}
