import { createDocumentCache } from '../client-documents/document-cache.ts'
import type { FetchDocument, Reach } from '../client-documents/fetch-document.ts'
import type { Clock } from '../secrets/random.ts'
import type { ClientRecord } from './client.ts'
import { type AssertionSurroundings, createAssertionCheck } from './client-assertion.ts'
import { type AuthenticateClient, createClientAuthentication } from './client-authentication.ts'
import { createClientKeySource, largestKeySetBytes, parseKeySet } from './client-key-source.ts'
import type { ClientStore } from './client-store.ts'

/** How requests find their clients. */
export interface ClientIdentification {
  readonly authenticate: AuthenticateClient
}

/**
 * Puts together what tells clients: the store, the documents that clients publish, and the check of what they present.
 *
 * @param options.store also the clock that assertions are judged by
 * @param options.builtIn the server's own public client
 * @param options.clock of this node, for how long documents are kept
 */
export function identifyClients(
  options: Pick<AssertionSurroundings, 'issuer' | 'useOnce'> & {
    readonly store: Pick<ClientStore, 'findClient'> & { readonly storeNow: () => Promise<number> }
    readonly builtIn: ClientRecord
    readonly fetchDocument: FetchDocument
    readonly clock: Clock
  },
): ClientIdentification {
  const { store, builtIn, issuer, useOnce, fetchDocument, clock } = options
  const keySets = (reach: Reach) =>
    createDocumentCache({
      fetch: (url) => fetchDocument({ url, reach, largestBytes: largestKeySetBytes }),
      parse: parseKeySet,
      clock,
    })
  const checkAssertion = createAssertionCheck({
    issuer,
    useOnce,
    now: () => store.storeNow(),
    keysOf: createClientKeySource({ anywhere: keySets('anywhere'), public: keySets('public') }),
  })
  return { authenticate: createClientAuthentication({ store, builtIn, checkAssertion }) }
}
