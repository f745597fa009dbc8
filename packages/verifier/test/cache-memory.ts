import { expect } from 'vitest'
import { createTokenCache } from '../src/token-cache.ts'
import { heapInUse } from './heap.ts'

/** Puts so many tokens into a cache, and asserts that it keeps to its limits, and takes no more than it says. */
export function assertBound(tokens: number): void {
  const claims = (index: number) => ({ jti: `token-${index}`, sub: 'user', roles: ['author', 'reader'] })
  const cache = createTokenCache<object>({ tokens: 10_000, bytes: 33_554_432 }, () => 0)
  const rest = 'x'.repeat(200)
  const before = heapInUse()
  for (let index = 0; index < tokens; index += 1) {
    cache.set(`${index}.${rest}`, claims(index), Number.MAX_SAFE_INTEGER)
  }
  expect(cache.tokens).toBe(10_000)
  expect(cache.bytesEstimate).toBeLessThanOrEqual(33_554_432)
  expect(heapInUse() - before).toBeLessThan(cache.bytesEstimate)
  expect(cache.get(`${tokens - 1}.${rest}`)).toEqual(claims(tokens - 1))
}
