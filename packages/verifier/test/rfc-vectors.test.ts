import { decodeBase64url, parseCompactJws } from '@pawl/protocol'
import { describe, expect, test } from 'vitest'
import { createVerifier } from '../src/index.ts'
import { importVerificationKey } from '../src/verification-key.ts'
import { reasonOf } from './issuer-fixture.ts'

const es256 = {
  jwk: {
    kty: 'EC',
    crv: 'P-256',
    x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
    y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  },
  jws: 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q',
}

const ed25519 = {
  jwk: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
  input: 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc',
  signature: 'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
}

describe('vectors of the RFCs', () => {
  test('rfc7515-A.3 the ES256 signature verifies, and nothing like it does', async () => {
    const key = await importVerificationKey(es256.jwk)
    const jws = parseCompactJws(es256.jws)
    if (key === undefined || jws === undefined) throw new Error('the vector is not understood')
    expect(key.algorithm).toBe('ES256')
    expect(await key.verify(jws.signingInput, jws.signature)).toBe(true)
    expect(await key.verify(`${jws.signingInput}A`, jws.signature)).toBe(false)
    expect(await key.verify(jws.signingInput, jws.signature.with(63, 0))).toBe(false)
  })

  test('rfc8037-A.4 the Ed25519 signature verifies, and nothing like it does', async () => {
    const key = await importVerificationKey(ed25519.jwk)
    const signature = decodeBase64url(ed25519.signature)
    if (key === undefined || signature === undefined) throw new Error('the vector is not understood')
    expect(key.algorithm).toBe('Ed25519')
    expect(await key.verify(ed25519.input, signature)).toBe(true)
    expect(await key.verify(`${ed25519.input}A`, signature)).toBe(false)
    expect(await key.verify(ed25519.input, signature.with(0, 0))).toBe(false)
  })

  test('rfc7515-A.3 rfc7519-3.1 rfc7519-6.1 rfc8037-A.4 are no access tokens', async () => {
    const verifier = createVerifier({
      issuer: 'https://joe.example',
      audience: 'https://api.example',
      fetch: async () => Response.json({ keys: [{ ...es256.jwk, kid: 'a' }] }),
    })
    const claims = es256.jws.split('.')[1]
    const hs256 = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${claims}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`
    expect(await reasonOf(verifier, es256.jws)).toBe('wrong_type')
    expect(await reasonOf(verifier, hs256)).toBe('wrong_type')
    expect(await reasonOf(verifier, `eyJhbGciOiJub25lIn0.${claims}.`)).toBe('malformed')
    expect(await reasonOf(verifier, `${ed25519.input}.${ed25519.signature}`)).toBe('malformed')
  })
})
