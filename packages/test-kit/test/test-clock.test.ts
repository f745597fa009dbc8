import { describe, expect, test } from 'vitest'
import { createActivity } from '../src/activity.ts'
import { createTestClock, type DrivenClock } from '../src/test-clock.ts'

function started(): {
  readonly clock: DrivenClock
  readonly log: string[]
  readonly set: (...seconds: number[]) => void
} {
  const log: string[] = []
  const clock = createTestClock(0, createActivity())
  const set = (...seconds: number[]) => {
    for (const each of seconds) void clock.wait(each * 1_000).then(() => log.push(`${each} at ${clock.now() / 1_000}`))
  }
  return { clock, log, set }
}

describe('T30.1: the clock', () => {
  test('T30.1: stands still until it is moved, and moves by any unit', async () => {
    const { clock } = started()
    expect(clock.now()).toBe(0)
    await clock.advance({ days: 1, hours: 1, minutes: 1, seconds: 1, milliseconds: 1 })
    expect(clock.now()).toBe(90_061_001)
    await clock.advanceTo(90_061_000)
    expect(clock.now()).toBe(90_061_001)
  })

  test('T30.1: timers fire in order, each at its own instant', async () => {
    const { clock, log, set } = started()
    set(3, 1, 2, 1, 9)
    await clock.advance({ seconds: 5 })
    expect(log).toEqual(['1 at 1', '1 at 1', '2 at 2', '3 at 3'])
    expect(clock.now()).toBe(5_000)
  })

  test('T30.1: a timer that is set by another one fires in its turn', async () => {
    const { clock, log, set } = started()
    set(4)
    void clock.wait(1_000).then(() => set(2))
    await clock.advance({ seconds: 10 })
    expect(log).toEqual(['2 at 3', '4 at 4'])
  })

  test('T30.1: a deadline fires like that of the platform', async () => {
    const { clock } = started()
    const signal = clock.timeout(1_000)
    await clock.advance({ milliseconds: 999 })
    expect(signal.aborted).toBe(false)
    await clock.advance({ milliseconds: 1 })
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' })
    expect(signal.reason).toBeInstanceOf(DOMException)
  })

  test('movements that are asked for at once add up', async () => {
    const { clock, log, set } = started()
    set(1, 2, 3)
    await Promise.all([clock.advance({ seconds: 2 }), clock.advance({ seconds: 1 })])
    expect(log).toEqual(['1 at 1', '2 at 2', '3 at 3'])
    expect(clock.now()).toBe(3_000)
  })

  test('what is repeated is done once at each stop at which it is due, however far the clock has moved', async () => {
    const { clock, log, set } = started()
    const end = clock.repeat(1_000, async () => {
      log.push(`again at ${clock.now() / 1_000}`)
    })
    set(3, 3.5)
    await clock.advance({ days: 1 })
    end()
    await clock.advance({ days: 1 })
    expect(log).toEqual(['3 at 3', 'again at 3', '3.5 at 3.5', 'again at 86400'])
  })

  test('runUntil moves no further than it has to', async () => {
    const { clock, log, set } = started()
    set(1, 60)
    const work = clock.wait(1_000).then(() => clock.wait(2_000))
    await clock.runUntil(work)
    expect([clock.now(), log]).toEqual([3_000, ['1 at 1']])
    await expect(clock.runUntil(clock.wait(1).then(() => Promise.reject(new Error('late'))))).rejects.toThrow('late')
    expect(await clock.runUntil(Promise.resolve('at once'))).toBe('at once')
    expect(clock.now()).toBe(3_001)
  })

  test('time goes forward', () => {
    const { clock } = started()
    expect(() => clock.advance({ seconds: -1 })).toThrow(RangeError)
    expect(() => clock.advance({ seconds: Number.NaN })).toThrow(RangeError)
  })
})

describe('coming to rest', () => {
  test('waits for whoever works, through as many turns of the event loop as it takes', async () => {
    const { hold, rest, run } = createActivity()
    const log: string[] = []
    const turns = async (count: number) => {
      for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate)
    }
    void run(async () => {
      await turns(100)
      log.push('worked')
    })
    await rest()
    expect(log).toEqual(['worked'])

    // One that only waits for time, and one that waits for that one, are at rest.
    const { promise, resolve } = Promise.withResolvers<void>()
    const outer = run(() => run(() => hold(promise)))
    await rest()
    resolve()
    await outer
  })
})
