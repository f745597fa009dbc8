import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openPrivateKey, sealPrivateKey } from '../../src/keys/key-sealing.ts'
import { seededRandom } from '../secrets/seeded-random.ts'
import { newer, older } from './keys-fixture.ts'

const random = seededRandom()
const privateKey = Uint8Array.from({ length: 138 }, (_, index) => index)
const kid = 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'

describe('sealing of signing keys', () => {
  test('T13.1: what an older secret sealed is opened while that secret is still given', () => {
    const sealed = sealPrivateKey(privateKey, kid, older, random)
    expect(openPrivateKey(sealed, kid, [newer, older])).toEqual(privateKey)
    expect(openPrivateKey(sealed, kid, [older])).toEqual(privateKey)
  })

  test('T13.2: without its secret it is told from damage', () => {
    const sealed = sealPrivateKey(privateKey, kid, older, random)
    expect(openPrivateKey(sealed, kid, [newer])).toBe('wrong_secret')
    expect(openPrivateKey(sealed, kid, [])).toBe('wrong_secret')
  })

  test('the envelope is version, secret id, nonce, ciphertext, tag; the key does not stand in it', () => {
    const sealed = sealPrivateKey(privateKey, kid, older, random)
    expect(sealed.length).toBe(1 + 8 + 12 + privateKey.length + 16)
    expect(sealed[0]).toBe(1)
    expect(Buffer.from(sealed.subarray(1, 9)).toString('base64url')).toBe(older.id)
    expect(Buffer.from(sealed).includes(Buffer.from(privateKey.subarray(0, 16)))).toBe(false)
  })

  test('sealing twice gives two envelopes: nonces are drawn anew', () => {
    expect(sealPrivateKey(privateKey, kid, older, random)).not.toEqual(sealPrivateKey(privateKey, kid, older, random))
  })

  test('a sealed key cannot stand in for another key id', () => {
    const sealed = sealPrivateKey(privateKey, kid, older, random)
    expect(openPrivateKey(sealed, `${kid.slice(0, -1)}A`, [older])).toBe('corrupt')
  })

  test('every changed bit and every cut is noticed', () => {
    const sealed = sealPrivateKey(privateKey, kid, older, random)
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Uint8Array.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const inSecretId = bit >= 8 && bit < 72
      expect(openPrivateKey(changed, kid, [newer, older])).toBe(inSecretId ? 'wrong_secret' : 'corrupt')
    }
    for (let length = 0; length < sealed.length; length += 1) {
      expect(openPrivateKey(sealed.subarray(0, length), kid, [older])).toBe('corrupt')
    }
  })

  test('no bytes make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(['corrupt', 'wrong_secret']).toContain(openPrivateKey(bytes, kid, [older]))
        const head = [1, ...Buffer.from(older.id, 'base64url')]
        expect(openPrivateKey(Uint8Array.of(...head, ...bytes), kid, [older])).toBe('corrupt')
      }),
    )
  })
})
