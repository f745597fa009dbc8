import { z } from 'zod'

/** What the public contract says stands in each reply, and nothing more: a member that appears unannounced is refused. */

const user = z.strictObject({ id: z.string().min(1), username: z.string().min(1), roles: z.array(z.string()) })
const seconds = z.int().min(0)
const refreshToken = z.string().regex(/^pawl_rt_[A-Za-z0-9_-]{92}$/)
/** Three non-empty base64url parts: printable ASCII and token68 as it stands (TK-9). */
const accessToken = z.string().regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/)
const sessionId = z.string().regex(/^[A-Za-z0-9_-]{22}$/)
const perResource = z.record(z.string(), z.strictObject({ access_token: accessToken, expires_in: seconds }))
const instant = z.iso.datetime({ precision: 3 })

const lifetimes = {
  expires_in: seconds,
  refresh_in: seconds,
  refresh_token_timeout: seconds,
  authorization_expires_in: seconds,
}

/** `POST /auth/login` and `/auth/refresh` with cookie delivery. */
export const cookieReply = z.strictObject({
  session_id: sessionId,
  user,
  ...lifetimes,
  access_tokens: perResource.optional(),
})

/** The same with `access: "memory"`. */
export const memoryReply = z.strictObject({
  ...cookieReply.shape,
  access_token: accessToken,
  token_type: z.literal('Bearer'),
})

/** The same with `delivery: "body"`. */
export const bodyReply = z.strictObject({ ...memoryReply.shape, refresh_token: refreshToken })

/** `POST /oauth/token` with `grant_type=refresh_token` (RFC 6749 section 5.1). */
export const refreshGrantReply = z.strictObject({
  access_token: accessToken,
  token_type: z.literal('Bearer'),
  ...lifetimes,
  scope: z.string().optional(),
  refresh_token: refreshToken,
})

/** `POST /oauth/token` with `grant_type=authorization_code` (OpenID Connect Core section 3.1.3.3). */
export const codeGrantReply = z.strictObject({ ...refreshGrantReply.shape, id_token: accessToken.optional() })

/** `POST /oauth/token` with `grant_type=client_credentials` (RFC 6749 section 4.4.3): no refresh token. */
export const clientCredentialsReply = z.strictObject({
  access_token: accessToken,
  token_type: z.literal('Bearer'),
  expires_in: seconds,
  scope: z.string().optional(),
})

/** `POST /oauth/token` with a token exchange (RFC 8693 section 2.2.1): an access token, and nothing that could rotate. */
export const tokenExchangeReply = z.strictObject({
  access_token: accessToken,
  issued_token_type: z.literal('urn:ietf:params:oauth:token-type:access_token'),
  token_type: z.literal('Bearer'),
  expires_in: seconds,
  scope: z.string().optional(),
})

/** `GET /auth/session`. */
export const sessionReply = z.strictObject({
  session_id: sessionId,
  user,
  client_id: z.string(),
  created_at: instant,
  last_used_at: instant,
  ends_at: instant,
})

/** `GET /auth/sessions`. */
export const sessionsReply = z.strictObject({
  sessions: z.array(
    z.strictObject({
      session_id: sessionId,
      client_id: z.string(),
      created_at: instant,
      last_used_at: instant,
      ends_at: instant,
      address: z.string().nullable(),
      user_agent: z.string().nullable(),
      current: z.literal(true).optional(),
    }),
  ),
})

/** `POST /oauth/introspect` for a token that is not active (RFC 7662 section 2.2): this and nothing else. */
export const inactiveReply = z.strictObject({ active: z.literal(false) })

/** `POST /oauth/introspect` for an active access token. */
export const activeReply = z.looseObject({
  active: z.literal(true),
  client_id: z.string(),
  token_type: z.literal('Bearer'),
  exp: z.int(),
  iat: z.int(),
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  iss: z.string(),
  jti: z.string(),
})

/** Any error reply. Characters of the description as RFC 6749 section 5.2 allows them (G-5). */
export const errorReply = z.strictObject({
  error: z.string(),
  error_description: z.string().regex(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/),
  reason: z.string().optional(),
  request_id: z.uuid(),
})

/** A body that holds tokens. */
export type BodyReply = z.infer<typeof bodyReply>
