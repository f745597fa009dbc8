import { expect, test } from 'vitest'
import { jwkThumbprint, readPublicJwk } from '../../src/keys/public-jwk.ts'

const rfc7638Modulus =
  '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'

const elliptic = {
  kty: 'EC',
  crv: 'P-256',
  x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
  y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
} as const

test('JW-9 rfc7638-3.1: thumbprint of the RSA key of the specification', () => {
  expect(jwkThumbprint({ kty: 'RSA', n: rfc7638Modulus, e: 'AQAB' })).toBe(
    'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
  )
})

test('JW-9 rfc8037-A.3: thumbprint of the Ed25519 key of the specification', () => {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } as const
  expect(jwkThumbprint(jwk)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
})

test('JW-9 rfc9449-6.1: thumbprint of the P-256 key of the specification', () => {
  expect(jwkThumbprint(elliptic)).toBe('0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I')
})

test('JW-9 rfc7638-3.1: order and further members do not change a thumbprint', () => {
  const { kty, crv, x, y } = elliptic
  expect(jwkThumbprint(Object.assign({ alg: 'ES256', y, kid: 'some', x }, { crv, kty }))).toBe(jwkThumbprint(elliptic))
})

test('JW-8: the private half and every other member is left behind', () => {
  const read = readPublicJwk({ ...elliptic, d: 'private', key_ops: ['sign'], use: 'sig', kid: 'kid' }, 'ES256')
  expect(read).toStrictEqual(elliptic)
})

test.each([
  ['another curve', { ...elliptic, crv: 'P-384' }, 'ES256'],
  ['a coordinate of 31 octets', { ...elliptic, x: elliptic.x.slice(0, 42) }, 'ES256'],
  ['a missing coordinate', { kty: 'EC', crv: 'P-256', x: elliptic.x }, 'ES256'],
  ['a key of another type', elliptic, 'Ed25519'],
  ['a key of another type', elliptic, 'RS256'],
  ['something else', 'text', 'ES256'],
  ['nothing', undefined, 'ES256'],
] as const)('JW-5: %s is no key (%#)', (_, jwk, algorithm) => {
  expect(readPublicJwk(jwk, algorithm)).toBeUndefined()
})
