/** Media type in the `typ` header of our access tokens (RFC 9068 section 2.1). */
export const accessTokenType = 'at+jwt'

/** Signature algorithms that Pawl signs with (RFC 7518, RFC 9864). */
export const signatureAlgorithms = ['ES256', 'Ed25519', 'RS256'] as const

/** An algorithm of {@link signatureAlgorithms}. */
export type SignatureAlgorithm = (typeof signatureAlgorithms)[number]

/** Claims of an access token (RFC 9068 section 2.2). Times are whole seconds since 1970. */
export interface AccessTokenClaims {
  readonly iss: string
  readonly sub: string
  /** One resource as a string, several as an array. */
  readonly aud: string | readonly string[]
  readonly exp: number
  readonly iat: number
  /** Milliseconds within the second of `iat`, 0 to 999: a revocation says from which instant on it holds. */
  readonly iat_ms?: number
  readonly jti: string
  readonly client_id: string
  readonly scope?: string
  /** Session; absent from `client_credentials` tokens. */
  readonly sid?: string
  readonly auth_time?: number
  readonly acr?: string
  readonly amr?: readonly string[]
  readonly roles?: readonly string[]
  /** Key that the presenter must prove (RFC 7800, RFC 9449, RFC 8705). */
  readonly cnf?: { readonly jkt?: string; readonly 'x5t#S256'?: string }
  /** The application's own claims. */
  readonly [claim: string]: unknown
}

/** Names that the application's own claims may not take. */
export const reservedClaims: ReadonlySet<string> = new Set([
  'iss',
  'sub',
  'aud',
  'exp',
  'iat',
  'iat_ms',
  'nbf',
  'jti',
  'client_id',
  'scope',
  'sid',
  'auth_time',
  'acr',
  'amr',
  'cnf',
  'act',
  'may_act',
  'status',
])
