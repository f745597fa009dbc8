import { cookieNames } from '@pawl/protocol'
import { getPublicSuffix } from 'tldts'

/** A cookie as the server will set it, all but its value and `Max-Age` (draft-ietf-httpbis-rfc6265bis section 4.1). */
export interface PlannedCookie {
  readonly purpose: 'access' | 'refresh' | 'state'
  readonly name: string
  readonly path: string
  /** Absent: the cookie goes back to exactly the host that set it. None of ours has one. */
  readonly domain?: string
  readonly sameSite: 'Strict' | 'Lax' | 'None'
  readonly secure: boolean
  readonly httpOnly: boolean
}

/** All cookies of a server. */
export type CookiePlan = readonly PlannedCookie[]

/** What the plan depends on. */
export interface CookiePlace {
  /** Whether the issuer is https. */
  readonly secure: boolean
  /** The issuer's path without trailing slash. */
  readonly basePath: string
}

/**
 * The exact cookies of a server. The refresh cookie travels to `/auth` only, and never from another site; the access
 * cookie also comes along when a link leads in; the state cookie tells scripts which generation the jar holds and is
 * no secret.
 */
export function planCookies(place: CookiePlace): CookiePlan {
  const { secure, basePath } = place
  const names = cookieNames(secure)
  return [
    { purpose: 'access', name: names.access, path: '/', sameSite: 'Lax', secure, httpOnly: true },
    { purpose: 'refresh', name: names.refresh, path: `${basePath}/auth`, sameSite: 'Strict', secure, httpOnly: true },
    { purpose: 'state', name: names.state, path: '/', sameSite: 'Lax', secure, httpOnly: false },
  ]
}

/** Longest attribute value that browsers keep (rfc6265bis section 5.6): 1,024 octets. */
const longestAttribute = 1024

/**
 * Why browsers would drop a cookie, often without a word, if a server at this origin set it; empty when they keep it.
 * Standards CK-1 and CK-2.
 *
 * @param origin scheme and host of the server that sets the cookie
 */
export function cookieProblems(cookie: PlannedCookie, origin: string): readonly string[] {
  const { protocol, hostname } = new URL(origin)
  return [
    ...attributeProblems(cookie, protocol),
    ...prefixProblems(cookie),
    ...domainProblems(cookie.domain, hostname),
  ].map((problem) => `the cookie ${cookie.name} ${problem}`)
}

function* attributeProblems(cookie: PlannedCookie, protocol: string): Generator<string> {
  const { name, path, sameSite, secure } = cookie
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) yield 'has a name that is no token'
  if (!/^\/[\x21-\x3a\x3c-\x7e]*$/.test(path))
    yield 'has a Path that does not start with / or holds a character that ends it'
  if (path.length > longestAttribute) yield 'has a Path longer than 1,024 octets'
  if (secure && protocol !== 'https:') yield 'is Secure, which browsers refuse from an http issuer'
  if (sameSite === 'None' && !secure) yield 'has SameSite=None without Secure'
}

/** Browsers compare the prefixes without regard to case. */
function* prefixProblems(cookie: PlannedCookie): Generator<string> {
  const name = cookie.name.toLowerCase()
  if (name.startsWith('__secure-') && !cookie.secure) yield 'has the prefix __Secure- without Secure'
  if (!name.startsWith('__host-')) return
  if (!cookie.secure) yield 'has the prefix __Host- without Secure'
  if (cookie.path !== '/') yield `has the prefix __Host- with Path=${cookie.path}; it must be /`
  if (cookie.domain !== undefined) yield 'has the prefix __Host- with a Domain'
}

function* domainProblems(given: string | undefined, hostname: string): Generator<string> {
  if (given === undefined) return
  const domain = given.replace(/^\./, '').toLowerCase()
  const isAddress = getPublicSuffix(hostname) === null
  if (domain !== hostname && (isAddress || !hostname.endsWith(`.${domain}`))) {
    yield `has Domain=${domain}, which the host ${hostname} does not lie in`
  } else if (getPublicSuffix(domain, { allowPrivateDomains: true }) === domain) {
    yield `has Domain=${domain}, a public suffix under which strangers live`
  }
}
