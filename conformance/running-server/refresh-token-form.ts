import { randomBytes } from 'node:crypto'

/**
 * The documented form of a refresh token, spelled out apart from the server's own code: `pawl_rt_` and the base64url of
 *
 *     version 1 | refresh key id 8 | session id 16 | generation 8 (big-endian) | secret 32 | CRC-32 of all before 4
 */
export interface RefreshTokenParts {
  readonly version: number
  readonly keyId: Uint8Array
  readonly sessionId: Uint8Array
  readonly generation: bigint
  readonly secret: Uint8Array
}

const prefix = 'pawl_rt_'

/** Takes a token apart. */
export function readRefreshToken(token: string): RefreshTokenParts {
  const bytes = Buffer.from(token.slice(prefix.length), 'base64url')
  return {
    version: bytes[0] ?? 0,
    keyId: bytes.subarray(1, 9),
    sessionId: bytes.subarray(9, 25),
    generation: bytes.readBigUInt64BE(25),
    secret: bytes.subarray(33, 65),
  }
}

/** Puts a token together, with a correct checksum. */
export function writeRefreshToken(parts: RefreshTokenParts): string {
  const generation = Buffer.alloc(8)
  generation.writeBigUInt64BE(parts.generation)
  const body = Buffer.concat([Uint8Array.of(parts.version), parts.keyId, parts.sessionId, generation, parts.secret])
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32(body))
  return prefix + Buffer.concat([body, checksum]).toString('base64url')
}

/** A token of the same session and key that this server never made: everything right but its secret. */
export function forgeRefreshToken(token: string, generation?: bigint): string {
  const parts = readRefreshToken(token)
  return writeRefreshToken({ ...parts, generation: generation ?? parts.generation, secret: randomBytes(32) })
}

/** CRC-32 as in ISO 3309 and zlib, bit by bit. */
function crc32(bytes: Uint8Array): number {
  let remainder = 0xffffffff
  for (const byte of bytes) {
    remainder ^= byte
    for (let bit = 0; bit < 8; bit += 1) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0)
  }
  return (remainder ^ 0xffffffff) >>> 0
}
