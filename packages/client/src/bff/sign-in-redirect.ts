import { decodeBase64url, encodeBase64url } from '@pawl/protocol'

/** A sign-in at the issuer's own page, as it is begun and as it comes back (RFC 6749 section 4.1, RFC 7636, RFC 9207). */
export interface SignInRedirect {
  /** @param returnTo where in the application the user shall be afterwards */
  readonly begin: (returnTo: string) => Promise<{ readonly location: string; readonly cookie: string }>
  /**
   * Reads what the issuer sent back.
   *
   * @param cookie what {@link SignInRedirect.begin} gave to the browser
   */
  readonly read: (parameters: URLSearchParams, cookie: string | undefined) => Promise<SignInReturn>
}

/** What came back from the issuer's page. */
export type SignInReturn =
  | { readonly kind: 'code'; readonly code: string; readonly verifier: string; readonly returnTo: string }
  /** Not the answer to a sign-in that this browser began, or not from this issuer. */
  | { readonly kind: 'foreign' }
  /** The issuer or the user said no. */
  | { readonly kind: 'refused'; readonly error: string; readonly returnTo: string }

/** What it works with. */
export interface SignInRedirectParts {
  readonly issuer: string
  readonly clientId: string
  readonly redirectUri: string
  readonly scope: readonly string[]
  readonly resources: readonly string[]
  readonly random: (bytes: number) => Uint8Array
}

const seedBytes = 32

export function createSignInRedirect(parts: SignInRedirectParts): SignInRedirect {
  const { issuer, clientId, redirectUri, scope, resources, random } = parts
  return {
    begin: async (returnTo) => {
      const seed = encodeBase64url(random(seedBytes))
      const url = new URL(`${issuer}/oauth/authorize`)
      const query = {
        response_type: 'code',
        client_id: clientId,
        redirect_uri: redirectUri,
        state: await derive('state', seed),
        code_challenge: await digest(await derive('verifier', seed)),
        code_challenge_method: 'S256',
        ...(scope.length > 0 && { scope: scope.join(' ') }),
      }
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
      for (const resource of resources) url.searchParams.append('resource', resource)
      return { location: url.href, cookie: `${seed}.${encodeBase64url(new TextEncoder().encode(returnTo))}` }
    },
    read: async (parameters, cookie) => {
      const { seed, returnTo } = readCookie(cookie)
      if (seed === undefined) return { kind: 'foreign' }
      // Another issuer's code must not be redeemed here (RFC 9207): ours always says who it is.
      const ours = parameters.get('iss') === issuer && parameters.get('state') === (await derive('state', seed))
      const repeated = ['code', 'state', 'iss', 'error'].some((name) => parameters.getAll(name).length > 1)
      if (!ours || repeated) return { kind: 'foreign' }
      const error = parameters.get('error')
      if (error !== null) return { kind: 'refused', error, returnTo }
      const code = parameters.get('code')
      if (code === null) return { kind: 'foreign' }
      return { kind: 'code', code, verifier: await derive('verifier', seed), returnTo }
    },
  }
}

/**
 * A path of the application, or `/` for all else: what a link says must not lead the user out of it. Control characters go
 * before a browser would skip them, and a backslash counts as a slash, as browsers take it.
 *
 * @param origin the application's own
 */
export function pathWithin(origin: string, returnTo: string | null): string {
  if (returnTo === null || !returnTo.startsWith('/') || !URL.canParse(returnTo, origin)) return '/'
  const url = new URL(returnTo, origin)
  return url.origin === origin ? url.pathname + url.search + url.hash : '/'
}

function readCookie(cookie: string | undefined): { readonly seed: string | undefined; readonly returnTo: string } {
  const [, seed, path = ''] = /^([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]+)$/.exec(cookie ?? '') ?? []
  const bytes = decodeBase64url(path)
  return { seed: bytes && seed, returnTo: bytes === undefined ? '/' : new TextDecoder().decode(bytes) }
}

/** One random value in one HttpOnly cookie is enough: what travels openly is derived from it and does not give it away. */
async function derive(label: string, seed: string): Promise<string> {
  return digest(`pawl sign-in ${label} ${seed}`)
}

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return encodeBase64url(new Uint8Array(bytes))
}
