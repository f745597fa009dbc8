import type { ErrorDocument } from '@pawl/protocol'
import type { IssuerAnswer } from './issuer-request.ts'
import type { SignedOutReason } from './session.ts'
import { isRecord, readTokenReply, type TokenReply, type Untrusted } from './token-reply.ts'
import type { TransientFailure } from './transient-failure.ts'

/** What an answer to a refresh means. */
export type RefreshVerdict =
  | { readonly kind: 'renewed'; readonly reply: TokenReply }
  /** The only verdict that ends a session: `invalid_grant` in the server's own words. */
  | { readonly kind: 'ended'; readonly reason: SignedOutReason }
  | { readonly kind: 'failed'; readonly failure: TransientFailure }

/**
 * Judges the answer to a refresh. Only 400 `invalid_grant` with a reason, which no proxy, firewall or foreign server
 * says, ends a session; and `superseded` does not even then, for a newer token exists (RFC 6749 section 5.2; T5.1, T5.2).
 */
export function judgeRefresh(answer: IssuerAnswer): RefreshVerdict {
  const reply = answer.status === 200 ? readTokenReply(answer.document) : undefined
  if (reply !== undefined) return { kind: 'renewed', reply }
  const failure = failureOf(answer)
  const { kind, status, error, reason } = failure
  return status === 400 && error === 'invalid_grant' && reason !== undefined && kind !== 'superseded'
    ? { kind: 'ended', reason }
    : { kind: 'failed', failure }
}

/** What an answer that is no answer says about why. */
export function failureOf(answer: IssuerAnswer): TransientFailure {
  const { failure, status, document, retryAfterSeconds } = answer
  if (failure !== undefined) return { kind: failure }
  const words = readError(document)
  return {
    kind: kindOf(status, words),
    status,
    ...words,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }
}

function kindOf(status: number, { error, reason }: ErrorWords): TransientFailure['kind'] {
  if (status >= 500) return 'server_error'
  if (status === 429) return 'throttled'
  return error === 'invalid_grant' && reason === 'superseded' ? 'superseded' : 'unexpected_reply'
}

/** The words of an error document. */
interface ErrorWords {
  readonly error?: string
  readonly reason?: string
  readonly requestId?: string
}

/** Reads an error document; empty when it is none. */
function readError(document: unknown): ErrorWords {
  if (!isRecord(document)) return {}
  const { error, reason, request_id }: Untrusted<ErrorDocument> = document
  if (typeof error !== 'string') return {}
  return {
    error,
    ...(typeof reason === 'string' && { reason }),
    ...(typeof request_id === 'string' && { requestId: request_id }),
  }
}
