import { decodeBase64url, encodeBase64url } from '@pawl/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createIssuer, createKey, type IssuerFixture, reasonOf } from './issuer-fixture.ts'

/** Orders of the groups of P-256 and Ed25519. */
const orderP256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const orderEd25519 = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn

const bigEndian = (value: bigint) =>
  Uint8Array.from(Buffer.from(value.toString(16).padStart(64, '0').slice(-64), 'hex'))
const readBigEndian = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
const raw = (r: bigint, s: bigint) => Uint8Array.of(...bigEndian(r), ...bigEndian(s))

/** A good token, and the same with another signature. */
async function resign(
  fixture: IssuerFixture,
  change: (signature: Uint8Array<ArrayBuffer>) => Uint8Array,
): Promise<string> {
  const token = await fixture.token()
  const input = token.slice(0, token.lastIndexOf('.'))
  const signature = decodeBase64url(token.slice(input.length + 1)) ?? new Uint8Array()
  return `${input}.${encodeBase64url(change(signature))}`
}

function derInteger(value: Uint8Array): number[] {
  const digits = [...value]
  while (digits.length > 1 && digits[0] === 0) digits.shift()
  if ((digits[0] ?? 0) >= 128) digits.unshift(0)
  return [2, digits.length, ...digits]
}

describe.each(['Node', 'WebCrypto'])('checked by %s', (checker) => {
  beforeEach(() => {
    if (checker === 'WebCrypto') vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  describe('JW-5 ES256 signatures', () => {
    test.each<[string, (signature: Uint8Array) => Uint8Array]>([
      ['r = s = 0', () => new Uint8Array(64)],
      ['r = 0', (signature) => raw(0n, readBigEndian(signature.slice(32)))],
      ['s = 0', (signature) => raw(readBigEndian(signature.slice(0, 32)), 0n)],
      ['r = s = n', () => raw(orderP256, orderP256)],
      ['r = n', (signature) => raw(orderP256, readBigEndian(signature.slice(32)))],
      ['s = n', (signature) => raw(readBigEndian(signature.slice(0, 32)), orderP256)],
      ['s = n + 1', (signature) => raw(readBigEndian(signature.slice(0, 32)), orderP256 + 1n)],
      ['r = s = 1', () => raw(1n, 1n)],
      ['r = s = n - 1', () => raw(orderP256 - 1n, orderP256 - 1n)],
      ['r = s = 2^256 - 1', () => new Uint8Array(64).fill(255)],
      ['r and s swapped', (signature) => Uint8Array.of(...signature.slice(32), ...signature.slice(0, 32))],
      [
        'DER',
        (signature) => {
          const body = [...derInteger(signature.slice(0, 32)), ...derInteger(signature.slice(32))]
          return Uint8Array.of(0x30, body.length, ...body)
        },
      ],
      ['DER of r = s = 0', () => Uint8Array.of(0x30, 6, 2, 1, 0, 2, 1, 0)],
      ['63 octets', (signature) => signature.slice(0, 63)],
      ['65 octets', (signature) => Uint8Array.of(...signature, 0)],
      ['65 octets, the first one 0', (signature) => Uint8Array.of(0, ...signature)],
      [
        '66 octets, r and s each one longer',
        (signature) => Uint8Array.of(0, ...signature.slice(0, 32), 0, ...signature.slice(32)),
      ],
      ['96 octets', (signature) => Uint8Array.of(...signature, ...new Uint8Array(32))],
      ['128 octets, the signature twice', (signature) => Uint8Array.of(...signature, ...signature)],
      ['r alone', (signature) => signature.slice(0, 32)],
      ['1 octet', () => Uint8Array.of(0)],
      ['the other byte order', (signature) => signature.toReversed()],
      ['one bit flipped', (signature) => signature.with(0, (signature[0] ?? 0) ^ 1)],
    ])('%s: refused', async (_, change) => {
      const fixture = createIssuer()
      expect(await reasonOf(fixture.verifier, await fixture.token())).toBe('accepted')
      expect(await reasonOf(fixture.verifier, await resign(fixture, change))).toBe('bad_signature')
    })

    test('the twin (r, n - s) is valid by ECDSA, and it is the same token: same jti, same sid', async () => {
      const fixture = createIssuer()
      const twin = await resign(fixture, (signature) =>
        raw(readBigEndian(signature.slice(0, 32)), orderP256 - readBigEndian(signature.slice(32))),
      )
      expect(await fixture.verifier.verify(twin)).toMatchObject({
        ok: true,
        claims: { jti: 'token-1', sid: 'session-1' },
      })
    })

    test('a signature of another token, of another key, or over a changed part is refused', async () => {
      const fixture = createIssuer()
      const [header, payload, signature] = (await fixture.token()).split('.')
      const [, otherPayload, otherSignature] = (await fixture.token({ claims: { sub: 'admin' } })).split('.')
      expect(await reasonOf(fixture.verifier, `${header}.${payload}.${otherSignature}`)).toBe('bad_signature')
      expect(await reasonOf(fixture.verifier, `${header}.${otherPayload}.${signature}`)).toBe('bad_signature')
      const stranger = await createKey('ES256', 'key-1')
      expect(await reasonOf(fixture.verifier, await fixture.token({ key: stranger }))).toBe('bad_signature')
    })
  })

  describe('JW-5 Ed25519 signatures', () => {
    test.each<[string, (signature: Uint8Array) => Uint8Array]>([
      ['zeros', () => new Uint8Array(64)],
      [
        'S + L, which is congruent to S',
        (signature) => {
          const s = readBigEndian(signature.slice(32).toReversed()) + orderEd25519
          return Uint8Array.of(...signature.slice(0, 32), ...bigEndian(s).toReversed())
        },
      ],
      ['S = 0 and R the neutral element', () => new Uint8Array(64).with(0, 1)],
      ['63 octets', (signature) => signature.slice(0, 63)],
      ['65 octets', (signature) => Uint8Array.of(...signature, 0)],
      ['one bit flipped', (signature) => signature.with(40, (signature[40] ?? 0) ^ 1)],
    ])('%s: refused', async (_, change) => {
      const fixture = createIssuer({}, await createKey('Ed25519', 'key'))
      expect(await reasonOf(fixture.verifier, await fixture.token())).toBe('accepted')
      expect(await reasonOf(fixture.verifier, await resign(fixture, change))).toBe('bad_signature')
    })
  })

  describe('RS256 signatures', () => {
    test.each<[string, (signature: Uint8Array) => Uint8Array]>([
      ['zeros', (signature) => new Uint8Array(signature.length)],
      ['one octet short', (signature) => signature.slice(1)],
      ['a leading zero', (signature) => Uint8Array.of(0, ...signature)],
      ['one bit flipped', (signature) => signature.with(0, (signature[0] ?? 0) ^ 1)],
      ['64 octets', () => new Uint8Array(64)],
    ])('%s: refused', async (_, change) => {
      const fixture = createIssuer({ algorithms: ['RS256'] }, await createKey('RS256', 'key'))
      expect(await reasonOf(fixture.verifier, await fixture.token())).toBe('accepted')
      expect(await reasonOf(fixture.verifier, await resign(fixture, change))).toBe('bad_signature')
    })
  })
})
