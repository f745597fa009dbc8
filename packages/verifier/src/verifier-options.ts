import { type SignatureAlgorithm, type StandardSchema, signatureAlgorithms } from '@pawl/protocol'
import { isLoopback } from './loopback.ts'
import { assertWhenStale, type WhenStale } from './requirement.ts'
import type { ProtectedResourceMetadata } from './resource-metadata.ts'
import type { RevocationSource } from './revocation-source.ts'
import { holdsTestKey } from './test-keys.ts'
import type { TokenCacheLimits } from './token-cache.ts'
import { isUsable } from './verification-key.ts'

/** What fetches the key set and the revocation feed: `globalThis.fetch` or something of its shape. */
export type KeySetFetch = (url: string, init: RequestInit) => Promise<Response>

/** An issuer that is believed. */
export interface IssuerOptions {
  /** The issuer whose access tokens are accepted, spelled exactly as in their `iss` claim. */
  readonly issuer: string
  /** The resource that this API is. A token is accepted when its `aud` names it, or any of several, character by character. */
  readonly audience: string | readonly [string, ...string[]]
  /** Where the issuer publishes its keys. Default: the issuer followed by `/oauth/jwks`. */
  readonly jwksUri?: string
  /** Signature algorithms that are accepted. Default: ES256 and Ed25519. RS256 has to be asked for. */
  readonly algorithms?: readonly [SignatureAlgorithm, ...SignatureAlgorithm[]]
  /**
   * A key set (RFC 7517) to begin with, so that a start needs no issuer within reach. It serves until the issuer has
   * answered once, for as long as that takes, and is never used again.
   */
  readonly pinnedKeys?: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  /** Learn what the issuer revokes: `revocationFeed()`. Default: tokens are believed until they expire. */
  readonly revocations?: RevocationSource
  /**
   * Accept keys that are marked as for tests. The secret of such an issuer is published with `@pawl/test-kit`, so that
   * everybody can forge its tokens: never set this outside of a test.
   */
  readonly dangerouslyAcceptTestKeys?: boolean
}

/** What an API believes, and how it reads requests. `Own`: the application's own claims. */
export interface VerifierOptions<Own extends object = object> extends IssuerOptions {
  /** Further issuers that are believed, each by its own keys and for its own audience. No other is ever asked. */
  readonly furtherIssuers?: readonly IssuerOptions[]
  /**
   * What the application's own claims have to be: a schema of any library that follows Standard Schema. It types
   * `claims` and is run for each token; tokens whose claims it does not accept are refused.
   */
  readonly claims?: StandardSchema<Own>
  /** What to do while a revocation feed is stale, unless a route says otherwise. Default `accept`. */
  readonly whenStale?: WhenStale
  /** By how many seconds the clocks of issuer and API may differ. Default 30, at most 60. */
  readonly clockSkewSeconds?: number
  /** After how many seconds the keys are fetched again, which bounds how long a withdrawn key is believed. Default 300. */
  readonly keysMaxAgeSeconds?: number
  /** For how many further seconds known keys are used when the issuer cannot be reached. Default 86,400 (a day). */
  readonly keysStaleIfErrorSeconds?: number
  /**
   * How many accepted tokens are remembered, so that their signatures are not verified again; false for none. All else is
   * checked anew each time. Default at most 10,000 tokens and about 32 MiB.
   */
  readonly cache?: false | { readonly maxTokens?: number; readonly maxBytes?: number }
  /**
   * Also accept the access token from the cookie that Pawl sets. Default false: a cookie is sent by the browser whoever
   * wrote the page, so with it unsafe requests are refused unless they come from this origin or a trusted one.
   */
  readonly cookie?: boolean
  /** Origins (`https://app.example`) whose pages may send unsafe requests with the cookie. Default: the issuer's own. */
  readonly trustedOrigins?: readonly string[]
  /** How this API describes itself, made by `protectedResourceMetadata()`; challenges then say where. */
  readonly resourceMetadata?: ProtectedResourceMetadata
  /** Allows an issuer or key set on plain http that is not this machine. Whoever is in between can then forge tokens. */
  readonly dangerouslyAllowHttp?: boolean
  /** Default `globalThis.fetch`. */
  readonly fetch?: KeySetFetch
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly clock?: () => number
}

/** Options of one issuer, checked, with the defaults filled in. */
export interface IssuerSettings extends IssuerOptions {
  readonly audience: readonly [string, ...string[]]
  readonly jwksUri: string
  readonly algorithms: readonly [SignatureAlgorithm, ...SignatureAlgorithm[]]
}

/** Options, checked, with the defaults filled in. */
export interface VerifierSettings {
  /** The first one is the one whose cookie is read. */
  readonly issuers: readonly [IssuerSettings, ...IssuerSettings[]]
  readonly whenStale: WhenStale
  readonly clockSkewSeconds: number
  readonly keysMaxAgeSeconds: number
  readonly keysStaleIfErrorSeconds: number
  readonly cache: TokenCacheLimits
  readonly trustedOrigins: readonly string[]
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError naming the option that cannot be right
 */
export function readOptions(options: VerifierOptions): VerifierSettings {
  const { cache = {}, dangerouslyAllowHttp, furtherIssuers = [], resourceMetadata, whenStale = 'accept' } = options
  const readIssuer = (each: IssuerOptions) => readIssuerOptions(each, dangerouslyAllowHttp)
  const issuers = [readIssuer(options), ...furtherIssuers.map(readIssuer)] as const
  if (new Set(issuers.map(({ issuer }) => issuer)).size < issuers.length) {
    throw new TypeError('furtherIssuers names one twice')
  }
  assertWhenStale(whenStale)
  if (whenStale !== 'accept' && issuers.every(({ revocations }) => revocations === undefined)) {
    throw new TypeError('whenStale needs revocations')
  }
  if (resourceMetadata !== undefined && !issuers[0].audience.includes(resourceMetadata.document.resource)) {
    throw new TypeError('resourceMetadata is of another audience')
  }
  const { trustedOrigins = [new URL(options.issuer).origin] } = options
  for (const origin of trustedOrigins) {
    if (readUrl('trustedOrigins', origin, true).origin !== origin) {
      throw new TypeError(`trustedOrigins: ${origin} is no origin`)
    }
  }
  const limits = cache === false ? { maxTokens: 0 } : cache
  return {
    issuers,
    whenStale,
    trustedOrigins,
    clockSkewSeconds: readNumber(options, 'clockSkewSeconds', 30, 60),
    keysMaxAgeSeconds: readNumber(options, 'keysMaxAgeSeconds', 300, 86_400),
    keysStaleIfErrorSeconds: readNumber(options, 'keysStaleIfErrorSeconds', 86_400, 31_536_000),
    cache: {
      tokens: readNumber(limits, 'maxTokens', 10_000, 1e7),
      bytes: readNumber(limits, 'maxBytes', 33_554_432, 1e10),
    },
  }
}

function readIssuerOptions(options: IssuerOptions, anyHttp: boolean | undefined): IssuerSettings {
  const { algorithms = ['ES256', 'Ed25519'], audience, issuer, pinnedKeys } = options
  readUrl('issuer', issuer, anyHttp)
  const jwksUri = options.jwksUri ?? `${issuer.replace(/\/$/, '')}/oauth/jwks`
  readUrl('jwksUri', jwksUri, anyHttp)
  if (algorithms.length === 0 || !algorithms.every((algorithm) => signatureAlgorithms.includes(algorithm))) {
    throw new TypeError(`algorithms has to name some of ${signatureAlgorithms.join(', ')}`)
  }
  if (pinnedKeys?.keys.some(isUsable) === false) throw new TypeError('pinnedKeys holds no usable key')
  if (pinnedKeys && !options.dangerouslyAcceptTestKeys && holdsTestKey(pinnedKeys.keys)) {
    throw new TypeError('pinnedKeys holds a key for tests')
  }
  return { ...options, algorithms, audience: readAudience(audience), jwksUri }
}

function readAudience(audience: IssuerOptions['audience']): readonly [string, ...string[]] {
  const list = [audience].flat()
  const [first, ...others] = list
  if (first === undefined || !list.every((entry) => typeof entry === 'string' && entry !== '')) {
    throw new TypeError('audience has to name this API')
  }
  return [first, ...others]
}

function readNumber<Name extends string>(
  options: { readonly [name in Name]?: number },
  name: Name,
  otherwise: number,
  most: number,
): number {
  const value: number = options[name] ?? otherwise
  if (!(value >= 0 && value <= most)) throw new TypeError(`${name} has to be between 0 and ${most}`)
  return value
}

/**
 * Reads an address that is to be trusted: https, or http on this machine, or any http where that is allowed.
 *
 * @throws TypeError naming what the address is for
 */
export function readUrl(name: string, text: string, anyHttp: boolean | undefined): URL {
  const url = URL.parse(text)
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && (anyHttp || isLoopback(url.hostname)))
  if (!safe || /[?#\s]/.test(text) || url.username !== '' || url.password !== '') {
    throw new TypeError(`${name} has to be an https URL (http: loopback), no query, fragment, credentials`)
  }
  return url
}
