import { accessTokenType, type SignatureAlgorithm } from '@pawl/protocol'
import { algorithmOf } from './verification-key.ts'

/** What the header of a token says that matters, or why the token is refused for it. */
export type HeaderReading =
  | { readonly ok: true; readonly algorithm: SignatureAlgorithm; readonly keyId: string }
  | {
      readonly ok: false
      readonly reason: 'wrong_type' | 'unsupported_algorithm' | 'unsupported_header' | 'unknown_key'
    }

const longestKeyId = 256

/**
 * Checks the header of a token: its type, its algorithm against the list, its extensions (standards AT-4, JW-2, JW-4).
 * Keys that the header brings along (`jwk`, `jku`, `x5u`, `x5c`) are not looked at, ever (standards JW-3).
 */
export function readHeader(
  header: Readonly<Record<string, unknown>>,
  algorithms: readonly SignatureAlgorithm[],
): HeaderReading {
  if (!isAccessTokenType(header['typ'])) return { ok: false, reason: 'wrong_type' }
  const algorithm = algorithmOf(header['alg'])
  if (algorithm === undefined || !algorithms.includes(algorithm)) return { ok: false, reason: 'unsupported_algorithm' }
  // No extension is understood here, so every `crit` is one too many; `b64` is the extension of RFC 7797.
  if ('crit' in header || 'b64' in header) return { ok: false, reason: 'unsupported_header' }
  const keyId = header['kid']
  if (typeof keyId !== 'string' || keyId.length > longestKeyId) return { ok: false, reason: 'unknown_key' }
  return { ok: true, algorithm, keyId }
}

/** A media type without case, its `application/` optional (RFC 9068 section 4, RFC 7515 section 4.1.9). */
function isAccessTokenType(typ: unknown): boolean {
  if (typeof typ !== 'string') return false
  const type = typ.toLowerCase()
  return type === accessTokenType || type === `application/${accessTokenType}`
}
