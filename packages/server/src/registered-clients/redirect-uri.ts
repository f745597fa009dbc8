const loopbackHosts = ['localhost', '127.0.0.1', '[::1]']

/**
 * Whether a client that nobody knows may be sent codes at a URI: https, http on a loopback address, or a scheme of the
 * application's own, which holds a dot (standards AZ-2, MC-5; RFC 8252 section 7.1). Absolute, without fragment, user name
 * and wildcard.
 */
export function isOpenRedirectUri(uri: string): boolean {
  if (uri.length > 2048 || !/^[A-Za-z][A-Za-z0-9+.-]*:[\x21\x24-\x29\x2b-\x3b\x3d\x3f-\x7e]+$/.test(uri)) return false
  if (!URL.canParse(uri)) return false
  const { protocol, username, password, hostname } = new URL(uri)
  if (username !== '' || password !== '') return false
  if (protocol === 'https:') return /^https:\/\/[^/\\]/i.test(uri)
  if (protocol === 'http:') return /^http:\/\/[^/\\]/i.test(uri) && loopbackHosts.includes(hostname)
  return protocol.includes('.')
}
