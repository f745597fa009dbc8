import type { DocumentCache } from '../client-documents/document-cache.ts'
import { type ClientRecord, isClientIdUrl } from './client.ts'
import { clientDocumentUnavailable } from './client-document-unavailable.ts'
import { type OpenClientLimits, readClientMetadata } from './client-metadata.ts'
import type { FindClient } from './find-client.ts'

/** Bytes that a document may have (standards CM-3). */
export const largestClientDocumentBytes = 5_120

/**
 * Whether a URL can be the id of a client (standards CM-1): https, with a path, without dot segments, fragment and user
 * name. In its one canonical spelling: two ids that differ are two clients.
 */
function isWellFormed(id: string): boolean {
  if (!isClientIdUrl(id) || !URL.canParse(id)) return false
  const { href, pathname, hash, username, password } = new URL(id)
  const canonical = href === id && !id.includes('#') && hash === ''
  return canonical && pathname !== '/' && username === '' && password === ''
}

/**
 * Makes a client of a Client ID Metadata Document (standards CM-2).
 *
 * @param url where it was found: it must name just that as its `client_id`
 * @returns undefined where it does not describe a client that may be one here
 */
export function readClientDocument(
  document: Readonly<Record<string, unknown>>,
  url: string,
  limits: OpenClientLimits,
): ClientRecord | undefined {
  if (document['client_id'] !== url) return undefined
  // Whoever can read the document would know a secret as well.
  if ('client_secret' in document || 'client_secret_expires_at' in document) return undefined
  const { token_endpoint_auth_method: method = 'none' } = document
  if (method !== 'none' && method !== 'private_key_jwt') return undefined
  const reading = readClientMetadata({ ...document, token_endpoint_auth_method: method }, limits)
  if (!reading.ok) return undefined
  return {
    ...reading.metadata,
    id: url,
    type: method === 'none' ? 'public' : 'confidential',
    secretHash: null,
    resources: limits.resources,
    policy: 'rotating',
    accessSeconds: null,
    // It was never registered, so it is never younger than a token of its own.
    createdAt: 0,
  }
}

/**
 * Finds clients whose id is the URL of a document that describes them; nothing of them is stored.
 *
 * The finder throws {@link ClientDocumentUnavailable} when the document cannot be had now.
 */
export function createClientDocumentFinder(documents: Pick<DocumentCache<ClientRecord>, 'read'>): FindClient {
  return async (id) => {
    if (!isWellFormed(id)) return undefined
    const found = await documents.read(id)
    if (found.kind === 'unavailable') throw clientDocumentUnavailable(found.detail)
    return found.kind === 'read' ? found.value : undefined
  }
}
