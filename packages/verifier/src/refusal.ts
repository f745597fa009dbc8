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

/** What a reason comes to on the wire. Whatever is not listed speaks against the token itself. */
const answers: readonly (readonly [ResourceError, status: number, ...AccessTokenRefusalReason[]])[] = [
  ['authentication_required', 401, 'missing_token'],
  ['invalid_request', 400, 'malformed_authorization', 'conflicting_authentication'],
  ['insufficient_scope', 403, 'missing_scope', 'missing_role'],
  ['insufficient_user_authentication', 401, 'authentication_too_weak', 'authentication_too_old'],
  ['csrf_rejected', 403, 'cross_site', 'untrusted_origin', 'unproven_origin'],
  ['temporarily_unavailable', 503, 'keys_unavailable', 'revocation_unknown'],
]

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
  const [error, status] = answers.find(([, , ...reasons]) => reasons.includes(finding.reason)) ?? ['invalid_token', 401]
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
    status,
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
  const { acrValues, description, error, maxAgeSeconds, realm, reason, resourceMetadata, scope } = refusal
  if (error === 'csrf_rejected' || error === 'temporarily_unavailable') return undefined
  // Asking for these scopes again would not bring the role, or mend a token that is bad otherwise.
  const scopeHelps = scope.length > 0 && (reason === 'missing_scope' || reason === 'missing_token')
  const parameters = Object.entries({
    realm,
    ...(error !== 'authentication_required' && { error, error_description: description, reason }),
    scope: scopeHelps ? scope.join(' ') : undefined,
    acr_values: acrValues?.join(' '),
    max_age: maxAgeSeconds,
    resource_metadata: resourceMetadata,
  })
  const told = parameters.filter(([, value]) => value !== undefined)
  return `Bearer ${told.map(([name, value]) => `${name}="${quoted(String(value))}"`).join(', ')}`
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
