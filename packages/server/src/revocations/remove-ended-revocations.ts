import type { RevocationStore } from './revocation-store.ts'

const batch = 500

/**
 * Deletes entries of the feed that can cover no living token any more. Correctness does not wait for it, for what has
 * expired is left out wherever the feed is read (T6.4, T9.4).
 *
 * @param goOn asked between two batches: lets others have the store, and says whether there is time for another
 * @returns how many entries went
 */
export async function removeEndedRevocations(
  store: Pick<RevocationStore, 'removeEndedRevocations'>,
  goOn: () => Promise<boolean>,
): Promise<number> {
  let removed = 0
  do {
    const gone = await store.removeEndedRevocations(batch)
    removed += gone
    if (gone < batch) return removed
  } while (await goOn())
  return removed
}
