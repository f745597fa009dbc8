/** Why a resource server refuses a request, with what it means. Part of the table of all reasons. */
export const accessTokenRefusalReasons = {
  missing_token: 'The request carries no access token.',
  malformed_authorization: 'The Authorization header is not the word Bearer, a space and one token.',
  conflicting_authentication: 'Two ways of authentication were used at once.',
  malformed: 'The access token is not a well-formed JWT.',
  wrong_type: 'The token is of another kind.',
  unsupported_algorithm: 'The signature algorithm is not one that this key may use.',
  unsupported_header: 'The header of the token asks for an extension that is not supported.',
  wrong_issuer: 'The token was issued by another server.',
  unknown_key: 'No published key has this key id.',
  bad_signature: 'The signature does not verify.',
  wrong_audience: 'The token is meant for another resource.',
  invalid_claim: 'A claim of the access token is missing or not of its form.',
  expired: 'The access token has expired.',
  not_yet_valid: 'The access token is not valid yet.',
  wrong_binding: 'The token is bound to a key that this request did not prove.',
  claims_rejected: "The application's own claims are not of the form that is expected here.",
  revoked: 'The access token was revoked.',
  claims_stale: 'The claims of the user have changed. Refresh the access token.',
  missing_scope: 'The access token lacks a scope that this request needs.',
  missing_role: 'The user lacks a role that this request needs.',
  authentication_too_weak: 'The user has to authenticate in a stronger way.',
  authentication_too_old: 'The user has to authenticate again.',
  cross_site: 'The browser says that another site sent this request.',
  untrusted_origin: 'The Origin is not on the list of trusted origins.',
  unproven_origin: 'The request carries our cookies but neither Sec-Fetch-Site nor Origin.',
  keys_unavailable: 'The keys of the issuer cannot be read at the moment.',
  revocation_unknown: 'The revocations of the issuer cannot be read at the moment.',
} as const

/** A reason of {@link accessTokenRefusalReasons}. */
export type AccessTokenRefusalReason = keyof typeof accessTokenRefusalReasons
