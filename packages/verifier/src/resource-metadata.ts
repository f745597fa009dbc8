import { isLoopback } from './loopback.ts'

/** What an API tells of itself. */
export interface ProtectedResourceOptions {
  /** The address of the API, as the `aud` of its tokens names it: an https URL without query and fragment. */
  readonly resource: string
  /** Issuers whose tokens it accepts. */
  readonly issuers: readonly string[]
  /** Scopes that may be worth asking for. */
  readonly scopes?: readonly string[]
  /** Its name for people. */
  readonly name?: string
  /** A page for developers. */
  readonly documentation?: string
}

/** The description of an API (RFC 9728 section 2), and where it has to be. */
export interface ProtectedResourceMetadata {
  /** Stands in challenges as `resource_metadata`. */
  readonly url: string
  /** Path of {@link url}: the well-known name goes before the path of the API (RFC 9728 section 3.1). */
  readonly path: string
  readonly document: {
    readonly resource: string
    readonly authorization_servers: readonly string[]
    readonly bearer_methods_supported: readonly ['header']
    readonly scopes_supported?: readonly string[]
    readonly resource_name?: string
    readonly resource_documentation?: string
  }
}

/**
 * Makes the metadata of a protected resource (RFC 9728), by which a client that knows nothing but the API's address finds
 * out where to get a token for it.
 *
 * @throws TypeError for an address that cannot be one
 * @example
 * const { path, document } = protectedResourceMetadata({
 *   resource: 'https://api.example/v1',
 *   issuers: ['https://id.example'],
 * })
 */
export function protectedResourceMetadata(options: ProtectedResourceOptions): ProtectedResourceMetadata {
  const { documentation, issuers, name, resource, scopes } = options
  const url = URL.canParse(resource) ? new URL(resource) : undefined
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))
  if (url === undefined || !safe || /[?#\s]/.test(resource)) {
    throw new TypeError('resource has to be an https URL without query and fragment')
  }
  const path = `/.well-known/oauth-protected-resource${url.pathname === '/' ? '' : url.pathname}`
  return {
    url: url.origin + path,
    path,
    document: {
      resource,
      authorization_servers: issuers,
      bearer_methods_supported: ['header'],
      ...(scopes !== undefined && { scopes_supported: scopes }),
      ...(name !== undefined && { resource_name: name }),
      ...(documentation !== undefined && { resource_documentation: documentation }),
    },
  }
}
