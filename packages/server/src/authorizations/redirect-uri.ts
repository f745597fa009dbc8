/** `http` on an address of this machine, its port, and the rest (RFC 8252 section 7.3). */
const loopbackForm = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?((?:[/?].*)?)$/

/**
 * Whether a redirect URI is one of those that were registered: the very same text, but for the port of a loopback
 * address, which a native application gets from its system at the moment (standards AZ-2).
 */
export function isRegisteredRedirectUri(asked: string, registered: readonly string[]): boolean {
  if (registered.includes(asked)) return true
  const [, address, port = '80', rest] = loopbackForm.exec(asked) ?? []
  if (address === undefined || Number(port) > 65_535) return false
  return registered.some((uri) => {
    const [, registeredAddress, , registeredRest] = loopbackForm.exec(uri) ?? []
    return address === registeredAddress && rest === registeredRest
  })
}

/** Puts response parameters behind a registered URI, which keeps the query that it has (RFC 6749 section 3.1.2). */
export function withParameters(uri: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.append(name, value)
  return query.size === 0 ? uri : `${uri}${uri.includes('?') ? '&' : '?'}${query}`
}

/**
 * Where a browser goes with it, as people and a content security policy name it: host and port, or the scheme of an
 * application.
 */
export function redirectPlace(uri: string): { readonly shown: string; readonly policySource: string } {
  const url = new URL(uri)
  const web = url.protocol === 'https:' || url.protocol === 'http:'
  return web
    ? { shown: url.host, policySource: url.origin }
    : { shown: url.protocol.slice(0, -1), policySource: url.protocol }
}
