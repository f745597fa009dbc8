/** One entry of the list of what a browser may reach through the BFF. Everything else is 404. */
export interface ApiRoute {
  /** Below the BFF's base path: `/api/` stands for all that begins with it, `/api/notes` for that path alone. */
  readonly path: string
  /** Where that is found: an absolute URL, ending in a slash just as `path` does or does not. */
  readonly to: string | URL
  /** Default `['GET']`; HEAD goes wherever GET goes. */
  readonly methods?: readonly string[]
}

/** What the list says about a request. */
export type RouteMatch =
  | { readonly kind: 'allowed'; readonly url: URL; readonly route: CheckedRoute }
  | { readonly kind: 'method-not-allowed'; readonly methods: readonly string[] }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'unknown' }

/** An entry that can be used. */
export interface CheckedRoute {
  readonly path: string
  readonly to: URL
  readonly methods: ReadonlySet<string>
}

/** Finds the API's URL for a path below the base path. */
export type MatchRoute = (method: string, path: string, search: string) => RouteMatch

/**
 * What servers behind us may read as another path than it looks: an encoded slash, backslash, dot or percent sign, an empty
 * segment, a path parameter, a control character. No API route of an allow-list needs one (BF-4).
 */
const ambiguous = /%2f|%5c|%2e|%25|%3b|;|%[01][0-9a-f]|%7f|\\|\/\/|(^|\/)\.{1,2}(\/|$)|%(?![0-9a-f]{2})/i

/**
 * Checks the list.
 *
 * @throws TypeError naming the entry that cannot be right
 */
export function matchRoutes(routes: readonly ApiRoute[]): MatchRoute {
  const checked = routes.map(checkRoute)
  return (method, path, search) => {
    const route = checked
      .filter((candidate) => covers(candidate, path))
      .reduce<CheckedRoute | undefined>(
        (best, next) => (best && best.path.length >= next.path.length ? best : next),
        undefined,
      )
    if (route === undefined) return { kind: 'unknown' }
    const rest = path.slice(route.path.length)
    if (ambiguous.test(rest) || rest.startsWith('/')) return { kind: 'malformed' }
    if (!route.methods.has(method)) return { kind: 'method-not-allowed', methods: [...route.methods] }
    const url = new URL(route.to)
    url.pathname = route.to.pathname + rest
    url.search = search
    // Whatever was overlooked above: the address is in the list, or it is not asked.
    const inside = url.origin === route.to.origin && url.pathname === route.to.pathname + rest
    return inside ? { kind: 'allowed', url, route } : { kind: 'malformed' }
  }
}

function covers({ path }: CheckedRoute, asked: string): boolean {
  return path.endsWith('/') ? asked.startsWith(path) : asked === path
}

function checkRoute({ path, to, methods = ['GET'] }: ApiRoute): CheckedRoute {
  const fault = (text: string) => new TypeError(`routes: ${path} ${text}`)
  if (!path.startsWith('/') || ambiguous.test(path)) throw fault('is no plain path that begins with a slash')
  if (path.startsWith('/auth/')) throw fault('belongs to the BFF itself')
  if (!URL.canParse(to)) throw fault('has to lead to an absolute URL')
  const url = new URL(to)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw fault('has to lead to an https URL')
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw fault('may not lead to a URL with credentials, a query or a fragment')
  }
  if (path.endsWith('/') !== url.pathname.endsWith('/'))
    throw fault('and its target have both to end in a slash, or neither')
  const known = methods.map((method) => method.toUpperCase())
  if (known.some((method) => !/^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/.test(method)))
    throw fault('has an unknown method')
  return { path, to: url, methods: new Set(known.includes('GET') ? [...known, 'HEAD'] : known) }
}
