import { expect, test } from 'vitest'
import { constantTimeEqual } from '../../src/secrets/constant-time-equal.ts'
import { digestSecret } from '../../src/secrets/secret-digest.ts'

test('CA-3: a digest is SHA-256, of text as of its UTF-8 (FIPS 180-4 example)', () => {
  const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  expect(Buffer.from(digestSecret('abc')).toString('hex')).toBe(expected)
  expect(Buffer.from(digestSecret(new TextEncoder().encode('abc'))).toString('hex')).toBe(expected)
  expect(digestSecret('é')).toEqual(digestSecret(Uint8Array.of(0xc3, 0xa9)))
})

test('CA-3: equal byte strings are equal, others are not, and different lengths do not throw', () => {
  expect(constantTimeEqual(Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3))).toBe(true)
  expect(constantTimeEqual(Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 4))).toBe(false)
  expect(constantTimeEqual(Uint8Array.of(1, 2, 3), Uint8Array.of(0, 2, 3))).toBe(false)
  expect(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3))).toBe(false)
  expect(constantTimeEqual(new Uint8Array(), new Uint8Array())).toBe(true)
})
