import { type ErrorCode, type ErrorDocument, errorTable, type Refusal } from '@pawl/protocol'
import type { SignedOutReason } from '../session.ts'

/** A refusal; the reason may be one that only a newer issuer knows. */
export interface BffRefusal extends Omit<Refusal, 'reason'> {
  readonly reason?: SignedOutReason
}

/** Writes a refusal from the one error table. @param requestId names this answer in the application's log */
export function refusalAnswer(refusal: BffRefusal, requestId: string): Response {
  const { status, description } = errorTable[refusal.error]
  const body: ErrorDocument = {
    error: refusal.error,
    error_description: description,
    ...(refusal.reason !== undefined && { reason: refusal.reason }),
    request_id: requestId,
  }
  const headers = new Headers({ 'Cache-Control': 'no-store' })
  if (refusal.retryAfterSeconds !== undefined) headers.set('Retry-After', String(refusal.retryAfterSeconds))
  if (status === 401) headers.set('WWW-Authenticate', challengeOf(refusal.error, description))
  return Response.json(body, { status, headers })
}

/** RFC 6750 section 3: without credentials no error is named, so that one can tell "sign in" from "renew". */
function challengeOf(error: string, description: string): string {
  const named = error === 'authentication_required' ? '' : `, error="${error}", error_description="${description}"`
  return `Bearer realm="bff"${named}`
}

/** Whether a code stands in the error table; an issuer newer than this package may know further ones. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code)
}
