import type { BffRefusal } from './refusal-answer.ts'

/** What the cross-site rule goes by. */
export interface OriginRule {
  /** The application's own origin. */
  readonly origin: string
  /** A header that each request has to carry, whatever its value. */
  readonly requiredHeader: string | undefined
}

/**
 * The cross-site rule for everything that the session cookie authorises, reading included (standards BF-3, CS-1, CS-2):
 * only pages of the application's own origin may ask. A sibling subdomain is not trusted, though SameSite lets its requests
 * carry the cookie.
 *
 * Undefined: it may.
 */
export function judgeRequestOrigin(headers: Headers, rule: OriginRule): BffRefusal | undefined {
  const refused: BffRefusal = { error: 'csrf_rejected' }
  const { origin, requiredHeader } = rule
  if (requiredHeader !== undefined && !headers.has(requiredHeader)) return refused
  const claimed = headers.get('Origin')
  // A sandboxed frame and a redirected request say `null`, and are nobody's.
  if (claimed !== null && claimed !== origin) return refused
  const site = headers.get('Sec-Fetch-Site')
  if (site !== null) return site === 'same-origin' ? undefined : refused
  // A browser of before 2023 sends an Origin with what changes something; beside that, the header that only scripts can set.
  return claimed === origin || requiredHeader !== undefined ? undefined : refused
}
