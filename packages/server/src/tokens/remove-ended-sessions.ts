import type { StoreClock } from './check-access-token.ts'
import type { SessionStore } from './session-store.ts'

const batch = 500

/**
 * Deletes sessions that nothing can ask about any more: ended, and past their absolute expiry by more than the longest
 * life of an access token. Correctness does not wait for it, for expiry is checked on every read (T9.4).
 *
 * @param goOn asked between two batches: lets others have the store, and says whether there is time for another
 * @returns how many rows went
 */
export async function removeEndedSessions(
  store: Pick<SessionStore, 'removeEndedSessions'> & StoreClock,
  longestAccessMilliseconds: number,
  goOn: () => Promise<boolean>,
): Promise<number> {
  const endedBefore = (await store.storeNow()) - longestAccessMilliseconds
  let removed = 0
  do {
    const gone = await store.removeEndedSessions(endedBefore, batch)
    removed += gone
    if (gone < batch) return removed
  } while (await goOn())
  return removed
}
