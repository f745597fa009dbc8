import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  deriveRefreshSecret,
  formatRefreshToken,
  issueRefreshToken,
  parseRefreshToken,
  refreshTokenLength,
} from '../../src/tokens/refresh-token.ts'

const token = {
  keyId: Buffer.alloc(8, 1).toString('base64url'),
  sessionId: Buffer.alloc(16, 2).toString('base64url'),
  generation: 3,
  secret: new Uint8Array(32).fill(4),
}
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

describe('the token string', () => {
  test('is 100 characters of token68 with the prefix', () => {
    const text = formatRefreshToken(token)
    expect(text).toMatch(/^pawl_rt_[A-Za-z0-9_-]{92}$/)
    expect(text).toHaveLength(refreshTokenLength)
  })

  test('a fixed token keeps its spelling for ever (T28.1)', () => {
    expect(formatRefreshToken(token)).toMatchInlineSnapshot(
      `"pawl_rt_AQEBAQEBAQEBAgICAgICAgICAgICAgICAgAAAAAAAAADBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBASd6Jo2"`,
    )
  })

  test('what is written is read back', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.maxSafeNat(),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (keyId, sessionId, generation, secret) => {
          const written = {
            keyId: Buffer.from(keyId).toString('base64url'),
            sessionId: Buffer.from(sessionId).toString('base64url'),
            generation,
            secret,
          }
          const read = parseRefreshToken(formatRefreshToken(written))
          expect({ ...read, secret: new Uint8Array(read?.secret ?? []) }).toEqual(written)
        },
      ),
    )
  })

  test('F21: every other spelling is refused: no character may differ, none may be added or left out', () => {
    const text = formatRefreshToken(token)
    for (let index = 0; index < text.length; index += 1) {
      for (const character of [...alphabet, '=', '+', '/', ' ', '\n', '\0', 'é']) {
        if (character === text[index]) continue
        expect(parseRefreshToken(text.slice(0, index) + character + text.slice(index + 1))).toBeUndefined()
      }
      expect(parseRefreshToken(text.slice(0, index) + text.slice(index + 1))).toBeUndefined()
    }
    for (const spelling of [` ${text}`, `${text} `, `${text}\n`, `${text}=`, text.toUpperCase(), text + text, '']) {
      expect(parseRefreshToken(spelling)).toBeUndefined()
    }
  })

  test('a version or a generation of the future is refused, right checksum or not', () => {
    const bytes = Buffer.from(formatRefreshToken(token).slice(8), 'base64url')
    const spell = (change: (copy: Buffer) => void) => {
      const copy = Buffer.from(bytes)
      change(copy)
      copy.writeUInt32BE(crc32(copy.subarray(0, 65)), 65)
      return `pawl_rt_${copy.toString('base64url')}`
    }
    expect(parseRefreshToken(spell(() => {}))).toBeDefined()
    expect(parseRefreshToken(spell((copy) => copy.writeUInt8(2, 0)))).toBeUndefined()
    expect(parseRefreshToken(spell((copy) => copy.writeBigUInt64BE(2n ** 53n - 1n, 25)))).toBeDefined()
    expect(parseRefreshToken(spell((copy) => copy.writeBigUInt64BE(2n ** 53n, 25)))).toBeUndefined()
  })
})

describe('the derivation', () => {
  const key = { id: token.keyId, key: new Uint8Array(32).fill(9) }
  const session = { id: token.sessionId, seed: new Uint8Array(32).fill(8) }

  test('a fixed key, seed and generation give the same token for ever (T17.1, T28.1)', () => {
    expect(issueRefreshToken(key, session, 7)).toMatchInlineSnapshot(
      `"pawl_rt_AQEBAQEBAQEBAgICAgICAgICAgICAgICAgAAAAAAAAAH75YX7T_5LF2h04TvK64B0oTb8Dd6jJNlfdjSthAC-VaDtq7e"`,
    )
    expect(issueRefreshToken(key, session, 7)).toBe(issueRefreshToken(key, session, 7))
  })

  test('needs all of refresh key, session id, seed and generation: neither a leaked store nor a leaked key mints', () => {
    const secrets = [
      deriveRefreshSecret(key.key, session, 7),
      deriveRefreshSecret(new Uint8Array(32).fill(10), session, 7),
      deriveRefreshSecret(key.key, { ...session, id: Buffer.alloc(16, 3).toString('base64url') }, 7),
      deriveRefreshSecret(key.key, { ...session, seed: new Uint8Array(32).fill(7) }, 7),
      deriveRefreshSecret(key.key, session, 8),
    ].map((secret) => Buffer.from(secret).toString('hex'))
    expect(new Set(secrets).size).toBe(secrets.length)
  })
})
