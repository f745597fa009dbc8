import { describe, expect, test } from 'vitest'
import { readRefreshTokenGeneration } from '../src/refresh-token-generation.ts'

/** Spelled as in design.md section 3: version, key id, session id, generation, secret, checksum. */
function tokenOf(generation: bigint): string {
  const bytes = Buffer.alloc(69, 0xa5)
  bytes[0] = 1
  bytes.writeBigUInt64BE(generation, 25)
  return `pawl_rt_${bytes.toString('base64url')}`
}

describe('readRefreshTokenGeneration', () => {
  test.each([0, 1, 255, 256, 70_000, 2 ** 40 + 7, Number.MAX_SAFE_INTEGER])('reads %d', (generation) => {
    expect(readRefreshTokenGeneration(tokenOf(BigInt(generation)))).toBe(generation)
  })

  test('is undefined for what no refresh token of Pawl says', () => {
    const token = tokenOf(3n)
    for (const other of ['', 'opaque', token.slice(1), `${token}A`, token.slice(0, -1), tokenOf(2n ** 53n)])
      expect(readRefreshTokenGeneration(other)).toBeUndefined()
  })
})
