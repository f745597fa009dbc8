import type { TicketStore } from './ticket-store.ts'

const batch = 500

/** How long a ticket is kept after its time, in milliseconds: a code that comes a second time is still known for one. */
const keptMilliseconds = 3_600_000

/**
 * Deletes tickets that nothing needs to know of any more, a batch at a time. Nothing waits for it: a ticket whose time is
 * up does not count.
 *
 * @param goOn asked between two batches: lets others have the store, and says whether there is time for another
 * @returns how many rows went
 */
export async function removeEndedTickets(
  store: Pick<TicketStore, 'removeEndedTickets'> & { readonly storeNow: () => Promise<number> },
  goOn: () => Promise<boolean>,
): Promise<number> {
  const endedBefore = (await store.storeNow()) - keptMilliseconds
  let removed = 0
  do {
    const gone = await store.removeEndedTickets(endedBefore, batch)
    removed += gone
    if (gone < batch) return removed
  } while (await goOn())
  return removed
}
