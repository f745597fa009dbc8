import type { ErrorDocument } from '@pawl/protocol'
import type { IssuerAnswer } from './issuer-request.ts'
import type { SignedOutReason } from './session.ts'
import { isRecord, readText, readTokenReply, type TokenReply, type Untrusted } from './token-reply.ts'
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
export function failureOf({ failure, status, document, retryAfterSeconds }: IssuerAnswer): TransientFailure {
  if (failure !== undefined) return { kind: failure }
  const words: Untrusted<ErrorDocument> = isRecord(document) ? document : {}
  const [error, reason, requestId] = [words.error, words.reason, words.request_id].map(readText)
  const kind =
    status >= 500
      ? 'server_error'
      : status === 429
        ? 'throttled'
        : error === 'invalid_grant' && reason === 'superseded'
          ? 'superseded'
          : 'unexpected_reply'
  return { kind, status, error, reason, requestId, retryAfterSeconds }
}
