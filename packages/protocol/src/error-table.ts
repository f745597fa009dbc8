import { type AccessTokenRefusalReason, accessTokenRefusalReasons } from './access-token-refusals.ts'

/** One row of the error table: what goes over the wire when a request is refused. */
export interface ErrorRow {
  /** HTTP status of the reply. */
  readonly status: number
  /** The `error_description` of the reply: fixed text, never built from what the request held. */
  readonly description: string
}

/**
 * Every `error` code that a Pawl server answers with, its status and its text. Each 4xx and 5xx body comes from here.
 * Characters keep to RFC 6749 section 5.2 (standards G-5).
 */
export const errorTable = {
  invalid_request: {
    status: 400,
    description: 'The request is malformed: something in it is missing, repeated, not of its form or not acceptable.',
  },
  invalid_client: { status: 401, description: 'Client authentication failed.' },
  invalid_grant: { status: 400, description: 'The code or refresh token is not valid, or its session has ended.' },
  unauthorized_client: { status: 400, description: 'This client may not use this grant.' },
  unsupported_grant_type: { status: 400, description: 'This server does not know that grant type.' },
  unsupported_token_type: { status: 400, description: 'This server cannot revoke a token of that kind.' },
  unsupported_response_type: { status: 400, description: 'This server answers with an authorization code only.' },
  access_denied: { status: 400, description: 'The user did not allow it.' },
  login_required: { status: 400, description: 'The user has to sign in, and no page may be shown.' },
  consent_required: { status: 400, description: 'The user has to agree, and no page may be shown.' },
  unmet_authentication_requirements: {
    status: 400,
    description: 'This server cannot authenticate the user in any of the ways asked for.',
  },
  request_not_supported: { status: 400, description: 'This server does not take requests as signed objects.' },
  invalid_request_uri: { status: 400, description: 'The request_uri is unknown, was used, or its time is up.' },
  authorization_pending: { status: 400, description: 'Nobody has decided about the device yet. Ask again.' },
  slow_down: { status: 400, description: 'The device asks too often. Wait five seconds longer between two requests.' },
  expired_token: { status: 400, description: 'The time of the device code is up. Begin anew.' },
  invalid_scope: { status: 400, description: 'The scope is unknown or exceeds what was granted.' },
  invalid_target: { status: 400, description: 'The resource is unknown or exceeds what was granted.' },
  invalid_redirect_uri: {
    status: 400,
    description:
      'A redirect URI is missing, or is not https, a loopback address or a scheme of the application itself.',
  },
  invalid_client_metadata: {
    status: 400,
    description:
      'Something that the client says of itself is not of its form, contradicts itself or is not offered here.',
  },
  invalid_credentials: { status: 401, description: 'The username or the password is wrong.' },
  authentication_required: { status: 401, description: 'This request needs an access token.' },
  invalid_token: { status: 401, description: 'The access token is not valid, has expired or was revoked.' },
  insufficient_scope: { status: 403, description: 'The access token does not allow this.' },
  insufficient_user_authentication: {
    status: 401,
    description: 'This request needs another authentication of the user than the one behind the access token.',
  },
  csrf_rejected: { status: 403, description: 'The request comes from an origin that is not trusted.' },
  registration_closed: { status: 403, description: 'This server does not let people register themselves.' },
  password_refused: { status: 400, description: 'The new password does not meet the rules.' },
  username_taken: { status: 409, description: 'That username is taken.' },
  not_found: { status: 404, description: 'There is nothing at this address.' },
  method_not_allowed: { status: 405, description: 'This address does not answer that method.' },
  payload_too_large: { status: 413, description: 'The request body is larger than 64 KiB.' },
  unsupported_media_type: { status: 415, description: 'The content type is not one that this address reads.' },
  too_many_requests: { status: 429, description: 'Too many requests of this kind. Wait as long as Retry-After says.' },
  cookie_budget_exceeded: {
    status: 500,
    description: 'The claims are too large for cookies. Shrink them or deliver the access token in the body.',
  },
  server_error: { status: 500, description: 'The server met an error of its own. It says nothing about your token.' },
  api_unavailable: { status: 502, description: 'The API behind this address could not be reached.' },
  temporarily_unavailable: {
    status: 503,
    description: 'The server cannot decide this now. Nothing changed. Try again.',
  },
} as const

/** An `error` code of {@link errorTable}. */
export type ErrorCode = keyof typeof errorTable

/** Why a session ended; told as the `reason` of a refusal and in security events. */
export const sessionEndReasons = {
  logout: 'The holder signed out or revoked the token.',
  replay: 'A superseded refresh token was played back: theft.',
  signed_in_again: 'The same browser signed in anew.',
  revoked_by_user: 'The user ended this session from another one.',
  revoked_by_admin: 'An administrator ended this session.',
  password_changed: 'The password was changed from another session.',
  user_disabled: 'The user was disabled.',
  client_removed: 'The client was removed.',
  consent_withdrawn: 'The user took back what this client was allowed.',
  code_replayed: 'The authorization code that opened the session was presented again.',
  restored: 'The server was restored from a backup, and all sessions were ended.',
  generation_limit: 'The session has been refreshed more often than a generation number can count.',
} as const

/** A reason of {@link sessionEndReasons}. */
export type SessionEndReason = keyof typeof sessionEndReasons

const furtherReasons = {
  no_refresh_token: 'No refresh token was sent, neither in the body nor as a cookie.',
  unknown_token: 'The refresh token is not one that this server issued, or its session is long gone.',
  unknown_code: 'The code is not one that this server issued, its time is up, or it was used.',
  wrong_redirect_uri: 'The redirect_uri is not the one that the authorization request had.',
  wrong_code_verifier: 'The code_verifier is missing or is not the one behind the code_challenge.',
  wrong_client: 'The token belongs to another client.',
  idle_expired: 'The session was not used for too long.',
  absolute_expired: 'The session has reached its longest life.',
  superseded: 'A newer refresh token of this session exists. Read it from your store again; you are not signed out.',
  rotation_required:
    'The session has not been refreshed for two access lifetimes. Refresh it, then exchange; you are not signed out.',
  too_many_actors: 'As many parties have acted for the subject, one after the other, as may.',
  malformed_body: 'The body does not parse as its content type says.',
  missing_parameter: 'A required parameter is missing.',
  repeated_parameter: 'A parameter was sent more than once.',
  malformed_parameter: 'A parameter is not of its form.',
  malformed_target: 'The request target or the Host header is not well-formed.',
  malformed_attempt_id: 'attempt_id is not 22 to 86 base64url characters.',
  session_gone: 'The session of this token no longer exists.',
  too_short: 'The password is shorter than 15 characters.',
  too_long: 'The password is longer than 1,024 characters.',
  too_common: 'The password stands on the list of common passwords.',
  too_many_repeats: 'This generation was fetched again more than 100 times.',
  too_many_pending: 'Too many requests of this client wait for somebody to sign in.',
  too_many_failures: 'Wrong credentials came too often from this address. Each further one makes the wait longer.',
  too_many_registrations: 'Clients registered themselves too often from this address. Each further one waits longer.',
  key_not_loaded: 'The refresh token names a key that this node has not loaded yet.',
  contended: 'The session kept moving while this request was decided.',
  deadline: 'The request could not be decided within 10 seconds.',
  claims_unavailable: 'The application did not give the claims of the token.',
  client_document_unavailable: 'The keys or the metadata that the client publishes could not be fetched.',
  busy: 'Too many passwords are being checked.',
  storage_unavailable: 'The store did not answer.',
  body_already_read: 'A body parser of the surrounding application read the body first. Mount Pawl in front of it.',
  too_many_readers: 'As many verifiers read the revocation feed of this node as it takes.',
  draining: 'The server is shutting down.',
} as const

/** A reason of {@link refusalReasons}. */
export type RefusalReason = SessionEndReason | AccessTokenRefusalReason | keyof typeof furtherReasons

/** Every `reason` that may stand beside an `error`, with what it means. Codes are stable; texts are for people. */
export const refusalReasons: Readonly<Record<RefusalReason, string>> = {
  ...sessionEndReasons,
  ...accessTokenRefusalReasons,
  ...furtherReasons,
}
