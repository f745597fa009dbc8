import type { RequestHead } from './bearer-credential.ts'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Judges a request whose credential is a cookie: could another site have made the browser send it? Safe methods pass,
 * except a WebSocket handshake, which is a GET that browsers send across origins with cookies and without asking.
 *
 * @returns why the request is refused; undefined when it is not
 */
export function judgeOrigin(
  request: RequestHead,
  trustedOrigins: readonly string[],
): 'cross_site' | 'untrusted_origin' | 'unproven_origin' | undefined {
  const { headers } = request
  if (safeMethods.has(request.method.toUpperCase()) && headers.get('upgrade') === null) return undefined
  const origin = headers.get('origin')
  const trusted = origin !== null && trustedOrigins.includes(origin)
  switch (headers.get('sec-fetch-site')) {
    case 'same-origin':
    case 'none':
      return undefined
    case 'same-site':
      return trusted ? undefined : 'untrusted_origin'
    case null:
      if (origin === null) return 'unproven_origin'
      return trusted ? undefined : 'untrusted_origin'
    default:
      return 'cross_site'
  }
}
