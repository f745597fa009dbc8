import { accessTokenType, type SignatureAlgorithm } from '@pawl/protocol'
import type { Finding } from './refusal.ts'
import { algorithmOf } from './verification-key.ts'

/** What the header of a token says that matters, or why the token is refused for it. */
export type HeaderReading =
  | { readonly ok: true; readonly algorithm: SignatureAlgorithm; readonly keyId: string }
  | { readonly ok: false; readonly finding: Finding }

const longestKeyId = 256

/**
 * Checks the header of a token: its type, its algorithm against the list, its extensions (standards AT-4, JW-2, JW-4).
 * Keys that the header brings along (`jwk`, `jku`, `x5u`, `x5c`) are not looked at, ever (standards JW-3).
 */
export function readHeader(
  header: Readonly<Record<string, unknown>>,
  algorithms: readonly SignatureAlgorithm[],
): HeaderReading {
  const refuse = (reason: Finding['reason']): HeaderReading => ({ ok: false, finding: { reason } })
  if (!isAccessTokenType(header['typ'])) return refuse('wrong_type')
  const algorithm = algorithmOf(header['alg'])
  if (algorithm === undefined || !algorithms.includes(algorithm)) return refuse('unsupported_algorithm')
  // No extension is understood here, so every `crit` is one too many; `b64` is the extension of RFC 7797.
  if ('crit' in header || 'b64' in header) return refuse('unsupported_header')
  const keyId = header['kid']
  if (typeof keyId !== 'string' || keyId.length > longestKeyId) return refuse('unknown_key')
  return { ok: true, algorithm, keyId }
}

/** A media type without case, its `application/` optional (RFC 9068 section 4, RFC 7515 section 4.1.9). */
function isAccessTokenType(typ: unknown): boolean {
  if (typeof typ !== 'string') return false
  const type = typ.toLowerCase()
  return type === accessTokenType || type === `application/${accessTokenType}`
}
