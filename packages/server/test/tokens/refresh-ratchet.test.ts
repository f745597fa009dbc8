import { describe, expect, test } from 'vitest'
import { hashAttempt, noRotations, type Rotation, rememberRotations } from '../../src/tokens/recent-rotations.ts'
import {
  decideRefresh,
  mostRepeats,
  type RatchetDecision,
  type RatchetPolicy,
} from '../../src/tokens/refresh-ratchet.ts'

const now = 1_800_000_000_000
const seconds = 1000
const attempt = (name: string) => hashAttempt(name)

const policies = {
  rotating: { kind: 'rotating', windowMilliseconds: 30 * seconds },
  strict: { kind: 'strict', windowMilliseconds: 0 },
  'shared-store': { kind: 'shared-store', windowMilliseconds: 300 * seconds },
  bound: { kind: 'bound', windowMilliseconds: 30 * seconds },
} as const satisfies Record<string, RatchetPolicy>
type PolicyName = keyof typeof policies

/** A session that stands at generation 10; `ages[0]` is how long ago 9 was superseded, `ages[1]` 8, and so on. */
function session(ages: readonly number[], attempts: readonly string[] = [], generation = 10) {
  const rotations = ages.map(
    (age, index): Rotation => ({ at: now - age, attempt: attempt(attempts[index] ?? `other ${index}`) }),
  )
  return { generation, recent: rememberRotations(noRotations(), rotations.reverse()), repeats: 0 }
}

function decide(
  policy: PolicyName,
  presented: number,
  asked: Parameters<typeof session>,
  more: { attempt?: string; lost?: boolean; repeats?: number } = {},
) {
  return decideRefresh({
    session: { ...session(...asked), repeats: more.repeats ?? 0 },
    presented,
    attempt: attempt(more.attempt ?? 'drawn for this request'),
    now,
    policy: policies[policy],
    lostTheWrite: more.lost ?? false,
  })
}

/** One word for each kind of answer, as the cells of the table spell it. */
function word(decision: RatchetDecision): string {
  switch (decision.kind) {
    case 'move':
      return `${decision.cause} ${decision.generation}`
    case 'repeat':
      return decision.late ? 'repeat, event' : 'repeat'
    case 'superseded':
      return decision.report ? 'superseded, report' : 'superseded'
    default:
      return decision.kind
  }
}

const minute = 60 * seconds
const day = 24 * 60 * minute

interface Row {
  readonly row: string
  readonly presented: number
  readonly asked: Parameters<typeof session>
  readonly attempt?: string
  readonly lost?: boolean
  readonly answers: Readonly<Record<PolicyName, string>>
}

/** design: the decision table, row by row, column by column. Ages are chosen between 30 s and 300 s where columns differ. */
const table: readonly Row[] = [
  {
    row: '1 the current token advances',
    presented: 10,
    asked: [[minute]],
    answers: { rotating: 'advance 11', strict: 'advance 11', 'shared-store': 'advance 11', bound: 'renew 10' },
  },
  {
    row: "1' lost the write, no window and no attempt explains it",
    presented: 9,
    asked: [[0]],
    lost: true,
    answers: { rotating: 'repeat', strict: 'superseded', 'shared-store': 'repeat', bound: 'repeat' },
  },
  {
    row: "1' lost the write, but row 2 holds",
    presented: 9,
    asked: [[0], ['mine']],
    attempt: 'mine',
    lost: true,
    answers: { rotating: 'repeat', strict: 'repeat', 'shared-store': 'repeat', bound: 'repeat' },
  },
  {
    row: "1' lost the write twice, row 6 holds",
    presented: 8,
    asked: [
      [0, 0],
      ['other', 'mine'],
    ],
    attempt: 'mine',
    lost: true,
    answers: { rotating: 'repeat', strict: 'repeat', 'shared-store': 'repeat', bound: 'repeat' },
  },
  {
    row: '2 the attempt of the rotation, at once',
    presented: 9,
    asked: [[0], ['mine']],
    attempt: 'mine',
    answers: { rotating: 'repeat', strict: 'repeat', 'shared-store': 'repeat', bound: 'repeat' },
  },
  {
    row: '2 the attempt of the rotation, 60 days on',
    presented: 9,
    asked: [[60 * day], ['mine']],
    attempt: 'mine',
    answers: { rotating: 'repeat', strict: 'repeat', 'shared-store': 'repeat', bound: 'repeat' },
  },
  {
    row: '2/4 the attempt of the rotation, but reused from the one before (F2)',
    presented: 9,
    asked: [
      [day, 2 * day],
      ['mine', 'mine'],
    ],
    attempt: 'mine',
    answers: { rotating: 'replay', strict: 'replay', 'shared-store': 'superseded, report', bound: 'repeat, event' },
  },
  {
    row: '3 another attempt, fresh',
    presented: 9,
    asked: [[29_999]],
    answers: { rotating: 'repeat', strict: 'replay', 'shared-store': 'repeat', bound: 'repeat' },
  },
  {
    row: '3/4 the window is half-open',
    presented: 9,
    asked: [[30_000]],
    answers: { rotating: 'replay', strict: 'replay', 'shared-store': 'repeat', bound: 'repeat, event' },
  },
  {
    row: '3/4 the window of shared-store is half-open',
    presented: 9,
    asked: [[300_000]],
    answers: { rotating: 'replay', strict: 'replay', 'shared-store': 'superseded, report', bound: 'repeat, event' },
  },
  {
    row: '4 another attempt, late',
    presented: 9,
    asked: [[day]],
    answers: { rotating: 'replay', strict: 'replay', 'shared-store': 'superseded, report', bound: 'repeat, event' },
  },
  {
    row: '5 two behind, fresh (F1)',
    presented: 8,
    asked: [[0, 1]],
    answers: { rotating: 'repeat', strict: 'replay', 'shared-store': 'repeat', bound: 'repeat' },
  },
  {
    row: '5 eight behind, fresh (F1)',
    presented: 2,
    asked: [[0, 1, 2, 3, 4, 5, 6, 7]],
    answers: { rotating: 'repeat', strict: 'replay', 'shared-store': 'repeat', bound: 'repeat' },
  },
  {
    row: '7 nine behind is older than the window, whatever the clock says',
    presented: 1,
    asked: [[0, 1, 2, 3, 4, 5, 6, 7]],
    answers: { rotating: 'replay', strict: 'replay', 'shared-store': 'superseded, report', bound: 'repeat, event' },
  },
  {
    row: '5 fresh only where its own supersession is, not that of a later one',
    presented: 8,
    asked: [[0, 400 * seconds]],
    answers: { rotating: 'replay', strict: 'replay', 'shared-store': 'superseded, report', bound: 'repeat, event' },
  },
  {
    row: '6 two behind with its attempt, its successor superseded just now',
    presented: 8,
    asked: [
      [0, day],
      ['other', 'mine'],
    ],
    attempt: 'mine',
    answers: { rotating: 'repeat', strict: 'repeat', 'shared-store': 'repeat', bound: 'repeat' },
  },
  {
    row: '6 strict has 30 s here',
    presented: 8,
    asked: [
      [29_999, day],
      ['other', 'mine'],
    ],
    attempt: 'mine',
    answers: { rotating: 'repeat', strict: 'repeat', 'shared-store': 'repeat', bound: 'repeat' },
  },
  {
    row: '6/7 and they are half-open',
    presented: 8,
    asked: [
      [30_000, day],
      ['other', 'mine'],
    ],
    attempt: 'mine',
    answers: { rotating: 'replay', strict: 'replay', 'shared-store': 'repeat', bound: 'repeat, event' },
  },
  {
    row: '7 two behind with its attempt, long ago',
    presented: 8,
    asked: [
      [day, 2 * day],
      ['other', 'mine'],
    ],
    attempt: 'mine',
    answers: { rotating: 'replay', strict: 'replay', 'shared-store': 'superseded, report', bound: 'repeat, event' },
  },
  {
    row: '7 two behind with the attempt of another rotation',
    presented: 8,
    asked: [
      [0, day],
      ['mine', 'other'],
    ],
    attempt: 'mine',
    answers: { rotating: 'replay', strict: 'replay', 'shared-store': 'superseded, report', bound: 'repeat, event' },
  },
  {
    row: '7 one that no kept rotation remembers',
    presented: 0,
    asked: [[day]],
    answers: { rotating: 'replay', strict: 'replay', 'shared-store': 'superseded, report', bound: 'repeat, event' },
  },
  {
    row: '8 ahead of the store rolls forward (F8)',
    presented: 13,
    asked: [[day]],
    answers: {
      rotating: 'roll-forward 14',
      strict: 'roll-forward 14',
      'shared-store': 'roll-forward 14',
      bound: 'roll-forward 13',
    },
  },
]

describe('the decision table', () => {
  for (const { row, presented, asked, answers, ...more } of table) {
    for (const [policy, answer] of Object.entries(answers)) {
      test(`row ${row}: ${policy} → ${answer}`, () => {
        const name = Object.keys(policies).find((known): known is PolicyName => known === policy)
        if (name === undefined) throw new Error(policy)
        expect(word(decide(name, presented, asked, more))).toBe(answer)
      })
    }
  }
})

describe('what a decision writes down', () => {
  test('row 1 remembers its rotation in front of the others', () => {
    const decision = decide('rotating', 10, [[minute]], { attempt: 'mine' })
    if (decision.kind !== 'move') throw new Error(decision.kind)
    expect(decision.recent).toEqual(
      rememberRotations(session([minute]).recent, [{ at: now, attempt: attempt('mine') }]),
    )
  })

  test('F2: an attempt id equal to the preceding one is told', () => {
    const reused = decide('rotating', 10, [[minute], ['mine']], { attempt: 'mine' })
    expect(reused).toMatchObject({ kind: 'move', attemptReused: true })
    expect(decide('rotating', 10, [[minute], ['mine']])).toMatchObject({ attemptReused: false })
  })

  test('F8: after a roll-forward honest racers of the skipped generations are repeated, not convicted', () => {
    const rolled = decide('rotating', 13, [[day]])
    if (rolled.kind !== 'move') throw new Error(rolled.kind)
    for (const presented of [10, 11, 12, 13]) {
      const racer = decideRefresh({
        session: { generation: rolled.generation, recent: rolled.recent, repeats: 0 },
        presented,
        attempt: attempt('racer'),
        now: now + 29_999,
        policy: policies.rotating,
        lostTheWrite: false,
      })
      expect(word(racer), `generation ${presented}`).toBe('repeat')
    }
  })

  test('F8: under strict such a racer is refused without a verdict for 30 s, and convicted after (decisions/0013)', () => {
    const rolled = decide('strict', 13, [[day]])
    if (rolled.kind !== 'move') throw new Error(rolled.kind)
    const racer = (age: number, presented: number) =>
      word(
        decideRefresh({
          session: { generation: rolled.generation, recent: rolled.recent, repeats: 0 },
          presented,
          attempt: attempt('racer'),
          now: now + age,
          policy: policies.strict,
          lostTheWrite: false,
        }),
      )
    expect(racer(29_999, 12)).toBe('superseded, report')
    expect(racer(30_000, 12)).toBe('replay')
    expect(racer(0, 13)).toBe('replay')
  })

  test('F8: a roll-forward over more generations than are remembered keeps to eight', () => {
    const rolled = decide('rotating', 1_000, [[day]])
    expect(rolled).toMatchObject({ kind: 'move', generation: 1_001 })
    expect(rolled.kind === 'move' && rolled.recent.length).toBe(noRotations().length)
  })
})

describe('limits', () => {
  test('F14: a clock set back makes a rotation fresh, never negative', () => {
    expect(word(decide('rotating', 9, [[-day]]))).toBe('repeat')
    expect(word(decide('strict', 9, [[-day]]))).toBe('replay')
  })

  test('the hundredth repeat of a generation is answered, the next is refused', () => {
    expect(decide('rotating', 9, [[0]], { repeats: mostRepeats - 1 }).kind).toBe('repeat')
    expect(decide('rotating', 9, [[0]], { repeats: mostRepeats }).kind).toBe('too_many_repeats')
    expect(decide('bound', 9, [[day]], { repeats: mostRepeats }).kind).toBe('too_many_repeats')
    expect(decide('rotating', 9, [[day]], { repeats: mostRepeats }).kind).toBe('replay')
  })

  test('F21: at generation 2^53 - 1 the session ends instead of moving', () => {
    const last = Number.MAX_SAFE_INTEGER
    expect(decide('rotating', last, [[0], [], last]).kind).toBe('generation_limit')
    expect(decide('rotating', last, [[0]]).kind).toBe('generation_limit')
    expect(word(decide('bound', last, [[0], [], last]))).toBe(`renew ${last}`)
  })

  test('a replay tells gap and age as far as eight rotations show them', () => {
    expect(decide('rotating', 9, [[day]])).toEqual({ kind: 'replay', gap: 1, age: day })
    expect(decide('rotating', 1, [[0, 1, 2, 3, 4, 5, 6, 7]])).toEqual({ kind: 'replay', gap: 9, age: undefined })
  })
})
