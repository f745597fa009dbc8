import { type ErrorDocument, errorTable, type Refusal } from '@pawl/protocol'
import type { Context } from 'hono'
import type { RequestEnvironment } from './services.ts'

/** A handler's context. */
export type PawlContext = Context<RequestEnvironment>

/** Writes a refusal: status and text from the error table, the request id that the log line bears too. */
export function refuse(
  context: PawlContext,
  refusal: Refusal,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const row = errorTable[refusal.error]
  context.set('outcome', refusal.reason === undefined ? refusal.error : `${refusal.error}:${refusal.reason}`)
  const body: ErrorDocument = {
    error: refusal.error,
    error_description: row.description,
    ...(refusal.reason !== undefined && { reason: refusal.reason }),
    request_id: context.get('requestId'),
  }
  for (const [name, value] of Object.entries(headers)) context.header(name, value)
  if (refusal.retryAfterSeconds !== undefined) context.header('Retry-After', String(refusal.retryAfterSeconds))
  return context.json(body, row.status)
}

/** Too many passwords wait to be checked; the waiting line is bounded so that nothing else is held up. */
export const hashersBusy: Refusal = { error: 'temporarily_unavailable', reason: 'busy', retryAfterSeconds: 1 }

/** The refresh key of a token is not loaded on this node: a fault of ours, never of the token. */
export const keyNotLoaded: Refusal = {
  error: 'temporarily_unavailable',
  reason: 'key_not_loaded',
  retryAfterSeconds: 1,
}

/**
 * A refusal by a resource of ours, with its challenge (RFC 6750 section 3). Without credentials the challenge names no
 * error, so that a client can tell "send a token" from "this token is bad".
 *
 * @param scope what the token would have to allow, where that is what it lacks
 */
export function challenge(context: PawlContext, realm: string, refusal: Refusal, scope?: string): Response {
  const row = errorTable[refusal.error]
  const parameters = [`realm="${realm}"`]
  if (refusal.error !== 'authentication_required') {
    parameters.push(`error="${refusal.error}"`, `error_description="${row.description}"`)
  }
  if (scope !== undefined) parameters.push(`scope="${scope}"`)
  return refuse(context, refusal, { 'WWW-Authenticate': `Bearer ${parameters.join(', ')}` })
}
