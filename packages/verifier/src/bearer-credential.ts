/** What the verifier reads of a request. A fetch API `Request` is one. */
export interface RequestHead {
  readonly method: string
  /** Absolute, or path and query. */
  readonly url: string
  readonly headers: {
    /** The value of a header, several values joined by a comma; null without any. */
    get(name: string): string | null
  }
}

/** The access token of a request, or why there is none. */
export type Credential =
  | { readonly token: string; readonly source: 'header' | 'cookie' }
  | { readonly reason: 'missing_token' | 'malformed_authorization' | 'conflicting_authentication' }

const bearer = /^bearer(?=[\s,]|$)/i
const bearerToken = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i

/**
 * Finds the access token of a request: in `Authorization: Bearer` (RFC 6750 section 2.1), else, if a cookie name is
 * given, in that cookie. A token in the query is never used, and is an error beside one in the header. The header goes
 * before the cookie, for the browser adds the cookie unasked.
 */
export function findCredential(request: RequestHead, cookieName: string | undefined): Credential {
  const authorization = request.headers.get('authorization')
  if (authorization !== null && bearer.test(authorization)) {
    const token = bearerToken.exec(authorization)?.[1]
    if (token === undefined) return { reason: 'malformed_authorization' }
    if (hasQueryToken(request.url)) return { reason: 'conflicting_authentication' }
    return { token, source: 'header' }
  }
  const cookies = cookieName === undefined ? [] : cookieValues(request.headers.get('cookie') ?? '', cookieName)
  const [token] = cookies
  if (token === undefined) return { reason: 'missing_token' }
  // Two cookies of one name mean that somebody else planted one; which one the browser sends first proves nothing.
  if (cookies.some((other) => other !== token)) return { reason: 'conflicting_authentication' }
  return { token, source: 'cookie' }
}

function hasQueryToken(url: string): boolean {
  return new URLSearchParams(url.replace(/^[^?]*/, '')).has('access_token')
}

function cookieValues(header: string, name: string): readonly string[] {
  const pairs = header.split(';').map((pair) => pair.trim())
  return pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1))
}
