import { expect, test } from 'vitest'
import { heapInUse } from './running-server/heap.ts'
import { sendAtRandom } from './running-server/sent-at-random.ts'

const count = 200_000
/** Of a heap of some tens of megabytes: what noise there may be between two readings. */
const growthBytes = 24 * 1024 * 1024

test('200,000 requests that are made from the OpenAPI document: no 5xx, no hang, memory flat', async () => {
  const readings: number[] = []
  const { statuses, faults } = await sendAtRandom({ engine: 'sqlite', count, seed: 1 }, (sent) => {
    if (sent % (count / 10) === 0) readings.push(heapInUse())
  })
  expect(faults).toEqual([])
  const [, , early = 0] = readings
  const late = readings.at(-1) ?? Number.POSITIVE_INFINITY
  expect(late - early, `heap in bytes after each tenth: ${readings.join(' ')}`).toBeLessThan(growthBytes)
  // The requests get somewhere: nearly all operations were also answered as they should be.
  const unanswered = [...statuses].filter(([, counts]) => ![...counts.keys()].some((status) => status < 400))
  expect(unanswered.length, unanswered.map(([name]) => name).join()).toBeLessThan(6)
})
