import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTokenCache } from '../src/token-cache.ts'
import { assertBound } from './cache-memory.ts'

const never = Number.MAX_SAFE_INTEGER

function createCache(limits: { readonly tokens?: number; readonly bytes?: number } = {}) {
  const world = { now: 0 }
  const cache = createTokenCache<number>({ tokens: 10, bytes: 1e9, ...limits }, () => world.now)
  return { world, cache }
}

describe('accepted tokens are remembered', () => {
  test('by their exact text', () => {
    const { cache } = createCache()
    cache.set('a.b.c', 1, never)
    expect(cache.get('a.b.c')).toBe(1)
    for (const other of ['a.b.c ', ' a.b.c', 'a.b.c=', 'A.b.c', 'a.b.', '']) expect(cache.get(other)).toBeUndefined()
  })

  test('until they are taken away, replaced, or expired', () => {
    const { cache, world } = createCache()
    cache.set('a', 1, never)
    cache.set('a', 2, never)
    expect([cache.get('a'), cache.tokens]).toEqual([2, 1])
    cache.delete('a')
    cache.delete('a')
    expect([cache.get('a'), cache.tokens, cache.bytesEstimate]).toEqual([undefined, 0, 0])
    cache.set('b', 1, 1_000)
    world.now = 60_000
    cache.set('c', 1, never)
    expect([cache.get('b'), cache.tokens]).toEqual([undefined, 1])
  })

  test('those that are asked for stay, when there are too many', () => {
    const { cache } = createCache({ tokens: 10 })
    for (let index = 0; index < 10; index += 1) cache.set(`used-${index}`, index, never)
    for (let round = 0; round < 100; round += 1) {
      for (let index = 0; index < 5; index += 1) expect(cache.get(`used-${index}`)).toBe(index)
      cache.set(`once-${round}`, round, never)
      expect(cache.tokens).toBe(10)
    }
  })

  test('none at all with a limit of 0', () => {
    for (const limits of [{ tokens: 0 }, { bytes: 0 }]) {
      const { cache } = createCache(limits)
      cache.set('a', 1, never)
      expect([cache.get('a'), cache.tokens]).toEqual([undefined, 0])
    }
  })

  test('never more than the limits say, whatever happens, and the count is right', () => {
    const names = fc.constantFrom(...'abcdefghijklmnopqrst')
    const steps = fc.array(
      fc.oneof(
        fc.record({ act: fc.constant('set' as const), name: names, life: fc.integer({ min: -10, max: 100_000 }) }),
        fc.record({ act: fc.constant('get' as const), name: names, life: fc.constant(0) }),
        fc.record({ act: fc.constant('delete' as const), name: names, life: fc.constant(0) }),
        fc.record({ act: fc.constant('pass' as const), name: names, life: fc.integer({ min: -70_000, max: 70_000 }) }),
      ),
      { maxLength: 200 },
    )
    fc.assert(
      fc.property(steps, (some) => {
        const { cache, world } = createCache({ tokens: 5, bytes: 5_500 })
        const last = new Map<string, number>()
        const acts = {
          set: (name: string, life: number, index: number) => {
            cache.set(name, index, world.now + life)
            last.set(name, index)
            // What was set last is there: room is never made at its cost.
            expect(cache.get(name)).toBe(index)
          },
          get: (name: string) => expect([undefined, last.get(name)]).toContain(cache.get(name)),
          delete: (name: string) => cache.delete(name),
          pass: (_: string, life: number) => {
            world.now += life
          },
        }
        for (const [index, { act, name, life }] of some.entries()) {
          acts[act](name, life, index)
          expect(cache.tokens).toBeLessThanOrEqual(5)
          expect(cache.bytesEstimate).toBeLessThanOrEqual(5_500)
        }
        for (const name of 'abcdefghijklmnopqrst') cache.delete(name)
        expect([cache.tokens, cache.bytesEstimate]).toEqual([0, 0])
      }),
    )
  })

  test('100,000 distinct tokens: the memory stays within the bound', () => {
    assertBound(100_000)
  })
})
