import { expect, test } from 'vitest'
import { type StorageFactory, storageFor } from './fixture.ts'

/** Counted failures, by which guessing is slowed down. */
export function failureContract(factory: StorageFactory): void {
  test('nothing is counted at first', async () => {
    const { storage } = await storageFor(factory)
    expect(await storage.readFailures('ada')).toBeUndefined()
    expect(await storage.forgetFailures('ada')).toBe(false)
    expect(await storage.removeEndedFailures(10)).toBe(0)
  })

  test('a count ends at the instant that its first failure set, and the next failure begins anew', async () => {
    const { storage, clock } = await storageFor(factory)
    const begun = clock.now()
    expect(await storage.countFailures('ada', 1, 100)).toEqual({ count: 1, endsAt: begun + 100, now: begun })
    clock.advance(99)
    const counted = { count: 3, endsAt: begun + 100, now: begun + 99 }
    expect(await storage.countFailures('ada', 2, 5000)).toEqual(counted)
    expect(await storage.readFailures('ada')).toEqual(counted)
    clock.advance(1)
    expect(await storage.readFailures('ada')).toBeUndefined()
    const again = { count: 1, endsAt: begun + 200, now: begun + 100 }
    expect(await storage.countFailures('ada', 1, 100)).toEqual(again)
    expect(await storage.readFailures('ada')).toEqual(again)
  })

  test('a count is replaced whole, its end too', async () => {
    const { storage, clock } = await storageFor(factory)
    const now = clock.now()
    await storage.countFailures('ada', 7, 1000)
    const replaced = { count: 31, endsAt: now + 5, now }
    expect(await storage.replaceFailures('ada', 31, 5)).toEqual(replaced)
    expect(await storage.readFailures('ada')).toEqual(replaced)
    expect(await storage.replaceFailures('new', 2, 10)).toEqual({ count: 2, endsAt: now + 10, now })
    expect((await storage.readFailures('new'))?.count).toBe(2)
  })

  test('keys do not mix, and forgetting one leaves the others', async () => {
    const { storage, clock } = await storageFor(factory)
    for (const key of ['ada', 'Ada', 'ada ', '']) await storage.countFailures(key, 1, 100)
    expect(await storage.forgetFailures('ada')).toBe(true)
    expect(await storage.forgetFailures('ada')).toBe(false)
    const counts = ['ada', 'Ada', 'ada ', ''].map(async (key) => (await storage.readFailures(key))?.count)
    expect(await Promise.all(counts)).toEqual([undefined, 1, 1, 1])
    clock.advance(100)
    expect(await storage.forgetFailures('Ada')).toBe(false)
  })

  test('of failures that are counted at once, on several nodes, none is lost and each has a number of its own', async () => {
    const { storage, connect } = await storageFor(factory)
    const second = (await connect?.()) ?? storage
    const counted = Array.from({ length: 60 }, (_, index) =>
      (index % 2 === 0 ? storage : second).countFailures('ada', 1, 1000),
    )
    const numbers = (await Promise.all(counted)).map(({ count }) => count)
    expect(numbers.toSorted((left, right) => left - right)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1))
    expect((await second.readFailures('ada'))?.count).toBe(60)
  })

  test('T9.4 ended counts go in batches, the oldest first, and no other', async () => {
    const { storage, clock } = await storageFor(factory)
    for (let index = 0; index < 7; index += 1) await storage.countFailures(`key ${index}`, 1, 10 + index)
    await storage.countFailures('live', 1, 1000)
    clock.advance(15)
    expect(await storage.removeEndedFailures(4)).toBe(4)
    expect(await storage.removeEndedFailures(4)).toBe(2)
    expect(await storage.removeEndedFailures(4)).toBe(0)
    expect((await storage.readFailures('key 6'))?.count).toBe(1)
    expect((await storage.readFailures('live'))?.count).toBe(1)
  })

  test('counts outlive the process, for engines that do', async () => {
    const { storage, reopen } = await storageFor(factory)
    const counted = await storage.countFailures('ada', 30, 1000)
    const after = (await reopen?.()) ?? storage
    expect(await after.readFailures('ada')).toEqual(counted)
  })
}
