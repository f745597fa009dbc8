import type { RequestHead } from './bearer-credential.ts'

const safeMethod = /^(?:GET|HEAD|OPTIONS)$/i

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
  if (safeMethod.test(request.method) && headers.get('upgrade') === null) return undefined
  const site = headers.get('sec-fetch-site')
  if (site === 'same-origin' || site === 'none') return undefined
  if (site !== 'same-site' && site !== null) return 'cross_site'
  const origin = headers.get('origin')
  if (origin !== null) return trustedOrigins.includes(origin) ? undefined : 'untrusted_origin'
  return site === null ? 'unproven_origin' : 'untrusted_origin'
}
