import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decidePeek, type PeekDecision } from '../../src/tokens/peek-ratchet.ts'
import { hashAttempt, noRotations, type Rotation, rememberRotations } from '../../src/tokens/recent-rotations.ts'
import { decideRefresh, type RatchetPolicy, type RatchetQuestion } from '../../src/tokens/refresh-ratchet.ts'

const now = 1_800_000_000_000
const seconds = 1000
const minute = 60 * seconds
const accessMilliseconds = 15 * minute

const policies = {
  rotating: { kind: 'rotating', windowMilliseconds: 30 * seconds },
  strict: { kind: 'strict', windowMilliseconds: 0 },
  'shared-store': { kind: 'shared-store', windowMilliseconds: 300 * seconds },
  bound: { kind: 'bound', windowMilliseconds: 30 * seconds },
} as const satisfies Record<string, RatchetPolicy>
type PolicyName = keyof typeof policies

interface Situation {
  /** How long ago generation 9 was superseded, then 8, and so on; the session stands at 10. */
  readonly ages: readonly number[]
  readonly attempts?: readonly string[]
  readonly presented: number
  readonly attempt?: string
  readonly lost?: boolean
  readonly repeats?: number
}

function questionOf(policy: PolicyName, situation: Situation): RatchetQuestion {
  const { ages, attempts = [], presented, attempt = 'drawn for this request', lost = false, repeats = 0 } = situation
  const rotations = ages.map(
    (age, index): Rotation => ({ at: now - age, attempt: hashAttempt(attempts[index] ?? `other ${index}`) }),
  )
  return {
    session: { generation: 10, recent: rememberRotations(noRotations(), rotations.reverse()), repeats },
    presented,
    attempt: hashAttempt(attempt),
    now,
    policy: policies[policy],
    lostTheWrite: lost,
  }
}

/** As if the session rotated just now, unless said otherwise. */
function decide(policy: PolicyName, situation: Situation, rotatedAgo = 0): PeekDecision {
  return decidePeek({ ...questionOf(policy, situation), rotatedAt: now - rotatedAgo, accessMilliseconds })
}

function word(decision: PeekDecision): string {
  if (decision.kind === 'answer') return decision.finding === undefined ? 'answer' : `answer, ${decision.finding}`
  if (decision.kind === 'superseded') return decision.report ? 'superseded, report' : 'superseded'
  return decision.kind
}

const everywhere = (answer: string) => ({ rotating: answer, strict: answer, 'shared-store': answer, bound: answer })

/** The decision table with "advance" become "answer" (F17). */
const table: readonly (Situation & { readonly row: string; readonly answers: Record<PolicyName, string> })[] = [
  { row: '1 the current token', ages: [minute], presented: 10, answers: everywhere('answer') },
  {
    row: "1' lost the write, nothing else explains it",
    ages: [0],
    presented: 9,
    lost: true,
    answers: { ...everywhere('answer'), strict: 'superseded' },
  },
  {
    row: '2 the attempt id of the rotation, after the window',
    ages: [10 * minute],
    attempts: ['mine'],
    presented: 9,
    attempt: 'mine',
    answers: everywhere('answer'),
  },
  {
    row: '3 another attempt id, inside the window',
    ages: [29 * seconds],
    presented: 9,
    answers: { ...everywhere('answer'), strict: 'replay' },
  },
  {
    row: '4 another attempt id, after the window',
    ages: [10 * minute],
    presented: 9,
    answers: { ...everywhere('replay'), 'shared-store': 'superseded, report', bound: 'answer, late' },
  },
  {
    row: '5 two behind, inside the window',
    ages: [1 * seconds, 29 * seconds],
    presented: 8,
    answers: { ...everywhere('answer'), strict: 'replay' },
  },
  {
    row: '6 two behind with its attempt id, its successor fresh',
    ages: [29 * seconds, 10 * minute],
    attempts: ['other', 'mine'],
    presented: 8,
    attempt: 'mine',
    answers: everywhere('answer'),
  },
  {
    row: '7 two behind, nothing explains it',
    ages: [10 * minute, 20 * minute],
    presented: 8,
    answers: { ...everywhere('replay'), 'shared-store': 'superseded, report', bound: 'answer, late' },
  },
  { row: '8 ahead of what the store remembers', ages: [minute], presented: 12, answers: everywhere('answer, ahead') },
]

describe.each(table)('T2.5 F17 a peek, row $row', ({ row: _, answers, ...situation }) => {
  test.each(Object.keys(policies).filter((key): key is PolicyName => key in policies))('under %s', (policy) => {
    expect(word(decide(policy, situation))).toBe(answers[policy])
  })
})

describe('T2.5 rotation_required', () => {
  test('from exactly two access lifetimes after the last rotation on', () => {
    const current = { ages: [minute], presented: 10 }
    expect(word(decide('rotating', current, 2 * accessMilliseconds - 1))).toBe('answer')
    expect(word(decide('rotating', current, 2 * accessMilliseconds))).toBe('rotation_required')
    // A clock that was set back makes no session older.
    expect(word(decide('rotating', current, -1))).toBe('answer')
  })

  test('a replay stays a replay, however long ago the last rotation is', () => {
    const stolen = { ages: [40 * minute], presented: 9 }
    expect(word(decide('rotating', stolen, 40 * minute))).toBe('replay')
    expect(word(decide('shared-store', stolen, 40 * minute))).toBe('superseded, report')
  })

  test('also for a token that its attempt id still explains', () => {
    const late = { ages: [40 * minute], attempts: ['mine'], presented: 9, attempt: 'mine' }
    expect(word(decide('rotating', late, 40 * minute))).toBe('rotation_required')
  })
})

test('F21 repeats of a rotation’s reply take nothing from peeks', () => {
  expect(word(decide('rotating', { ages: [0], presented: 9, repeats: 1000 }))).toBe('answer')
})

test('the last generation of all can be peeked at, though it cannot move', () => {
  const question = questionOf('rotating', { ages: [0], presented: Number.MAX_SAFE_INTEGER })
  const session = { ...question.session, generation: Number.MAX_SAFE_INTEGER }
  expect(word(decidePeek({ ...question, session, rotatedAt: now, accessMilliseconds }))).toBe('answer')
})

test('F17 whatever the situation, a peek convicts exactly whom a refresh convicts', () => {
  const names = Object.keys(policies).filter((key): key is PolicyName => key in policies)
  const age = fc.constantFrom(0, 29_999, 30_000, 299_999, 300_000, 3_600_000)
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.record({
        ages: fc.array(age, { maxLength: 8 }),
        attempts: fc.array(fc.constantFrom('a', 'b'), { maxLength: 8 }),
        presented: fc.integer({ min: 0, max: 12 }),
        attempt: fc.constantFrom('a', 'b', 'c'),
        lost: fc.boolean(),
        repeats: fc.nat(99),
      }),
      (policy, situation) => {
        const verdicts = ['replay', 'superseded']
        const refreshed = decideRefresh(questionOf(policy, situation))
        const peeked = decide(policy, situation)
        if (verdicts.includes(refreshed.kind) || verdicts.includes(peeked.kind)) expect(peeked).toEqual(refreshed)
      },
    ),
    { numRuns: 2000 },
  )
})
