import { test } from 'vitest'
import { assertBound } from './cache-memory.ts'

test('1,000,000 distinct tokens: the memory of the cache stays within the bound', () => {
  assertBound(1_000_000)
})
