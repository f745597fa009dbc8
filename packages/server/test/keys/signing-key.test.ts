import { generateKeyPairSync, sign } from 'node:crypto'
import { decodeBase64url, type SignatureAlgorithm, signatureAlgorithms } from '@pawl/protocol'
import { describe, expect, test } from 'vitest'
import { jwksDocument } from '../../src/keys/jwks-document.ts'
import { jwkThumbprint } from '../../src/keys/public-jwk.ts'
import { generateSigningKey, readSigningKey, readVerifyingKey } from '../../src/keys/signing-key.ts'

const signatureBytes: Readonly<Record<SignatureAlgorithm, number>> = { ES256: 64, Ed25519: 64, RS256: 256 }

describe.each(signatureAlgorithms)('a signing key for %s', (algorithm) => {
  test('JW-5: signatures are raw, of their one length, and verify with the published key alone', async () => {
    const { pair } = await generateSigningKey(algorithm)
    expect(pair.signatureBytes).toBe(signatureBytes[algorithm])
    const published = readVerifyingKey(pair.publicJwk, algorithm)
    for (let round = 0; round < 20; round += 1) {
      const text = `header.payload${round}`
      const signature = pair.sign(text)
      expect(signature.length).toBe(signatureBytes[algorithm])
      expect(published?.verify(text, signature)).toBe(true)
      expect(pair.verify(text, signature)).toBe(true)
      expect(published?.verify(`${text} `, signature)).toBe(false)
    }
  })

  test('JW-5: a changed, cut or lengthened signature does not verify, nor does the one of another key', async () => {
    const { pair } = await generateSigningKey(algorithm)
    const { pair: other } = await generateSigningKey(algorithm)
    const signature = pair.sign('text')
    const changed = Uint8Array.from(signature)
    changed[10] = (changed[10] ?? 0) ^ 1
    expect(pair.verify('text', changed)).toBe(false)
    expect(pair.verify('text', signature.subarray(0, -1))).toBe(false)
    expect(pair.verify('text', Uint8Array.of(...signature, 0))).toBe(false)
    expect(pair.verify('text', new Uint8Array())).toBe(false)
    expect(pair.verify('text', new Uint8Array(signature.length))).toBe(false)
    expect(pair.verify('text', other.sign('text'))).toBe(false)
  })

  test('JW-9: its id is the thumbprint of its public half, before and after storing', async () => {
    const { pair, pkcs8 } = await generateSigningKey(algorithm)
    expect(pair.kid).toBe(jwkThumbprint(pair.publicJwk))
    const read = readSigningKey(pkcs8, algorithm)
    expect(read.kid).toBe(pair.kid)
    expect(pair.verify('text', read.sign('text'))).toBe(true)
  })

  test('JW-2: its private half is not read as a key of another algorithm', async () => {
    const { pkcs8 } = await generateSigningKey(algorithm)
    for (const other of signatureAlgorithms.filter((candidate) => candidate !== algorithm)) {
      expect(() => readSigningKey(pkcs8, other)).toThrow(TypeError)
    }
  })

  test('JW-8: its entry in the key set has the public members, use, alg and kid, and nothing else', async () => {
    const { pair } = await generateSigningKey(algorithm)
    const members = { ES256: ['crv', 'kty', 'x', 'y'], Ed25519: ['crv', 'kty', 'x'], RS256: ['e', 'kty', 'n'] }[
      algorithm
    ]
    const [entry] = jwksDocument([pair]).keys
    expect(new Set(Object.keys(entry ?? {}))).toEqual(new Set([...members, 'alg', 'kid', 'use']))
    expect(entry).toMatchObject({ use: 'sig', alg: algorithm, kid: pair.kid })
  })
})

test('JW-5: RS256 keys have 2,048 bits', async () => {
  const { pair } = await generateSigningKey('RS256')
  const modulus = pair.publicJwk.kty === 'RSA' ? decodeBase64url(pair.publicJwk.n) : undefined
  expect(modulus?.length).toBe(256)
})

test('JW-5: a DER signature is not accepted for ES256', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' })
  const pair = readSigningKey(new Uint8Array(pkcs8), 'ES256')
  expect(pair.verify('text', sign('sha256', Buffer.from('text'), privateKey))).toBe(false)
})

test('JW-5: a point off the curve is no key', () => {
  const x = 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU'
  expect(readVerifyingKey({ kty: 'EC', crv: 'P-256', x, y: x }, 'ES256')).toBeUndefined()
})

test('rfc7515-A.3: the ES256 example verifies', () => {
  const x = 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU'
  const y = 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0'
  const input =
    'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
  const signature = 'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q'
  const key = readVerifyingKey({ kty: 'EC', crv: 'P-256', x, y }, 'ES256')
  expect(key?.verify(input, decodeBase64url(signature) ?? new Uint8Array())).toBe(true)
})

test('rfc8037-A.4: the Ed25519 example is signed exactly as in the specification', () => {
  const input = 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc'
  const signature = 'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg'
  const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
  const key = readVerifyingKey({ kty: 'OKP', crv: 'Ed25519', x }, 'Ed25519')
  expect(key?.verify(input, decodeBase64url(signature) ?? new Uint8Array())).toBe(true)
  // The private key of appendix A.1 behind the fixed head of a PKCS #8 Ed25519 key (RFC 8410 section 7).
  const seed = decodeBase64url('nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A') ?? new Uint8Array()
  const pair = readSigningKey(
    new Uint8Array([...Buffer.from('302e020100300506032b657004220420', 'hex'), ...seed]),
    'Ed25519',
  )
  expect(Buffer.from(pair.sign(input)).toString('base64url')).toBe(signature)
})
