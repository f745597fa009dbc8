import type { ClientStore } from './client-store.ts'

const batch = 500

/**
 * Deletes registrations that have expired, a batch at a time. Nothing waits for it: an expired one is as good as none.
 *
 * @param goOn asked between two batches: lets others have the store, and says whether there is time for another
 * @returns how many rows went
 */
export async function removeExpiredClients(
  store: Pick<ClientStore, 'removeExpiredClients'> & { readonly storeNow: () => Promise<number> },
  goOn: () => Promise<boolean>,
): Promise<number> {
  let removed = 0
  do {
    const gone = await store.removeExpiredClients(await store.storeNow(), batch)
    removed += gone
    if (gone < batch) return removed
  } while (await goOn())
  return removed
}
