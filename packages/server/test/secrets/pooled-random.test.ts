import { expect, test } from 'vitest'
import { pooledRandom } from '../../src/secrets/random.ts'

test('no byte of a pool is handed out twice, and none that was handed out stays in it', () => {
  const pools: Uint8Array[] = []
  const random = pooledRandom((pool) => {
    pools.push(pool)
    pool.fill(pools.length)
  })
  const drawn = Array.from({ length: 300 }, () => random(32))
  expect(drawn.every((bytes) => bytes.length === 32)).toBe(true)
  expect(drawn.map((bytes) => bytes[0])).toEqual([...Array(128).fill(1), ...Array(128).fill(2), ...Array(44).fill(3)])
  expect(pools[0]?.subarray(0, 44 * 32).every((byte) => byte === 0)).toBe(true)
  expect(() => random(5000)).toThrow(RangeError)
})
