import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBase64url, encodeBase64url } from '../src/base64url.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

describe('base64url', () => {
  test('rfc4648-10 writes and reads the vectors, without padding', () => {
    const vectors = { '': '', f: 'Zg', fo: 'Zm8', foo: 'Zm9v', foob: 'Zm9vYg', fooba: 'Zm9vYmE', foobar: 'Zm9vYmFy' }
    for (const [plain, text] of Object.entries(vectors)) {
      expect(encodeBase64url(new TextEncoder().encode(plain))).toBe(text)
      expect(decodeBase64url(text)).toEqual(new TextEncoder().encode(plain))
    }
  })

  test('rfc7515-C writes the octets 3 236 255 224 193 as A-z_4ME', () => {
    const octets = Uint8Array.of(3, 236, 255, 224, 193)
    expect(encodeBase64url(octets)).toBe('A-z_4ME')
    expect(decodeBase64url('A-z_4ME')).toEqual(octets)
  })

  test('agrees with the runtime for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64url')
        expect(encodeBase64url(bytes)).toBe(text)
        expect(decodeBase64url(text)).toEqual(new Uint8Array(bytes))
      }),
    )
  })

  test('JW-1 what was read before makes nothing of what is read now', () => {
    const first = decodeBase64url('AAAA')
    // As long as the room that texts are read in, where no character finds anything but what was there before it.
    for (const length of [4, 16_384]) {
      expect(decodeBase64url('B'.repeat(length))).toHaveLength((length / 4) * 3)
      for (const last of ['é', '\u20ac', '\ud83d', '=']) {
        expect(decodeBase64url('B'.repeat(length - 1) + last), `${last} at ${length}`).toBeUndefined()
      }
      for (const firstOne of ['é', '\u20ac']) {
        expect(decodeBase64url(firstOne + 'B'.repeat(length - 1))).toBeUndefined()
      }
    }
    expect(decodeBase64url('B'.repeat(16_388))).toBeUndefined()
    expect(first).toEqual(Uint8Array.of(0, 0, 0))
  })

  test('JW-1 each byte string of up to two octets has exactly one spelling', () => {
    const spellings = new Map<string, string>()
    const words = [...alphabet].flatMap((first) => [...alphabet].map((second) => first + second))
    for (const word of [...words, ...words.map((word) => `${word}A`), ...words.map((word) => `A${word}`)]) {
      const bytes = decodeBase64url(word)
      if (bytes === undefined) continue
      const known = spellings.get(bytes.join())
      expect(known === undefined || known === word, `${known} and ${word}`).toBe(true)
      spellings.set(bytes.join(), word)
    }
    expect(spellings.size).toBeGreaterThan(256)
  })

  test.each([
    ['padding', 'Zg=='],
    ['one character too many', 'Zm9vY'],
    ['one character', 'Z'],
    ['the alphabet of base64', 'A+z/4ME'],
    ['a space', 'Zm 9v'],
    ['a newline at the end', 'Zm9v\n'],
    ['a newline in place of a character', 'Zm9\n'],
    ['trailing bits after one octet', 'Zh'],
    ['trailing bits after two octets', 'Zm9'],
    ['a dot', 'Zm9v.Zm9'],
    ['a NUL', 'Zm9\0'],
    ['a character beyond ASCII', 'Zm9é'],
    ['a character whose low byte is in the alphabet', 'Zm9Ł'],
    ['a surrogate pair', 'Zm😀'],
    ['a foreign character in a last group of two', '?g'],
    ['a foreign character in a last group of three', 'Zm?'],
  ])('JW-1 refuses %s', (_, text) => {
    expect(decodeBase64url(text)).toBeUndefined()
  })
})
