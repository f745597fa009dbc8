import type { ClientStore } from '../registered-clients/client-store.ts'
import type { RevocationStore } from './revocation-store.ts'
import { accessLifetime } from './until-rule.ts'

/**
 * Declares how long the access tokens live that this server issues: to be called before it issues any, and once a minute.
 *
 * @param accessSeconds the server's own setting; clients may have longer lifetimes
 */
export async function declareLifetimes(
  store: Pick<RevocationStore, 'declareAccessLifetime'> &
    Pick<ClientStore, 'listClients'> & { storeNow(): Promise<number> },
  accessSeconds: number,
): Promise<void> {
  const clients = await store.listClients()
  const longest = Math.max(accessSeconds, ...clients.map((client) => client.accessSeconds ?? 0))
  await store.declareAccessLifetime(accessLifetime(longest * 1000, await store.storeNow()))
}
