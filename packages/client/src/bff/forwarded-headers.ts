import type { CheckedRoute } from './api-routes.ts'

/** Of the connection, not of the message (RFC 9110 section 7.6.1); together with whatever `Connection` itself names. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** What the browser says to this server and an API has no business with, or what would let it pass for somebody else. */
const keptFromApi = [
  'authorization',
  'cookie',
  'dpop',
  'expect',
  'forwarded',
  'host',
  'origin',
  'referer',
  'via',
  'x-real-ip',
  'x-forwarded-*',
  'sec-*',
]

/** What an API must not do to the application's own origin, or what tells of the connection between it and us. */
const keptFromBrowser = [
  'access-control-*',
  'alt-svc',
  'clear-site-data',
  'location',
  'service-worker-allowed',
  'set-cookie',
  'strict-transport-security',
]

/** The headers of a request as the API gets them. */
export function headersForApi(headers: Headers, accessToken: string): Headers {
  const kept = without(headers, [...hopByHop, ...keptFromApi, 'content-length'])
  kept.set('Authorization', `Bearer ${accessToken}`)
  return kept
}

/**
 * The headers of an API's answer as the browser gets them. Without the Authorization header that made it uncacheable for
 * others, the answer has to say so itself.
 *
 * @param base the BFF's base path
 */
export function headersForBrowser(answer: Response, route: CheckedRoute, base: string): Headers {
  const { headers } = answer
  // `fetch` has decoded the body already, so its length and coding are those of another message.
  const decoded = headers.has('content-encoding') ? ['content-encoding', 'content-length'] : []
  const kept = without(headers, [...hopByHop, ...keptFromBrowser, ...decoded])
  const caching = kept.get('Cache-Control')
  if (caching === null) kept.set('Cache-Control', 'no-store')
  else if (!/(^|[\s,])(public|private|no-store|s-maxage)\b/i.test(caching)) {
    kept.set('Cache-Control', `${caching}, private`)
  }
  kept.append('Vary', 'Cookie')
  const location = locationForBrowser(headers.get('location'), answer.url, route, base)
  if (location !== undefined) kept.set('Location', location)
  return kept
}

/** A redirection within what the list allows leads there by way of the BFF; any other one leads nowhere. */
function locationForBrowser(
  location: string | null,
  asked: string,
  { to, path }: CheckedRoute,
  base: string,
): string | undefined {
  if (location === null || !URL.canParse(location, asked || to)) return undefined
  const { origin, pathname, search, hash } = new URL(location, asked || to)
  if (origin !== to.origin || !pathname.startsWith(to.pathname)) return undefined
  return base + path + pathname.slice(to.pathname.length) + search + hash
}

function without(headers: Headers, names: readonly string[]): Headers {
  const named = (headers.get('connection') ?? '').split(',').map((name) => name.trim().toLowerCase())
  const dropped = [...names, ...named]
  const isDropped = (name: string) =>
    dropped.some((drop) => (drop.endsWith('*') ? name.startsWith(drop.slice(0, -1)) : name === drop))
  return new Headers([...headers].filter(([name]) => !isDropped(name)))
}
