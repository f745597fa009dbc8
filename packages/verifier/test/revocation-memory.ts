import type { RevocationKind } from '@pawl/protocol'
import { expect } from 'vitest'
import { createRevocationSet } from '../src/revocation-set.ts'
import { heapInUse } from './heap.ts'

const at = Date.UTC(2026, 10, 21)
const until = at + 900_000

/** Fills a set, and asserts that it takes what it says, and nothing once everything in it has expired. */
export function assertMemory(count: number, kind: RevocationKind): void {
  const before = heapInUse()
  const set = createRevocationSet(count, 30_000)
  for (let index = 0; index < count; index += 1) {
    set.add({ kind, id: `session-${index}`.padEnd(22, '_'), at, until })
  }
  const taken = heapInUse() - before
  expect(set.entries).toBe(count)
  expect(taken).toBeLessThan(set.bytesEstimate)
  expect(taken).toBeGreaterThan(set.bytesEstimate / 3)
  set.sweep(until + 30_001)
  expect(set.entries).toBe(0)
  expect(set.bytesEstimate).toBe(0)
  expect(heapInUse() - before).toBeLessThan(taken / 4)
}
