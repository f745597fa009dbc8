import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { writeRefreshToken } from '../running-server/refresh-token-form.ts'
import type { Exchange, History, WireAnswer } from './history.ts'
import { judgeHistory, type Rule } from './judge-history.ts'

const calmFrom = 100_000
const windowMilliseconds = 30_000

/** The token that the one true chain of a session has at a generation; `fork` names another chain. */
function token(generation: number, fork = '', session = 'session'): string {
  const bytes = (text: string, length: number) => createHash('sha256').update(text).digest().subarray(0, length)
  return writeRefreshToken({
    version: 1,
    keyId: bytes('key', 8),
    sessionId: bytes(session, 16),
    generation: BigInt(generation),
    secret: bytes(`${session}${generation}${fork}`, 32),
  })
}

function nameOf(session: string): string {
  return createHash('sha256').update(session).digest().subarray(0, 16).toString('base64url')
}

function answered(generation: number, fork = ''): WireAnswer {
  return { kind: 'answer', status: 200, retryAfter: null, token: token(generation, fork) }
}

function refused(reason: string, status = 400, error = 'invalid_grant'): WireAnswer {
  return { kind: 'answer', status, retryAfter: null, error, reason }
}

const unavailable: WireAnswer = { ...refused('storage_unavailable', 503, 'temporarily_unavailable'), retryAfter: '1' }
const signedOut: WireAnswer = { kind: 'answer', status: 204, retryAfter: null }
const nothing = { kind: 'nothing' } as const

/** One holder refreshes once, from generation 0, at a given instant; each test says what is otherwise. */
function exchange(
  start: number,
  presented: number,
  came: Exchange['came'],
  otherwise: Partial<Exchange> = {},
): Exchange {
  return {
    client: 'one',
    part: 'holder',
    asks: 'refresh',
    node: 'node 1',
    session: nameOf('session'),
    token: token(presented),
    attemptId: `attempt at ${presented}`,
    start,
    end: start + 5,
    came,
    ...otherwise,
  }
}

function history(...exchanges: readonly Exchange[]): History {
  return { exchanges, calmFrom, windowMilliseconds }
}

const thief = { part: 'thief', client: 'thief', attemptId: 'attempt of a thief' } as const
const end = { asks: 'end', attemptId: undefined } as const

function rules(forged: History): readonly Rule[] {
  return [...new Set(judgeHistory(forged).map(({ rule }) => rule))]
}

describe('a history in which every promise was kept', () => {
  test('one holder: lost replies, 503, a repeat with the attempt id long after, and the last answer after the faults', () => {
    const kept = history(
      exchange(0, 0, answered(1)),
      exchange(10, 1, nothing),
      exchange(50_000, 1, unavailable),
      exchange(51_000, 1, answered(2)),
      exchange(calmFrom, 2, unavailable),
      exchange(calmFrom + 10, 2, answered(3)),
    )
    expect(judgeHistory(kept)).toEqual([])
  })

  test('two holders of one store race, and both get the same successor', () => {
    const kept = history(
      exchange(0, 0, answered(1), { end: 20 }),
      exchange(3, 0, answered(1), { client: 'two', node: 'node 2', end: 30 }),
      exchange(25, 1, answered(2), { end: 28 }),
      exchange(calmFrom, 2, answered(3)),
      exchange(calmFrom + 10, 3, answered(4), { client: 'two' }),
    )
    expect(judgeHistory(kept)).toEqual([])
  })

  test('a sign-out that overtakes a refresh, and is told to all', () => {
    const kept = history(
      exchange(0, 0, answered(1)),
      exchange(10, 1, answered(2), { end: 40 }),
      exchange(20, 1, signedOut, end),
      exchange(calmFrom, 2, refused('logout')),
    )
    expect(judgeHistory(kept)).toEqual([])
  })

  test('a thief who comes too late, and one who comes first: the verdict is told to both', () => {
    const late = history(
      exchange(0, 0, answered(1)),
      exchange(40_000, 0, unavailable, thief),
      exchange(41_000, 0, refused('replay'), thief),
      exchange(calmFrom, 1, refused('replay')),
    )
    expect(judgeHistory(late)).toEqual([])
    const first = history(
      exchange(0, 0, answered(1), thief),
      exchange(40_000, 0, refused('replay')),
      exchange(calmFrom, 0, refused('replay')),
    )
    expect(judgeHistory(first)).toEqual([])
  })
})

/** What every forged history ends with where it is not about the end: the holder is answered after the faults. */
function after(generation: number): Exchange {
  return exchange(calmFrom, generation, answered(generation + 1))
}

const nineRotations = Array.from({ length: 9 }, (_, index) => exchange(index * 10, index, answered(index + 1)))

const forged: readonly (readonly [Rule, string, History])[] = [
  ['statuses', 'a 500', history(exchange(0, 0, refused('', 500, 'server_error')), after(0))],
  ['statuses', 'a 502 of a proxy', history(exchange(0, 0, refused('', 502)), after(0))],
  ['statuses', 'a 401', history(exchange(0, 0, refused('', 401, 'invalid_client')), after(0))],
  ['statuses', 'a 429', history(exchange(0, 0, refused('too_many_repeats', 429)), after(0))],
  ['statuses', 'a 200 without a token', history(exchange(0, 0, { ...signedOut, status: 200 }), after(0))],
  ['statuses', 'a sign-out that is refused', history(exchange(0, 0, refused('unknown_token'), end))],
  ['retry-after', 'a 503 without', history(exchange(0, 0, { ...unavailable, retryAfter: null }), after(0))],
  ['retry-after', 'a 503 with no number', history(exchange(0, 0, { ...unavailable, retryAfter: 'soon' }), after(0))],
  ['retry-after', 'a 503 that says at once', history(exchange(0, 0, { ...unavailable, retryAfter: '0' }), after(0))],
  [
    'one chain',
    'two successors',
    history(exchange(0, 0, answered(1)), exchange(1, 0, answered(1, 'fork'), { client: 'two' }), after(1)),
  ],
  [
    'one chain',
    'two successors, the second after the faults',
    history(
      exchange(0, 0, answered(1)),
      exchange(calmFrom, 1, answered(2)),
      exchange(calmFrom + 9, 1, answered(2, 'x')),
    ),
  ],
  ['one chain', 'the token that was presented', history(exchange(0, 0, answered(0)), after(0))],
  [
    'one chain',
    'a token of another session',
    history(exchange(0, 0, { ...answered(1), token: token(1, '', 'other') }), exchange(calmFrom, 0, answered(1))),
  ],
  ['one chain', 'a generation that nobody had reached', history(exchange(0, 0, answered(2)), after(2))],
  [
    'one chain',
    'a generation whose predecessor was presented only later',
    history(exchange(0, 0, answered(2)), exchange(20, 1, answered(2)), after(2)),
  ],
  [
    'monotone',
    'a lower generation than was answered before',
    history(
      exchange(0, 0, answered(1)),
      exchange(10, 1, answered(2)),
      exchange(20, 0, answered(1), { client: 'two', part: 'thief', attemptId: 'attempt at 0' }),
      exchange(30, 0, signedOut, end),
      exchange(calmFrom, 2, refused('logout')),
    ),
  ],
  [
    'order',
    'tokens after a sign-out',
    history(exchange(0, 0, signedOut, end), exchange(6, 0, answered(1)), exchange(calmFrom, 1, refused('logout'))),
  ],
  [
    'order',
    'tokens after a verdict',
    history(
      exchange(0, 0, answered(1)),
      exchange(40_000, 0, refused('replay'), thief),
      exchange(40_006, 1, answered(2)),
      exchange(calmFrom, 2, refused('replay')),
    ),
  ],
  [
    'order',
    'a sign-out undone',
    history(exchange(0, 0, signedOut, end), exchange(6, 0, refused('logout')), exchange(calmFrom, 0, answered(1))),
  ],
  ['no sign-out', 'a verdict without a thief', history(exchange(0, 0, refused('replay')), after(0))],
  ['no sign-out', 'logout that nobody asked for', history(exchange(0, 0, refused('logout')), after(0))],
  ['no sign-out', 'an unknown token', history(exchange(0, 0, refused('unknown_token')), after(0))],
  ['no sign-out', 'an expiry', history(exchange(0, 0, refused('idle_expired')), after(0))],
  [
    'no sign-out',
    'a verdict before the thief came',
    history(exchange(0, 0, refused('replay')), exchange(40_000, 0, refused('replay'), thief)),
  ],
  [
    'no sign-out',
    'logout before anybody asked',
    history(exchange(0, 0, refused('logout')), exchange(10, 0, signedOut, end)),
  ],
  [
    'theft',
    'a stale token is answered',
    history(exchange(0, 0, answered(1)), exchange(30_300, 0, answered(1), thief), after(1)),
  ],
  [
    'theft',
    'a stale token is answered, which came without an attempt id',
    history(
      exchange(0, 0, answered(1)),
      exchange(30_300, 0, answered(1), { ...thief, attemptId: undefined }),
      after(1),
    ),
  ],
  [
    'theft',
    'a generation that nobody remembers is answered',
    history(...nineRotations, exchange(100, 0, answered(9), { ...thief, attemptId: 'attempt at 0' }), after(9)),
  ],
  [
    'theft',
    'a stale token is refused as if it were garbage',
    history(exchange(0, 0, answered(1)), exchange(40_000, 0, refused('unknown_token'), thief), after(1)),
  ],
  [
    'theft',
    'nobody ever tells of a stale token',
    history(exchange(0, 0, answered(1)), exchange(40_000, 0, unavailable, thief), after(1)),
  ],
  [
    'theft',
    'a thief came first, and the owner is refused without a verdict',
    history(exchange(0, 0, answered(1), thief), exchange(40_000, 0, refused('superseded'))),
  ],
  [
    'theft',
    'a thief came first, and the owner gets the tokens of the thief',
    history(exchange(0, 0, answered(1), thief), exchange(40_000, 0, answered(1)), after(1)),
  ],
  ['no lost session', 'nothing after the faults', history(exchange(0, 0, answered(1)), exchange(calmFrom, 1, nothing))],
  [
    'no lost session',
    'only the third try is answered',
    history(
      exchange(calmFrom, 0, unavailable),
      exchange(calmFrom + 10, 0, unavailable),
      exchange(calmFrom + 20, 0, answered(1)),
    ),
  ],
  [
    'no lost session',
    'one of two holders is forgotten',
    history(exchange(0, 0, answered(1)), exchange(10, 1, answered(2), { client: 'two' }), after(2)),
  ],
  ['no lost session', 'nobody asks after the faults', history(exchange(0, 0, answered(1)))],
  [
    'fair play',
    'a holder presents an older token than its store has',
    history(exchange(0, 0, answered(1)), exchange(10, 0, answered(1)), after(1)),
  ],
  [
    'fair play',
    'two attempt ids for one generation',
    history(exchange(0, 0, nothing), exchange(10, 0, answered(1), { attemptId: 'another' }), after(1)),
  ],
]

describe('a forged history breaks exactly the rule', () => {
  test.each(forged)('%s: %s', (rule, _, broken) => {
    expect(rules(broken)).toContain(rule)
    // A forgery may bring others along where it cannot be done without, but never in place of its own.
    expect(rules(broken).length).toBeLessThanOrEqual(2)
  })

  test('and what is told holds no token', () => {
    for (const [, , broken] of forged) {
      for (const { what } of judgeHistory(broken)) expect(what).not.toContain('pawl_rt_')
    }
  })
})
