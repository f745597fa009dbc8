import { signatureAlgorithms } from '@pawl/protocol'
import type { DocumentCache } from '../client-documents/document-cache.ts'
import type { Reach } from '../client-documents/fetch-document.ts'
import { type ClientKey, readClientKeys } from './assertion-keys.ts'
import { isClientIdUrl } from './client.ts'
import type { AssertionSurroundings } from './client-assertion.ts'
import { clientDocumentUnavailable } from './client-document-unavailable.ts'

/** Bytes that a key set may have. */
export const largestKeySetBytes = 65_536

/** Key sets of clients, by how far one goes for them. */
export type KeySets = Readonly<Record<Reach, Pick<DocumentCache<readonly ClientKey[]>, 'read'>>>

/** What a document holds of keys that a client may sign with; undefined: it is no key set (RFC 7517 section 5). */
export function parseKeySet(document: Readonly<Record<string, unknown>>): readonly ClientKey[] | undefined {
  if (!Array.isArray(document['keys'])) return undefined
  return signatureAlgorithms.flatMap((algorithm) => readClientKeys(document, algorithm))
}

/**
 * Finds the keys of a client: in its registration, or at the URL that stands there.
 *
 * The finder throws {@link ClientDocumentUnavailable} when they cannot be had now, which is no fault of the client's.
 */
export function createClientKeySource(keySets: KeySets): AssertionSurroundings['keysOf'] {
  return async ({ id, assertionKeys, selfRegistration }, anew) => {
    if (assertionKeys === undefined) return []
    // Keys of a registration cannot have changed since they were looked at.
    if ('jwks' in assertionKeys) return anew ? [] : assertionKeys.jwks
    const unknown = selfRegistration !== undefined || isClientIdUrl(id)
    const keySet = await keySets[unknown ? 'public' : 'anywhere'].read(assertionKeys.jwksUri, {
      anew,
    })
    if (keySet.kind === 'unavailable') throw clientDocumentUnavailable(keySet.detail)
    return keySet.kind === 'read' ? keySet.value : []
  }
}
