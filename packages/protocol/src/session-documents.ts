/** The user as the first-party endpoints show him. */
export interface UserDocument {
  readonly id: string
  readonly username: string
  readonly roles: readonly string[]
}

/** Reply of `POST /auth/login` and `POST /auth/refresh` with cookie delivery. All lifetimes are seconds from now. */
export interface CookieTokenReply {
  readonly session_id: string
  readonly user: UserDocument
  /** Until the access token expires. */
  readonly expires_in: number
  /** Until the client had better refresh; jittered by the server. */
  readonly refresh_in: number
  /** Until the refresh token dies if it is not used (draft-ietf-oauth-refresh-token-expiration). */
  readonly refresh_token_timeout: number
  /** Until the session ends whatever happens (same draft). */
  readonly authorization_expires_in: number
  /** Only with `access: "memory"`. */
  readonly access_token?: string
  readonly token_type?: 'Bearer'
  /** Only when the request named resources: one access token for each. */
  readonly access_tokens?: Readonly<Record<string, { readonly access_token: string; readonly expires_in: number }>>
}

/** Reply of `POST /auth/login` and `POST /auth/refresh` with `delivery: "body"`. */
export interface BodyTokenReply extends CookieTokenReply {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly refresh_token: string
}

/** Reply of `GET /auth/session`. Times are RFC 3339. */
export interface SessionDocument {
  readonly session_id: string
  readonly user: UserDocument
  readonly client_id: string
  readonly created_at: string
  readonly last_used_at: string
  readonly ends_at: string
}

/** One entry of `GET /auth/sessions`. */
export interface SessionListEntry {
  readonly session_id: string
  readonly client_id: string
  readonly created_at: string
  readonly last_used_at: string
  readonly ends_at: string
  readonly address: string | null
  readonly user_agent: string | null
  /** Present on the session that asked. */
  readonly current?: true
}

/** Body of every 4xx and 5xx reply. */
export interface ErrorDocument {
  readonly error: string
  readonly error_description: string
  readonly reason?: string
  readonly request_id: string
}

/** One consent of `GET /auth/consents`. */
export interface ConsentListEntry {
  readonly client_id: string
  readonly scope: readonly string[]
  readonly resources: readonly string[]
  /** RFC 3339. */
  readonly granted_at: string
}
