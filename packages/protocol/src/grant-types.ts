/** Grant types that a client can be registered for and that `/oauth/token` answers (RFC 6749 sections 4.4 and 6). */
export const grantTypes = ['refresh_token', 'client_credentials'] as const

/** A grant type of {@link grantTypes}. */
export type GrantType = (typeof grantTypes)[number]

/** Ways in which a client may prove who it is at the token endpoint (RFC 6749 section 2.3, OIDC Core section 9). */
export const clientAuthenticationMethods = ['none', 'client_secret_basic', 'client_secret_post'] as const

/** A method of {@link clientAuthenticationMethods}. */
export type ClientAuthenticationMethod = (typeof clientAuthenticationMethods)[number]
