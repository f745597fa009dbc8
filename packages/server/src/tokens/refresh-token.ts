import { createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { RefreshKey } from './token-signer.ts'

/**
 * The refresh token as a string: `pawl_rt_` and 92 base64url characters, which spell 69 bytes:
 *
 *     version 1 | refresh key id 8 | session id 16 | generation 8 (big-endian) | secret 32 | checksum 4
 *
 * The checksum is the CRC-32 of the 65 bytes before it: anyone can tell a leaked token from noise without asking us.
 * 69 bytes fill 92 characters exactly, so there is no padding and no spare bit, and each token has one spelling.
 */
const refreshTokenPrefix = 'pawl_rt_'

const formatVersion = 1
const bodyBytes = 65
const tokenForm = /^pawl_rt_[A-Za-z0-9_-]{92}$/
const derivationLabel = Buffer.from('pawl refresh token\0', 'ascii')

/** What a refresh token says before anyone has looked whether it is genuine. */
export interface PresentedRefreshToken {
  readonly keyId: string
  readonly sessionId: string
  readonly generation: number
  readonly secret: Uint8Array
}

/** Reads a refresh token; undefined for everything that {@link formatRefreshToken} would not print byte for byte. */
export function parseRefreshToken(token: string): PresentedRefreshToken | undefined {
  if (!tokenForm.test(token)) return undefined
  const bytes = Buffer.from(token.slice(refreshTokenPrefix.length), 'base64url')
  if (bytes[0] !== formatVersion || bytes.readUInt32BE(bodyBytes) !== crc32(bytes.subarray(0, bodyBytes)))
    return undefined
  const generation = bytes.readBigUInt64BE(25)
  if (generation > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  return {
    keyId: bytes.toString('base64url', 1, 9),
    sessionId: bytes.toString('base64url', 9, 25),
    generation: Number(generation),
    secret: bytes.subarray(33, bodyBytes),
  }
}

/** Writes a refresh token. */
export function formatRefreshToken(token: PresentedRefreshToken): string {
  const bytes = Buffer.alloc(bodyBytes + 4)
  bytes[0] = formatVersion
  bytes.write(token.keyId, 1, 8, 'base64url')
  bytes.write(token.sessionId, 9, 16, 'base64url')
  bytes.writeBigUInt64BE(BigInt(token.generation), 25)
  bytes.set(token.secret, 33)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, bodyBytes)), bodyBytes)
  return refreshTokenPrefix + bytes.toString('base64url')
}

/**
 * The secret of one generation: HMAC-SHA-256 under a key that is itself an HMAC of the session's id and seed under the
 * refresh key. A leaked store lacks the refresh key, a leaked refresh key lacks the seed; with both, the server can
 * repeat any successor without ever having stored one.
 */
export function deriveRefreshSecret(
  refreshKey: Uint8Array,
  session: { readonly id: string; readonly seed: Uint8Array },
  generation: number,
): Uint8Array {
  const sessionKey = createHmac('sha256', refreshKey)
    .update(derivationLabel)
    .update(Buffer.from(session.id, 'base64url'))
    .update(session.seed)
    .digest()
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(generation))
  return createHmac('sha256', sessionKey).update(counter).digest()
}

/** The whole token of one generation of a session. */
export function issueRefreshToken(
  refreshKey: RefreshKey,
  session: { readonly id: string; readonly seed: Uint8Array },
  generation: number,
): string {
  const secret = deriveRefreshSecret(refreshKey.key, session, generation)
  return formatRefreshToken({ keyId: refreshKey.id, sessionId: session.id, generation, secret })
}

/** Characters of a refresh token. */
export const refreshTokenLength: number = refreshTokenPrefix.length + 92
