import type { FailureStore } from './failure-store.ts'

const batch = 500

/**
 * Deletes counts that have ended, a batch at a time. Nothing waits for it: an ended count counts for nothing.
 *
 * @param goOn asked between two batches: lets others have the store, and says whether there is time for another
 * @returns how many rows went
 */
export async function removeEndedFailures(
  store: Pick<FailureStore, 'removeEndedFailures'>,
  goOn: () => Promise<boolean>,
): Promise<number> {
  let removed = 0
  do {
    const gone = await store.removeEndedFailures(batch)
    removed += gone
    if (gone < batch) return removed
  } while (await goOn())
  return removed
}
