import { type ClientRecord, isClientIdUrl } from './client.ts'
import type { ClientStore } from './client-store.ts'
import { hasExpired } from './self-registration.ts'

/** Finds a client by its id, the built-in one included. */
export type FindClient = (id: string) => Promise<ClientRecord | undefined>

/**
 * Finds clients in a store, and those that are in none: the built-in one, and clients that describe themselves. A
 * registration that has expired is none.
 *
 * @param options.describingThemselves finds a client whose id is a URL; default: there is none
 */
export function createClientFinder(options: {
  readonly store: Pick<ClientStore, 'findClient'> & { readonly storeNow: () => Promise<number> }
  readonly builtIn: ClientRecord
  readonly describingThemselves?: FindClient
}): FindClient {
  const { store, builtIn, describingThemselves } = options
  return async (id) => {
    if (id === builtIn.id) return builtIn
    // What cannot be a client id is not looked up: not every store takes every string.
    if (!/^[\x21-\x7e]{1,2048}$/.test(id)) return undefined
    if (isClientIdUrl(id)) return describingThemselves?.(id)
    const client = await store.findClient(id)
    if (client?.selfRegistration === undefined) return client
    return hasExpired(client, await store.storeNow()) ? undefined : client
  }
}
