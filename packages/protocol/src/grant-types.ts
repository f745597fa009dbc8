/**
 * Grant types that a client can be registered for and that `/oauth/token` answers (RFC 6749 sections 4.1, 4.4 and 6, RFC 8628 section 3.4, RFC 8693
 * section 2.1).
 */
export const grantTypes = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:ietf:params:oauth:grant-type:token-exchange',
] as const

/** A grant type of {@link grantTypes}. */
export type GrantType = (typeof grantTypes)[number]

/** Token types of a token exchange (RFC 8693 section 3): what is presented, and what is issued for it. */
export const tokenTypes = {
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  refreshToken: 'urn:ietf:params:oauth:token-type:refresh_token',
} as const

/** Ways in which a client may prove who it is at the token endpoint (RFC 6749 section 2.3, OIDC Core section 9). */
export const clientAuthenticationMethods = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
] as const

/** A method of {@link clientAuthenticationMethods}. */
export type ClientAuthenticationMethod = (typeof clientAuthenticationMethods)[number]

/** `client_assertion_type` of a client that signs who it is (RFC 7523 section 2.2). */
export const clientAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** `typ` of such an assertion, in lower case; as a media type it has `application/` before it. */
export const clientAssertionJwtType = 'client-authentication+jwt'
