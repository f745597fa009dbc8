import { test } from 'vitest'
import { assertMemory } from './revocation-memory.ts'

test('T6.4 1,000,000 revocations take no more than the estimate says, and nothing once they have expired', () => {
  assertMemory(1_000_000, 'session')
})
