import { accessTokenType, type SignatureAlgorithm } from '@pawl/protocol'
import type { Finding } from './refusal.ts'
import { algorithmOf } from './verification-key.ts'

/** What the header of a token says that matters, or why the token is refused for it. */
export type HeaderReading = { readonly algorithm: SignatureAlgorithm; readonly keyId: string } | Finding

const longestKeyId = 256

/**
 * Checks the header of a token: its type, its algorithm against the list, its extensions (standards AT-4, JW-2, JW-4).
 * Keys that the header brings along (`jwk`, `jku`, `x5u`, `x5c`) are not looked at, ever (standards JW-3).
 */
export function readHeader(
  header: Readonly<Record<string, unknown>>,
  algorithms: readonly SignatureAlgorithm[],
): HeaderReading {
  if (!isAccessTokenType(header['typ'])) return { reason: 'wrong_type' }
  const algorithm = algorithmOf(header['alg'])
  if (algorithm === undefined || !algorithms.includes(algorithm)) return { reason: 'unsupported_algorithm' }
  // No extension is understood here, so every `crit` is one too many; `b64` is the extension of RFC 7797.
  if ('crit' in header || 'b64' in header) return { reason: 'unsupported_header' }
  const keyId = header['kid']
  if (typeof keyId !== 'string' || keyId.length > longestKeyId) return { reason: 'unknown_key' }
  return { algorithm, keyId }
}

/** A media type without case, its `application/` optional (RFC 9068 section 4, RFC 7515 section 4.1.9). */
function isAccessTokenType(typ: unknown): boolean {
  return typeof typ === 'string' && typ.toLowerCase().replace(/^application\//, '') === accessTokenType
}
