import { createDocumentCache } from '../client-documents/document-cache.ts'
import type { FetchDocument, Reach } from '../client-documents/fetch-document.ts'
import { limitPerHost } from '../client-documents/host-limit.ts'
import type { RevocationStore } from '../revocations/revocation-store.ts'
import type { Clock, Random } from '../secrets/random.ts'
import type { ClientRecord } from './client.ts'
import { type AssertionSurroundings, createAssertionCheck } from './client-assertion.ts'
import { type AuthenticateClient, createClientAuthentication } from './client-authentication.ts'
import { createClientDocumentFinder, largestClientDocumentBytes, readClientDocument } from './client-id-document.ts'
import { createClientKeySource, largestKeySetBytes, parseKeySet } from './client-key-source.ts'
import type { OpenClientLimits } from './client-metadata.ts'
import type { ClientStore } from './client-store.ts'
import { createClientFinder, type FindClient } from './find-client.ts'
import { createSelfRegistrations, type SelfRegistrations } from './self-registration.ts'

/** How requests find their clients. */
export interface ClientIdentification {
  readonly find: FindClient
  readonly authenticate: AuthenticateClient
  readonly selfRegistrations: SelfRegistrations
}

/**
 * Puts together what tells clients: the store, the documents that clients publish, and the check of what they present.
 *
 * @param options.store also the clock that assertions are judged by
 * @param options.builtIn the server's own public client
 * @param options.clock of this node, for how long documents are kept
 */
export function identifyClients(
  options: Pick<AssertionSurroundings, 'useOnce'> & {
    readonly store: ClientStore & Pick<RevocationStore, 'addRevocation'> & { readonly storeNow: () => Promise<number> }
    readonly settings: {
      readonly issuer: string
      readonly idleSeconds: number
      readonly clientDocuments: boolean
      readonly openClients: OpenClientLimits
    }
    readonly random: Random
    readonly builtIn: ClientRecord
    readonly fetchDocument: FetchDocument
    readonly clock: Clock
  },
): ClientIdentification {
  const { store, builtIn, settings, useOnce, random, clock } = options
  const { openClients } = settings
  const fetchDocument = limitPerHost(options.fetchDocument, clock)
  const now = () => store.storeNow()
  const keySets = (reach: Reach) =>
    createDocumentCache({
      fetch: (url) => fetchDocument({ url, reach, largestBytes: largestKeySetBytes }),
      parse: parseKeySet,
      clock,
    })
  const checkAssertion = createAssertionCheck({
    issuer: settings.issuer,
    useOnce,
    now,
    keysOf: createClientKeySource({ anywhere: keySets('anywhere'), public: keySets('public') }),
  })
  const documents = createDocumentCache({
    fetch: (url) => fetchDocument({ url, reach: 'public', largestBytes: largestClientDocumentBytes }),
    parse: (document, url) => readClientDocument(document, url, openClients),
    clock,
  })
  const describingThemselves = settings.clientDocuments ? createClientDocumentFinder(documents) : undefined
  const find = createClientFinder({
    store,
    builtIn,
    ...(describingThemselves !== undefined && { describingThemselves }),
  })
  return {
    find,
    authenticate: createClientAuthentication({ find, checkAssertion }),
    selfRegistrations: createSelfRegistrations({
      store,
      findClient: find,
      now,
      random,
      limits: openClients,
      sessionIdleMilliseconds: settings.idleSeconds * 1000,
    }),
  }
}
