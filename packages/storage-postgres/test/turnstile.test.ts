import { isStorageUnavailable } from '@pawl/server/storage-unavailable'
import { expect, test } from 'vitest'
import { turnstile } from '../src/turnstile.ts'

test('no more than so many are inside, the others follow in their order, also after one that failed', async () => {
  const inTurn = turnstile(2, 60_000)
  const doors = Array.from({ length: 5 }, () => Promise.withResolvers<number>())
  const entered: number[] = []
  const results = doors.map(({ promise }, index) =>
    inTurn(() => {
      entered.push(index)
      return promise
    }),
  )
  await Promise.resolve()
  expect(entered).toEqual([0, 1])
  doors[1]?.reject(new Error('no'))
  await expect(results[1]).rejects.toThrow('no')
  await Promise.resolve()
  expect(entered).toEqual([0, 1, 2])
  for (const [index, { resolve }] of doors.entries()) resolve(index)
  expect(await Promise.all([results[0], ...results.slice(2)])).toEqual([0, 2, 3, 4])
  expect(entered).toEqual([0, 1, 2, 3, 4])
})

test('whoever has waited for too long is told that the store is away, and takes no place', async () => {
  const inTurn = turnstile(1, 1)
  const door = Promise.withResolvers<string>()
  const inside = inTurn(() => door.promise)
  await expect(inTurn(async () => 'never')).rejects.toSatisfy(isStorageUnavailable)
  door.resolve('done')
  expect(await inside).toBe('done')
  expect(await inTurn(async () => 'next')).toBe('next')
})
