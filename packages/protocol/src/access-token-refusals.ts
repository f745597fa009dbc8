/** Why a resource server refuses a request, with what it means. Part of the table of all reasons. */
export const accessTokenRefusalReasons = {
  missing_token: 'The request carries no access token.',
  malformed_authorization: 'The Authorization is no Bearer token.',
  conflicting_authentication: 'The request authenticates in two ways.',
  malformed: 'The access token is no JWT.',
  wrong_type: 'The token is of another kind.',
  unsupported_algorithm: 'The key is not for this algorithm.',
  unsupported_header: 'The token has an extension.',
  wrong_issuer: 'The token is of another issuer.',
  unknown_key: 'The key of the token is not published.',
  bad_signature: 'The signature does not verify.',
  wrong_audience: 'The token is for another resource.',
  invalid_claim: 'A claim is missing or not of its form.',
  expired: 'The access token has expired.',
  not_yet_valid: 'The access token is not valid yet.',
  wrong_binding: 'The token is bound to a key that is not proven.',
  claims_rejected: 'A claim of the application is not of its form.',
  revoked: 'The access token was revoked.',
  claims_stale: 'The claims have changed. Refresh the access token.',
  missing_scope: 'The access token lacks a scope.',
  missing_role: 'The user lacks a role.',
  authentication_too_weak: 'The user has to authenticate more strongly.',
  authentication_too_old: 'The user has to authenticate again.',
  cross_site: 'Another site sent this request.',
  untrusted_origin: 'The Origin is not trusted.',
  unproven_origin: 'The request has neither Sec-Fetch-Site nor Origin.',
  keys_unavailable: 'The keys cannot be read now.',
  revocation_unknown: 'The revocations cannot be read now.',
} as const

/** A reason of {@link accessTokenRefusalReasons}. */
export type AccessTokenRefusalReason = keyof typeof accessTokenRefusalReasons
