import type { ProtectedResourceMetadata } from '../resource-metadata.ts'
import type { Verifier } from '../verifier.ts'

/** What makes the reply with an API's description, and at which path. */
export interface MetadataReply {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Prepares the description of an API (RFC 9728 section 3). Any page may read it: it is for those who have no token yet.
 *
 * @throws TypeError for a verifier that was made without the option `resourceMetadata`
 */
export function prepareMetadata(verifier: Pick<Verifier, 'resourceMetadata'>): MetadataReply {
  const metadata: ProtectedResourceMetadata | undefined = verifier.resourceMetadata
  if (metadata === undefined) throw new TypeError('the verifier was made without the option resourceMetadata')
  return {
    path: metadata.path,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'public, max-age=300',
      'Access-Control-Allow-Origin': '*',
    },
    body: JSON.stringify(metadata.document),
  }
}

/** Whether a request asks for the description. `url`: absolute, or path and query. */
export function asksForMetadata(method: string, url: string, path: string): boolean {
  const asked = URL.canParse(url) ? new URL(url).pathname : url.replace(/\?.*$/s, '')
  return (method === 'GET' || method === 'HEAD') && asked === path
}
