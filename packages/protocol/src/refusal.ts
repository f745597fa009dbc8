import type { ErrorCode, RefusalReason } from './error-table.ts'

/** A request refused: a value, not an exception. Status and text follow from the error table. */
export interface Refusal {
  readonly error: ErrorCode
  readonly reason?: RefusalReason
  /** Becomes a `Retry-After` header, in seconds. */
  readonly retryAfterSeconds?: number
}
