import { expect, test } from 'vitest'
import { readUserCode, shownUserCode, startDeviceAuthorization } from '../../src/authorizations/device-authorization.ts'
import { aClient } from '../../src/storage/contract/records.ts'
import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { seededRandom } from '../secrets/seeded-random.ts'

test('DG-2 user codes have no vowel, and each of the twenty letters is as likely as the others', async () => {
  const tickets = memoryStorage({ clock: () => 1 })
  const counts = new Map<string, number>()
  const asked = { client: aClient('tv'), scope: [], resources: [], now: 1 }
  for (let number = 0; number < 1000; number += 1) {
    const started = await startDeviceAuthorization(asked, { tickets, random: seededRandom(String(number)) })
    for (const letter of started?.userCode ?? '') counts.set(letter, (counts.get(letter) ?? 0) + 1)
  }
  expect(new Set(counts.keys())).toEqual(new Set('BCDFGHJKLMNPQRSTVWXZ'))
  // 400 of each are expected; 5 standard deviations are about 97.
  for (const [letter, count] of counts) expect(Math.abs(count - 400), letter).toBeLessThan(100)
})

test.each([
  ['BCDF-GHJK', 'BCDFGHJK'],
  [' bcdf ghjk\n', 'BCDFGHJK'],
  ['b.c.d.f.g.h.j.k', 'BCDFGHJK'],
  ['BCDF-GHJ', undefined],
  ['BCDF-GHJKL', undefined],
  ['BADF-GHJK', undefined],
  ['BCDF-GHJ1', undefined],
  ['', undefined],
])('DG-2 what is typed as %j is %j', (typed, code) => {
  expect(readUserCode(typed)).toBe(code)
  if (code !== undefined) expect(readUserCode(shownUserCode(code))).toBe(code)
})
