import type { Refusal, RefusalReason } from '@pawl/protocol'
import type { RefreshRefused } from './refresh-session.ts'

const retryAfterSeconds = 1

/** The session has ended, or there is none. */
export function over(reason: RefusalReason): RefreshRefused {
  return { kind: 'refused', refusal: { error: 'invalid_grant', reason }, sessionOver: true }
}

/** Refused, yet the session goes on. */
export function refused(refusal: Refusal): RefreshRefused {
  return { kind: 'refused', refusal, sessionOver: false }
}

/** Not decided; the same request may succeed in a moment. */
export function unavailable(reason: 'key_not_loaded' | 'contended' | 'deadline'): RefreshRefused {
  return refused({ error: 'temporarily_unavailable', reason, retryAfterSeconds })
}
