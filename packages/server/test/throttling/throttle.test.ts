import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { manualClock } from '../../src/storage/contract/fixture.ts'
import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { Storage } from '../../src/storage/store-ports.ts'
import { type FailureSubject, failureKey } from '../../src/throttling/failure-subject.ts'
import { removeEndedFailures } from '../../src/throttling/remove-ended-failures.ts'
import {
  createThrottle,
  delaySeconds,
  longestDelaySeconds,
  memorySeconds,
  mostFailures,
  type Throttle,
  type Verdict,
  windowSeconds,
} from '../../src/throttling/throttle.ts'

const secret = new Uint8Array(32).fill(7)
const alice: FailureSubject = { guessedAt: 'password', claimed: 'alice', address: '203.0.113.7' }
const clients: FailureSubject = { guessedAt: 'client_secret', claimed: 'app', address: '203.0.113.7' }

function fixture(): {
  readonly throttle: Throttle
  /** A second node of the same store. */
  readonly other: Throttle
  readonly storage: Storage
  readonly advanceSeconds: (seconds: number) => void
} {
  const clock = manualClock()
  const storage = memoryStorage({ clock: clock.now })
  return {
    throttle: createThrottle({ store: storage, secret }),
    other: createThrottle({ store: storage, secret }),
    storage,
    advanceSeconds: (seconds) => clock.advance(seconds * 1000),
  }
}

/** One attempt: its verdict, or how long it was told to wait. */
async function attempt(throttle: Throttle, verdict: Verdict, subject = alice): Promise<Verdict | number> {
  const came = await throttle.guess(
    subject,
    async () => {
      await turn()
      return verdict
    },
    (outcome) => outcome,
  )
  return came.kind === 'tried' ? came.outcome : came.retryAfterSeconds
}

async function failTimes(throttle: Throttle, times: number, subject = alice): Promise<void> {
  for (let count = 0; count < times; count += 1) expect(await attempt(throttle, 'wrong', subject)).toBe('wrong')
}

describe('G-11 guesses', () => {
  test('29 failures cost nothing, from the 30th on each wait is twice as long, up to a quarter of an hour', async () => {
    const { throttle, advanceSeconds } = fixture()
    await failTimes(throttle, mostFailures)
    for (const seconds of [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]) {
      expect(await attempt(throttle, 'wrong')).toBe(seconds)
      advanceSeconds(seconds - 0.001)
      expect(await attempt(throttle, 'wrong')).toBe(1)
      advanceSeconds(0.001)
      expect(await attempt(throttle, 'wrong')).toBe('wrong')
    }
    expect(delaySeconds(1000)).toBe(longestDelaySeconds)
  })

  test('during a wait the right password waits too, and nothing is tried or counted', async () => {
    const { throttle, advanceSeconds } = fixture()
    await failTimes(throttle, mostFailures)
    let tried = false
    for (let count = 0; count < 100; count += 1) {
      const came = await throttle.guess(
        alice,
        async () => {
          tried = true
        },
        () => 'right',
      )
      expect(came).toEqual({ kind: 'throttled', retryAfterSeconds: 5 })
    }
    expect(tried).toBe(false)
    advanceSeconds(5)
    expect(await attempt(throttle, 'right')).toBe('right')
  })

  test('another account at the same address and the same account at another address are left in peace', async () => {
    const { throttle } = fixture()
    await failTimes(throttle, mostFailures)
    expect(await attempt(throttle, 'right')).toBe(5)
    expect(await attempt(throttle, 'right', { ...alice, claimed: 'bob' })).toBe('right')
    expect(await attempt(throttle, 'right', { ...alice, address: '203.0.113.8' })).toBe('right')
    expect(await attempt(throttle, 'right', { ...alice, guessedAt: 'client_secret' })).toBe('right')
  })

  test('a success resets everything: the count, and how long the next wait is', async () => {
    const { throttle, advanceSeconds } = fixture()
    await failTimes(throttle, mostFailures - 1)
    expect(await attempt(throttle, 'right')).toBe('right')
    await failTimes(throttle, mostFailures)
    advanceSeconds(5)
    await failTimes(throttle, 1)
    advanceSeconds(10)
    expect(await attempt(throttle, 'right')).toBe('right')
    await failTimes(throttle, mostFailures)
    expect(await attempt(throttle, 'wrong')).toBe(5)
  })

  test('failures are added up for ten minutes, and who once had to wait is remembered for a day', async () => {
    const { throttle, advanceSeconds } = fixture()
    await failTimes(throttle, mostFailures - 1)
    advanceSeconds(windowSeconds)
    await failTimes(throttle, mostFailures)
    expect(await attempt(throttle, 'wrong')).toBe(5)
    advanceSeconds(memorySeconds - 1)
    await failTimes(throttle, 1)
    expect(await attempt(throttle, 'wrong')).toBe(10)
    advanceSeconds(10)
    await failTimes(throttle, mostFailures)
    expect(await attempt(throttle, 'wrong')).toBe(5)
  })

  test('what is undecided or throws counts as nothing', async () => {
    const { throttle } = fixture()
    await failTimes(throttle, mostFailures - 1)
    for (let count = 0; count < 50; count += 1) {
      expect(await attempt(throttle, 'undecided')).toBe('undecided')
      const broken = throttle.guess(
        alice,
        () => Promise.reject(new Error('broken')),
        () => 'wrong',
      )
      await expect(broken).rejects.toThrow('broken')
    }
    await failTimes(throttle, 1)
    expect(await attempt(throttle, 'wrong')).toBe(5)
  })

  test('of 150 wrong ones at once thirty are tried, and of 150 after a wait one', async () => {
    const { throttle, advanceSeconds } = fixture()
    const all = async () => Promise.all(Array.from({ length: 150 }, () => attempt(throttle, 'wrong')))
    expect(count(await all(), 'wrong')).toBe(mostFailures)
    advanceSeconds(5)
    expect(count(await all(), 'wrong')).toBe(1)
    advanceSeconds(10)
    expect(count(await all(), 'wrong')).toBe(1)
  })

  test('of wrong ones at once on two nodes no more are tried than each may', async () => {
    const { throttle, other, advanceSeconds } = fixture()
    const all = async () =>
      Promise.all(Array.from({ length: 150 }, (_, index) => attempt(index % 2 === 0 ? throttle : other, 'wrong')))
    expect(count(await all(), 'wrong')).toBeLessThanOrEqual(2 * mostFailures)
    advanceSeconds(longestDelaySeconds)
    expect(count(await all(), 'wrong')).toBeLessThanOrEqual(2)
  })

  test('an attempt whose count was read before the one under way failed reads it again', async () => {
    const { storage } = fixture()
    let holding: Promise<void> | undefined
    const readFailures = async (key: string) => {
      const held = holding
      const found = await storage.readFailures(key)
      await held
      return found
    }
    const throttle = createThrottle({ store: { ...storage, readFailures }, secret })
    await failTimes(throttle, mostFailures - 1)
    const [first, late] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const failing = throttle.guess(
      alice,
      () => first.promise,
      () => 'wrong',
    )
    await turn()
    holding = late.promise
    const second = attempt(throttle, 'right')
    await turn()
    holding = undefined
    first.resolve()
    await failing
    late.resolve()
    expect(await second).toBe(5)
  })

  test('150 right ones at once all pass, also with a few failures before and while they are under way', async () => {
    const { throttle } = fixture()
    await failTimes(throttle, mostFailures - 1)
    const rights = Array.from({ length: 150 }, () => attempt(throttle, 'right'))
    expect(count(await Promise.all(rights), 'right')).toBe(150)
    const mixed = Array.from({ length: 150 }, (_, index) => attempt(throttle, index % 10 === 0 ? 'wrong' : 'right'))
    expect(count(await Promise.all(mixed), 'right')).toBe(135)
  })

  test('a line that is too long is told to come again, not to wait for a failure', async () => {
    const { throttle } = fixture()
    const came = await Promise.all(
      Array.from({ length: 300 }, () =>
        throttle.guess(
          alice,
          () => turn(),
          () => 'right',
        ),
      ),
    )
    const crowded = came.filter(({ kind }) => kind === 'crowded')
    expect(crowded.length).toBeGreaterThan(0)
    expect(crowded[0]).toEqual({ kind: 'crowded', retryAfterSeconds: 1 })
    expect(came.filter(({ kind }) => kind === 'tried').length).toBe(300 - crowded.length)
  })
})

describe('G-11 random credentials', () => {
  test('are answered as they are thirty times, then with a wait; a right one resets that', async () => {
    const { throttle, advanceSeconds } = fixture()
    for (let count = 0; count < mostFailures; count += 1) expect(await throttle.failed(clients)).toBeUndefined()
    expect(await throttle.failed(clients)).toEqual({ kind: 'throttled', retryAfterSeconds: 5 })
    advanceSeconds(5)
    expect(await throttle.failed(clients)).toBeUndefined()
    expect(await throttle.failed(clients)).toEqual({ kind: 'throttled', retryAfterSeconds: 10 })
    await throttle.succeeded(clients)
    for (let count = 0; count < mostFailures; count += 1) expect(await throttle.failed(clients)).toBeUndefined()
    expect(await throttle.failed(clients)).toEqual({ kind: 'throttled', retryAfterSeconds: 5 })
  })

  test('of 150 at once thirty are counted, so that the wait does not grow by itself', async () => {
    const { throttle } = fixture()
    const all = await Promise.all(Array.from({ length: 150 }, () => throttle.failed(clients)))
    expect(all.filter((told) => told === undefined)).toHaveLength(mostFailures)
    expect(all.at(-1)?.retryAfterSeconds).toBe(5)
  })

  test('a right one touches no store unless something failed', async () => {
    const { storage } = fixture()
    const touched: string[] = []
    const store = {
      ...storage,
      readFailures: (key: string) => {
        touched.push(key)
        return storage.readFailures(key)
      },
    }
    const throttle = createThrottle({ store, secret })
    await throttle.succeeded(clients)
    expect(touched).toEqual([])
  })
})

describe('who is counted together', () => {
  const key = (more: Partial<FailureSubject>) => failureKey({ ...alice, ...more }, secret)

  test.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['::ffff:203.0.113.7', '203.0.113.7', true],
    ['203.0.113.7', '203.0.113.8', false],
    [null, '203.0.113.7', false],
    [null, null, true],
  ])('%s and %s: %s', (one, two, together) => {
    expect(key({ address: one }) === key({ address: two })).toBe(together)
  })

  test('parts cannot be shifted into each other', () => {
    const keys = [{}, { claimed: 'alice203.0.113.7', address: null }, { guessedAt: 'client_secret' as const }].map(key)
    expect(new Set(keys).size).toBe(3)
  })

  test('nothing that is stored tells who it was, and another secret gives other keys', () => {
    expect(key({})).toMatch(/^[A-Za-z0-9_-]{22}$/)
    expect(failureKey(alice, new Uint8Array(32))).not.toBe(key({}))
  })

  test('made-up client ids share 65,536 rows of an address, made-up usernames share none', () => {
    const of = (guessedAt: FailureSubject['guessedAt']) =>
      new Set(Array.from({ length: 100_000 }, (_, index) => key({ guessedAt, claimed: `made up ${index}` }))).size
    expect(of('client_secret')).toBeLessThan(65_536)
    expect(of('password')).toBe(100_000)
  })
})

test('T9.4 rows go once their counts have ended, in batches', async () => {
  const { throttle, storage, advanceSeconds } = fixture()
  for (let index = 0; index < 1200; index += 1) await attempt(throttle, 'wrong', { ...alice, claimed: `user ${index}` })
  expect(await removeEndedFailures(storage, async () => true)).toBe(0)
  advanceSeconds(windowSeconds)
  expect(await removeEndedFailures(storage, async () => true)).toBe(1200)
})

function count(came: readonly (Verdict | number)[], verdict: Verdict): number {
  return came.filter((each) => each === verdict).length
}
