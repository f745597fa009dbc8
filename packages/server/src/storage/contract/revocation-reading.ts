import type { RevocationEntry } from '@pawl/protocol'
import { expect } from 'vitest'
import type { EntryPlace, RevocationStep } from '../../revocations/revocation-store.ts'
import type { Storage } from '../store-ports.ts'
import { inOrder } from './records.ts'

/** Every step after one, as a reader that takes them one look after the other. */
export async function stepsAfter(storage: Storage, sequence: number): Promise<readonly RevocationStep[]> {
  const steps: RevocationStep[] = []
  for (let last = sequence; ; last = steps.at(-1)?.sequence ?? last) {
    const reading = await storage.readRevocationSteps(last)
    if (reading.steps.length === 0) return steps
    steps.push(...reading.steps)
  }
}

/** Everything that has not expired, in pages of so many. */
export async function snapshot(storage: Storage, limit = 1000): Promise<readonly RevocationEntry[]> {
  const { position } = await storage.readRevocationSteps(0)
  const entries: RevocationEntry[] = []
  for (let after: EntryPlace | undefined; ; ) {
    const page = await storage.readRevocationPage({ after, upTo: position.sequence, limit })
    entries.push(...page.entries)
    expect(page.entries.length).toBeLessThanOrEqual(limit)
    if (page.next === undefined) return entries
    after = page.next
  }
}

/** Entries by kind and id, in an order that does not depend on the engine. */
export function named(entries: readonly RevocationEntry[]): readonly string[] {
  return inOrder(entries.map(({ kind, id }) => `${kind} ${id}`))
}

/** The newest step. */
export async function sequenceOf(storage: Storage): Promise<number> {
  return (await storage.readRevocationSteps(0)).position.sequence
}
