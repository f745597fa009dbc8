import { removeEndedTickets } from './authorizations/remove-ended-tickets.ts'
import type { Settings } from './configuration/settings.ts'
import { longestClientAccessSeconds } from './registered-clients/client-registration.ts'
import { removeExpiredClients } from './registered-clients/remove-expired-clients.ts'
import { declareLifetimes } from './revocations/declare-lifetimes.ts'
import { removeEndedRevocations } from './revocations/remove-ended-revocations.ts'
import type { Storage } from './storage/store-ports.ts'
import { removeEndedFailures } from './throttling/remove-ended-failures.ts'
import { removeEndedSessions } from './tokens/remove-ended-sessions.ts'

/**
 * Clears away what has ended. Expired rows are refused wherever they are read; this only makes room.
 *
 * @param goOn asked between two batches, see {@link removeEndedSessions}
 */
export async function keepHouse(
  storage: Storage,
  { accessSeconds }: Settings,
  goOn: () => Promise<boolean>,
): Promise<void> {
  await declareLifetimes(storage, accessSeconds)
  await removeEndedSessions(storage, longestClientAccessSeconds * 1000, goOn)
  await removeEndedFailures(storage, goOn)
  await removeExpiredClients(storage, goOn)
  await removeEndedRevocations(storage, goOn)
  await removeEndedTickets(storage, goOn)
}
