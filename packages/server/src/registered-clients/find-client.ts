import type { ClientRecord } from './client.ts'
import type { ClientStore } from './client-store.ts'
import { hasExpired } from './self-registration.ts'

/** Finds a client by its id, the built-in one included. */
export type FindClient = (id: string) => Promise<ClientRecord | undefined>

/**
 * Finds clients in a store, and the built-in one, which is in no store. A registration that has expired is none.
 */
export function createClientFinder(options: {
  readonly store: Pick<ClientStore, 'findClient'> & { readonly storeNow: () => Promise<number> }
  readonly builtIn: ClientRecord
}): FindClient {
  const { store, builtIn } = options
  return async (id) => {
    if (id === builtIn.id) return builtIn
    // What cannot be a client id is not looked up: not every store takes every string.
    const client = /^[\x21-\x7e]{1,2048}$/.test(id) ? await store.findClient(id) : undefined
    if (client?.selfRegistration === undefined) return client
    return hasExpired(client, await store.storeNow()) ? undefined : client
  }
}
