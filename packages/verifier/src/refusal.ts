import { type AccessTokenRefusalReason, accessTokenRefusalReasons, type ErrorCode, type Refusal } from '@pawl/protocol'
import { acrValuesOf, type Requirement } from './requirement.ts'

/** `error` codes that a resource server answers with. */
type ResourceError = Extract<
  ErrorCode,
  | 'authentication_required'
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'insufficient_user_authentication'
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
  /** How the user may authenticate instead, the best way first, where that is what is lacking (RFC 9470). */
  readonly acrValues?: readonly string[]
  /** How long ago the user may have authenticated, in seconds, where that is what is lacking (RFC 9470). */
  readonly maxAgeSeconds?: number
  /** Where the API describes itself (RFC 9728). */
  readonly resourceMetadata?: string
  /** For the log, never part of the reply: which claim is wrong, or why the keys or revocations cannot be read. */
  readonly detail?: string
}

/** What a reason comes to on the wire: whatever speaks against the token itself is `invalid_token`. */
function errorOf(reason: AccessTokenRefusalReason): ResourceError {
  switch (reason) {
    case 'missing_token':
      return 'authentication_required'
    case 'malformed_authorization':
    case 'conflicting_authentication':
      return 'invalid_request'
    case 'missing_scope':
    case 'missing_role':
      return 'insufficient_scope'
    case 'authentication_too_weak':
    case 'authentication_too_old':
      return 'insufficient_user_authentication'
    case 'cross_site':
    case 'untrusted_origin':
    case 'unproven_origin':
      return 'csrf_rejected'
    case 'keys_unavailable':
    case 'revocation_unknown':
      return 'temporarily_unavailable'
    default:
      return 'invalid_token'
  }
}

const statuses: Readonly<Record<ResourceError, number>> = {
  authentication_required: 401,
  invalid_request: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  insufficient_user_authentication: 401,
  csrf_rejected: 403,
  temporarily_unavailable: 503,
}

/** A reason, and what was found along with it. */
export interface Finding {
  readonly reason: AccessTokenRefusalReason
  readonly detail?: string
  readonly retryAfterSeconds?: number
}

/** What was asked for where a request was refused. */
export interface Ask {
  readonly realm: string
  readonly require: Requirement
  readonly resourceMetadata: string | undefined
}

/** Makes a finding into a refusal. */
export function refusalOf(finding: Finding, { realm, require, resourceMetadata }: Ask): AccessTokenRefusal {
  const error = errorOf(finding.reason)
  const description = accessTokenRefusalReasons[finding.reason]
  const { maxAgeSeconds, scope = [] } = require
  const acrValues = acrValuesOf(require)
  // Both are told whichever is lacking: the next token has to meet both.
  const stepUp = error === 'insufficient_user_authentication' && {
    ...(acrValues !== undefined && { acrValues }),
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
  }
  return {
    ...finding,
    error,
    status: statuses[error],
    description,
    realm,
    scope,
    ...stepUp,
    ...(resourceMetadata !== undefined && { resourceMetadata }),
  }
}

/**
 * The `WWW-Authenticate` value of a refusal (RFC 6750 section 3). It names no error when there were no credentials, the
 * scope when it is the scope that is lacking or could be asked for, and which authentication would do when it is that
 * (RFC 9470 section 3). Undefined where no token would help.
 */
export function challenge(refusal: AccessTokenRefusal): string | undefined {
  if (refusal.error === 'csrf_rejected' || refusal.error === 'temporarily_unavailable') return undefined
  const { acrValues, maxAgeSeconds, resourceMetadata } = refusal
  const parameters = [['realm', refusal.realm]]
  if (refusal.error !== 'authentication_required') {
    parameters.push(['error', refusal.error], ['error_description', refusal.description], ['reason', refusal.reason])
  }
  // Asking for these scopes again would not bring the role, or mend a token that is bad otherwise.
  const scopeHelps = refusal.reason === 'missing_scope' || refusal.reason === 'missing_token'
  if (scopeHelps && refusal.scope.length > 0) parameters.push(['scope', refusal.scope.join(' ')])
  if (acrValues !== undefined) parameters.push(['acr_values', acrValues.join(' ')])
  if (maxAgeSeconds !== undefined) parameters.push(['max_age', String(maxAgeSeconds)])
  if (resourceMetadata !== undefined) parameters.push(['resource_metadata', resourceMetadata])
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
