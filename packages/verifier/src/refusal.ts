import { type AccessTokenRefusalReason, accessTokenRefusalReasons, type ErrorCode, type Refusal } from '@pawl/protocol'

/** `error` codes that a resource server answers with. */
type ResourceError = Extract<
  ErrorCode,
  | 'authentication_required'
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'csrf_rejected'
  | 'temporarily_unavailable'
>

/** Why a request was not let in, with all that the reply needs. */
export interface AccessTokenRefusal extends Refusal {
  readonly error: ResourceError
  readonly reason: AccessTokenRefusalReason
  readonly status: number
  /** The reason in words, fixed text. */
  readonly description: string
  /** The protection space of the challenge: the first audience. */
  readonly realm: string
  /** Scopes that the route asks for. */
  readonly scope: readonly string[]
  /** For the log, never part of the reply: which claim is wrong, or why the keys cannot be read. */
  readonly detail?: string
}

const errors: Readonly<Record<AccessTokenRefusalReason, ResourceError>> = {
  missing_token: 'authentication_required',
  malformed_authorization: 'invalid_request',
  conflicting_authentication: 'invalid_request',
  malformed: 'invalid_token',
  wrong_type: 'invalid_token',
  unsupported_algorithm: 'invalid_token',
  unsupported_header: 'invalid_token',
  wrong_issuer: 'invalid_token',
  unknown_key: 'invalid_token',
  bad_signature: 'invalid_token',
  wrong_audience: 'invalid_token',
  invalid_claim: 'invalid_token',
  expired: 'invalid_token',
  not_yet_valid: 'invalid_token',
  wrong_binding: 'invalid_token',
  missing_scope: 'insufficient_scope',
  missing_role: 'insufficient_scope',
  cross_site: 'csrf_rejected',
  untrusted_origin: 'csrf_rejected',
  unproven_origin: 'csrf_rejected',
  keys_unavailable: 'temporarily_unavailable',
}

const statuses: Readonly<Record<ResourceError, number>> = {
  authentication_required: 401,
  invalid_request: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  csrf_rejected: 403,
  temporarily_unavailable: 503,
}

/** A reason, and what was found along with it. */
export interface Finding {
  readonly reason: AccessTokenRefusalReason
  readonly detail?: string
  readonly retryAfterSeconds?: number
}

/** Makes a finding into a refusal. */
export function refusalOf(finding: Finding, realm: string, scope: readonly string[]): AccessTokenRefusal {
  const error = errors[finding.reason]
  const description = accessTokenRefusalReasons[finding.reason]
  return { ...finding, error, status: statuses[error], description, realm, scope }
}

/**
 * The `WWW-Authenticate` value of a refusal (RFC 6750 section 3). It names no error when there were no credentials, and
 * names the scope when it is the scope that is lacking or could be asked for. Undefined where no token would help.
 */
export function challenge(refusal: AccessTokenRefusal): string | undefined {
  if (refusal.error === 'csrf_rejected' || refusal.error === 'temporarily_unavailable') return undefined
  const parameters = [['realm', refusal.realm]]
  if (refusal.error !== 'authentication_required') {
    parameters.push(['error', refusal.error], ['error_description', refusal.description], ['reason', refusal.reason])
  }
  // Asking for these scopes again would not bring the role, or mend a token that is bad otherwise.
  const scopeHelps = refusal.reason === 'missing_scope' || refusal.reason === 'missing_token'
  if (scopeHelps && refusal.scope.length > 0) parameters.push(['scope', refusal.scope.join(' ')])
  return `Bearer ${parameters.map(([name, value = '']) => `${name}="${quoted(value)}"`).join(', ')}`
}

/** The inside of a quoted-string (RFC 9110 section 5.6.4); what a header cannot hold becomes a question mark. */
function quoted(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, '\\$&')
}

/** Status, headers and body of a refusal, for frameworks that do not speak `Response`. */
export function refusalReply(refusal: AccessTokenRefusal): {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
} {
  const { error, description, reason, retryAfterSeconds, status } = refusal
  const authenticate = challenge(refusal)
  return {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      ...(authenticate !== undefined && { 'WWW-Authenticate': authenticate }),
      ...(retryAfterSeconds !== undefined && { 'Retry-After': String(retryAfterSeconds) }),
    },
    body: JSON.stringify({ error, error_description: description, reason }),
  }
}

/** A refusal as a ready-made reply: JSON body, `WWW-Authenticate` where a token is asked for, never cached. */
export function refusalResponse(refusal: AccessTokenRefusal): Response {
  const { status, headers, body } = refusalReply(refusal)
  return new Response(body, { status, headers })
}
