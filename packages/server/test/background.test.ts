import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createBackground } from '../src/background.ts'

describe('work beside the requests', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('is done again and again, never twice at once', async () => {
    const background = createBackground({ monotonic: () => performance.now() })
    const work: PromiseWithResolvers<void>[] = []
    background.every(1000, () => {
      const next = Promise.withResolvers<void>()
      work.push(next)
      return next.promise
    })
    await vi.advanceTimersByTimeAsync(999)
    expect(work).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(5000)
    expect(work).toHaveLength(1)
    work[0]?.resolve()
    await vi.advanceTimersByTimeAsync(1000)
    expect(work).toHaveLength(2)
    work[1]?.resolve()
    await background.stop()
  })

  test('stops: what is under way comes to its end, work in batches at its next batch, and nothing begins any more', async () => {
    const background = createBackground({ monotonic: () => performance.now() })
    let [begun, batches] = [0, 0]
    background.every(1000, async () => {
      begun += 1
      do batches += 1
      while (await background.goOn())
    })
    await vi.advanceTimersByTimeAsync(1000)
    while (batches < 3) await new Promise(setImmediate)
    await background.stop()
    const after = batches
    await vi.advanceTimersByTimeAsync(5000)
    expect([begun, batches]).toEqual([1, after])
    expect(await background.goOn()).toBe(false)
  })

  test('T9.2 leaves the store alone for nine times as long as a batch took, within bounds', async () => {
    let now = 0
    const pauses: number[] = []
    const passing = {
      monotonic: () => now,
      pause: async (milliseconds: number) => {
        pauses.push(milliseconds)
        now += milliseconds
      },
    }
    const background = createBackground(passing)
    for (const took of [1, 10, 20, 0, 60_000]) {
      now += took
      expect(await background.goOn()).toBe(true)
    }
    expect(pauses).toEqual([25, 90, 180, 25, 500])
  })
})
