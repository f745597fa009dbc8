import crypto from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createSignatureCheck } from '../src/signature-check.ts'
import { createIssuer, createKey, encodeText, reasonOf } from './issuer-fixture.ts'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

/** What a runtime other than Node has in the place of its modules. */
const elsewhere: readonly [string, () => unknown][] = [
  ['no process', () => vi.stubGlobal('process', undefined)],
  ['a process that knows no modules', () => vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)],
]

const algorithms = ['ES256', 'Ed25519', 'RS256'] as const

describe.each(algorithms)('%s', (algorithm) => {
  test("Node's own check answers at once", async () => {
    const key = await createKey(algorithm, 'key')
    const check = await createSignatureCheck(algorithm, { ...key.jwk, kty: String(key.jwk['kty']) })
    const signature = await key.sign('text')
    expect(check?.('text', signature)).toBe(true)
    expect(check?.('other', signature)).toBe(false)
    expect(check?.('text', signature.with(3, (signature[3] ?? 0) ^ 1))).toBe(false)
  })

  test.each(elsewhere)('WebCrypto comes to the same, later: %s', async (_, leave) => {
    const key = await createKey(algorithm, 'key')
    const signature = await key.sign('text')
    const node = vi.spyOn(crypto, 'verify')
    leave()
    const check = await createSignatureCheck(algorithm, { ...key.jwk, kty: String(key.jwk['kty']) })
    const answers = [
      check?.('text', signature),
      check?.('other', signature),
      check?.('text', signature.with(3, (signature[3] ?? 0) ^ 1)),
    ]
    expect(answers.every((answer) => answer instanceof Promise)).toBe(true)
    expect(await Promise.all(answers)).toEqual([true, false, false])
    expect(node).not.toHaveBeenCalled()
  })

  test('a whole token is judged alike by both', async () => {
    const fixture = createIssuer({ algorithms: [algorithm] }, await createKey(algorithm, 'key'))
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    const good = await fixture.token()
    expect(await reasonOf(fixture.verifier, good)).toBe('accepted')
    expect(await reasonOf(fixture.verifier, good)).toBe('accepted')
    const [header, , signature] = good.split('.')
    const forged = `${header}.${encodeText(JSON.stringify({ ...fixture.claims, sub: 'admin' }))}.${signature}`
    expect(await reasonOf(fixture.verifier, forged)).toBe('bad_signature')
  })
})

describe('the conversion of R and S to DER', () => {
  test('JW-5 every shape that two numbers can have comes to what OpenSSL makes of it', async () => {
    const key = await createKey('ES256', 'key')
    const check = await createSignatureCheck('ES256', { ...key.jwk, kty: String(key.jwk['kty']) })
    const seen = vi.spyOn(crypto, 'verify')
    const shapes = [0x00, 0x01, 0x7f, 0x80, 0xff].flatMap((first) => [0, 1, 5, 31].map((zeros) => ({ first, zeros })))
    const number = ({ first, zeros }: { readonly first: number; readonly zeros: number }) => {
      return new Uint8Array(32)
        .fill(0, 0, zeros)
        .fill(first, zeros, zeros + 1)
        .fill(0x5a, zeros + 1)
    }
    for (const r of shapes) {
      for (const s of shapes) {
        check?.('text', Uint8Array.of(...number(r), ...number(s)))
        const der = seen.mock.lastCall?.[3]
        if (!(der instanceof Uint8Array)) throw new Error('not called')
        expect([...der]).toEqual([...derOf(number(r), number(s))])
      }
    }
  })
})

/** DER of a SEQUENCE of two INTEGERs by the rules of X.690: as short as can be, and never negative. */
function derOf(r: Uint8Array, s: Uint8Array): Uint8Array {
  const integer = (value: Uint8Array) => {
    const hex = BigInt(`0x${Buffer.from(value).toString('hex')}`).toString(16)
    const octets = [...Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')]
    if ((octets[0] ?? 0) >= 128) octets.unshift(0)
    return [2, octets.length, ...octets]
  }
  const body = [...integer(r), ...integer(s)]
  return Uint8Array.of(0x30, body.length, ...body)
}
