import { type SignatureAlgorithm, signatureAlgorithms } from '@pawl/protocol'

/** What fetches the key set: `globalThis.fetch` or something of its shape. */
export type KeySetFetch = (url: string, init: RequestInit) => Promise<Response>

/** What an API believes, and how it reads requests. */
export interface VerifierOptions {
  /** The issuer whose access tokens are accepted, spelled exactly as in their `iss` claim. */
  readonly issuer: string
  /** The resource that this API is. A token is accepted when its `aud` names it, or any of several, character by character. */
  readonly audience: string | readonly [string, ...string[]]
  /** Where the issuer publishes its keys. Default: the issuer followed by `/oauth/jwks`. */
  readonly jwksUri?: string
  /** Signature algorithms that are accepted. Default: ES256 and Ed25519. RS256 has to be asked for. */
  readonly algorithms?: readonly [SignatureAlgorithm, ...SignatureAlgorithm[]]
  /** By how many seconds the clocks of issuer and API may differ. Default 30, at most 60. */
  readonly clockSkewSeconds?: number
  /** After how many seconds the keys are fetched again, which bounds how long a withdrawn key is believed. Default 300. */
  readonly keysMaxAgeSeconds?: number
  /** For how many further seconds known keys are used when the issuer cannot be reached. Default 86,400 (a day). */
  readonly keysStaleIfErrorSeconds?: number
  /**
   * Also accept the access token from the cookie that Pawl sets. Default false: a cookie is sent by the browser whoever
   * wrote the page, so with it unsafe requests are refused unless they come from this origin or a trusted one.
   */
  readonly cookie?: boolean
  /** Origins (`https://app.example`) whose pages may send unsafe requests with the cookie. Default: the issuer's own. */
  readonly trustedOrigins?: readonly string[]
  /** Allows an issuer or key set on plain http that is not this machine. Whoever is in between can then forge tokens. */
  readonly dangerouslyAllowHttp?: boolean
  /** Default `globalThis.fetch`. */
  readonly fetch?: KeySetFetch
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly clock?: () => number
}

/** Options with every default filled in. */
export interface VerifierSettings {
  readonly issuer: string
  readonly audience: readonly [string, ...string[]]
  readonly jwksUri: string
  readonly algorithms: readonly SignatureAlgorithm[]
  readonly clockSkewSeconds: number
  readonly keysMaxAgeSeconds: number
  readonly keysStaleIfErrorSeconds: number
  readonly trustedOrigins: readonly string[]
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError naming the option that cannot be right
 */
export function readOptions(options: VerifierOptions): VerifierSettings {
  const anyHttp = options.dangerouslyAllowHttp ?? false
  const issuer = readUrl('issuer', options.issuer, anyHttp)
  const algorithms = options.algorithms ?? ['ES256', 'Ed25519']
  if (algorithms.length === 0) throw new TypeError('algorithms is empty')
  for (const algorithm of algorithms) {
    if (!signatureAlgorithms.includes(algorithm)) throw new TypeError(`algorithms: ${algorithm} is not supported`)
  }
  const jwksUri = options.jwksUri ?? `${options.issuer.replace(/\/$/, '')}/oauth/jwks`
  readUrl('jwksUri', jwksUri, anyHttp)
  const trustedOrigins = options.trustedOrigins ?? [issuer.origin]
  for (const origin of trustedOrigins) {
    if (readUrl('trustedOrigins', origin, true).origin !== origin) {
      throw new TypeError(`trustedOrigins: ${origin} is not an origin; write scheme, host and port alone`)
    }
  }
  return {
    issuer: options.issuer,
    audience: readAudience(options.audience),
    jwksUri,
    algorithms,
    clockSkewSeconds: readSeconds('clockSkewSeconds', options.clockSkewSeconds ?? 30, 60),
    keysMaxAgeSeconds: readSeconds('keysMaxAgeSeconds', options.keysMaxAgeSeconds ?? 300, 86_400),
    keysStaleIfErrorSeconds: readSeconds(
      'keysStaleIfErrorSeconds',
      options.keysStaleIfErrorSeconds ?? 86_400,
      31_536_000,
    ),
    trustedOrigins,
  }
}

function readAudience(audience: VerifierOptions['audience']): readonly [string, ...string[]] {
  const list: readonly [string, ...string[]] = typeof audience === 'string' ? [audience] : audience
  if (!Array.isArray(list) || list.length === 0 || !list.every((entry) => typeof entry === 'string' && entry !== '')) {
    throw new TypeError('audience has to name the resource that this API is')
  }
  return list
}

function readSeconds(name: string, seconds: number, most: number): number {
  if (!(seconds >= 0 && seconds <= most)) throw new TypeError(`${name} has to be between 0 and ${most}`)
  return seconds
}

function readUrl(name: string, text: string, anyHttp: boolean): URL {
  if (typeof text !== 'string' || !URL.canParse(text)) throw new TypeError(`${name} has to be an absolute URL`)
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TypeError(`${name} has to be an https URL`)
  if (url.protocol === 'http:' && !anyHttp && !isLoopback(url.hostname)) {
    throw new TypeError(`${name} is on plain http; use https, or dangerouslyAllowHttp where nobody can be in between`)
  }
  if (/[?#\s]/.test(text) || url.username !== '' || url.password !== '') {
    throw new TypeError(`${name} may not have a query, a fragment, white space or credentials`)
  }
  return url
}

/** Whether a host (as `URL` spells it) can only be this machine. */
function isLoopback(hostname: string): boolean {
  return /^(?:localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
}
