import { createHmac } from 'node:crypto'
import { decodeBase64url, encodeBase64url } from '@pawl/protocol'
import { describe, expect, test } from 'vitest'
import {
  createIssuer,
  createKey,
  encodeText,
  type IssuerFixture,
  type Members,
  reasonOf,
  signTexts,
} from './issuer-fixture.ts'

const attacker = await createKey('ES256', 'attacker')

/** The parts of a good token. */
async function parts(fixture: IssuerFixture): Promise<[header: string, payload: string, signature: string]> {
  const [header = '', payload = '', signature = ''] = (await fixture.token()).split('.')
  return [header, payload, signature]
}

/** A good payload under a header of one's own, with a signature of one's own. */
async function forge(
  fixture: IssuerFixture,
  header: Members,
  signature: Uint8Array = new Uint8Array(64),
): Promise<string> {
  const [, payload] = await parts(fixture)
  return `${encodeText(JSON.stringify({ ...fixture.header, ...header }))}.${payload}.${encodeBase64url(signature)}`
}

describe('JW-2 no algorithm', () => {
  test.each([
    'none',
    'None',
    'NONE',
    'nOnE',
    'none ',
    ' none',
    'none\0',
    'non\u0435',
    '',
    null,
    undefined,
    [],
    ['none'],
    {},
    0,
    true,
  ])('alg %j is refused, with and without a signature', async (alg) => {
    const fixture = createIssuer()
    const [, , signature] = await parts(fixture)
    expect(await reasonOf(fixture.verifier, await forge(fixture, { alg }))).toBe('unsupported_algorithm')
    const borrowed = await forge(fixture, { alg }, decodeBase64url(signature) ?? new Uint8Array())
    expect(await reasonOf(fixture.verifier, borrowed)).toBe('unsupported_algorithm')
    expect(await reasonOf(fixture.verifier, await forge(fixture, { alg }, new Uint8Array()))).toBe('malformed')
    const [header = '', payload = ''] = (await forge(fixture, { alg })).split('.')
    expect(await reasonOf(fixture.verifier, `${header}.${payload}`)).toBe('malformed')
  })

  test('rfc7515-A.5 an unsecured JWS is malformed', async () => {
    const { verifier } = createIssuer()
    const vector =
      'eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.'
    expect(await reasonOf(verifier, vector)).toBe('malformed')
  })
})

describe('JW-2 a public key used as a shared secret', () => {
  test.each(['HS256', 'HS384', 'HS512'])('%s over the public key in any spelling is refused', async (alg) => {
    const fixture = createIssuer()
    const { key } = fixture
    const der = Buffer.from(await crypto.subtle.exportKey('spki', key.publicKey))
    const pem = `-----BEGIN PUBLIC KEY-----\n${der.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END PUBLIC KEY-----\n`
    const secrets = [
      der,
      der.toString('base64'),
      pem,
      pem.trimEnd(),
      JSON.stringify(key.jwk),
      JSON.stringify({ keys: [key.jwk] }),
      Buffer.from(await crypto.subtle.exportKey('raw', key.publicKey)),
      Buffer.from(String(key.jwk['x']), 'base64url'),
      '',
    ]
    for (const secret of secrets) {
      const [header, payload] = (await forge(fixture, { alg })).split('.')
      const input = `${header}.${payload}`
      const signature = createHmac(`sha${alg.slice(2)}`, secret)
        .update(input)
        .digest()
      const token = `${input}.${signature.toString('base64url')}`
      expect(await reasonOf(fixture.verifier, token)).toBe('unsupported_algorithm')
      // The same, pretending to be of the key's own algorithm.
      const pretended = await forge(fixture, {}, signature)
      expect(await reasonOf(fixture.verifier, pretended)).toBe('bad_signature')
    }
  })

  test.each([
    'ES384',
    'ES512',
    'ES256K',
    'RS256',
    'RS384',
    'PS256',
    'Ed448',
    'es256',
    'ES256 ',
    'ed25519',
    'A128KW',
    'dir',
  ])('%s is refused', async (alg) => {
    const fixture = createIssuer()
    expect(await reasonOf(fixture.verifier, await forge(fixture, { alg }))).toBe('unsupported_algorithm')
  })

  test('JW-2 a key takes its own algorithm only, though both are enabled', async () => {
    const edwards = await createKey('Ed25519', 'edwards')
    const fixture = createIssuer()
    fixture.keys = [fixture.key.jwk, edwards.jwk]
    const crossed = await fixture.token({ key: edwards, header: { alg: 'ES256' } })
    expect(await reasonOf(fixture.verifier, crossed)).toBe('unsupported_algorithm')
    const swapped = await fixture.token({ key: edwards, header: { kid: 'key-1' } })
    expect(await reasonOf(fixture.verifier, swapped)).toBe('unsupported_algorithm')
  })

  test.each([
    ['a shared secret', { kty: 'oct', k: 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U' }],
    ['for encryption', { use: 'enc' }],
    ['for signing only', { key_ops: ['sign'] }],
    ['whose key_ops are no list', { key_ops: 'verify' }],
    ['of another algorithm', { alg: 'ES384' }],
    ['for key agreement', { alg: 'ECDH-ES' }],
    ['on another curve', { crv: 'P-384' }],
    ['on secp256k1', { crv: 'secp256k1' }],
    ['with a short coordinate', { x: 'AAAA' }],
    ['with a padded coordinate', { x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU=' }],
    ['with a point off the curve', { x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU' }],
    ['with its private half', { d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI' }],
    ['without a kid', { kid: undefined }],
    ['with a number as kid', { kid: 1 }],
  ])('JW-8 a published key %s is not used', async (_, change) => {
    const fixture = createIssuer()
    fixture.keys = [{ ...fixture.key.jwk, ...change }]
    expect(await reasonOf(fixture.verifier, await fixture.token())).toBe('unknown_key')
  })

  test('JW-5 an RSA key of less than 2,048 bits is not used', async () => {
    const rsa = await createKey('RS256', 'rsa')
    const fixture = createIssuer({ algorithms: ['RS256'] }, rsa)
    expect(await reasonOf(fixture.verifier, await fixture.token())).toBe('accepted')
    const short = String(rsa.jwk['n']).slice(0, 171)
    fixture.keys = [{ ...rsa.jwk, n: `${short.slice(0, -1)}A` }]
    expect(await reasonOf(fixture.createVerifier(), await fixture.token())).toBe('unknown_key')
  })

  test('JW-8 two published keys of one kid are both left out', async () => {
    const fixture = createIssuer()
    fixture.keys = [fixture.key.jwk, { ...attacker.jwk, kid: 'key-1' }, { ...attacker.jwk, kid: 'key-1' }]
    expect(await reasonOf(fixture.verifier, await fixture.token())).toBe('unknown_key')
    expect(await reasonOf(fixture.verifier, await fixture.token({ key: attacker, header: { kid: 'key-1' } }))).toBe(
      'unknown_key',
    )
  })
})

describe('JW-3 keys that the token brings along', () => {
  const chain = ['MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxz']
  test.each([
    ['jwk', { jwk: attacker.jwk }],
    ['jku', { jku: 'https://evil.example/jwks' }],
    ['jku below the issuer', { jku: 'https://id.example/redirect?to=https://evil.example/jwks' }],
    ['x5u', { x5u: 'https://evil.example/chain.pem' }],
    ['x5c', { x5c: chain, x5t: 'dGh1bWI', 'x5t#S256': 'dGh1bWI' }],
    ['all of them', { jwk: attacker.jwk, jku: 'https://evil.example/jwks', x5u: 'https://evil.example', x5c: chain }],
  ])('%s is never a source of keys, and nothing is fetched from it', async (_, header) => {
    const asked: string[] = []
    const fixture = createIssuer({
      fetch: async (url) => {
        asked.push(url)
        return Response.json({ keys: [fixture.key.jwk] })
      },
    })
    expect(await reasonOf(fixture.verifier, await fixture.token({ key: attacker, header }))).toBe('unknown_key')
    const borrowed = { ...header, kid: 'key-1' }
    expect(await reasonOf(fixture.verifier, await fixture.token({ key: attacker, header: borrowed }))).toBe(
      'bad_signature',
    )
    expect(asked).toEqual(['https://id.example/oauth/jwks'])
  })

  test.each([
    '../../../../dev/null',
    '/proc/sys/kernel/randomize_va_space',
    'file:///etc/passwd',
    "x' UNION SELECT 'secret' --",
    'key-1\0',
    'KEY-1',
    ' key-1',
    'key-1 ',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'prototype',
    'size',
    'get',
    '',
    '|whoami',
    '{{7*7}}',
    'https://evil.example/jwks',
    'a'.repeat(257),
    'a'.repeat(10_000),
    0,
    -1,
    null,
    undefined,
    true,
    ['key-1'],
    { kid: 'key-1' },
    {},
  ])('kid %j names no key', async (kid) => {
    const fixture = createIssuer()
    expect(await reasonOf(fixture.verifier, await fixture.token())).toBe('accepted')
    expect(await reasonOf(fixture.verifier, await fixture.token({ header: { kid } }))).toBe('unknown_key')
    expect(fixture.fetches).toBe(1)
  })
})

test('a kid that is no short text does not even cost a fetch', async () => {
  const fixture = createIssuer()
  for (const kid of ['a'.repeat(257), 7, undefined]) {
    expect(await reasonOf(fixture.verifier, await fixture.token({ header: { kid } }))).toBe('unknown_key')
  }
  expect(fixture.fetches).toBe(0)
  expect(await reasonOf(fixture.verifier, await fixture.token({ header: { kid: 'a'.repeat(256) } }))).toBe(
    'unknown_key',
  )
  expect(fixture.fetches).toBe(1)
})

describe('JW-4 extensions and form', () => {
  test.each([
    { crit: ['exp'], exp: 1 },
    { crit: ['b64'], b64: false },
    { crit: ['b64'], b64: true },
    { crit: ['http://example.com/UNDEFINED'], 'http://example.com/UNDEFINED': true },
    { crit: [] },
    { crit: '' },
    { crit: null },
    { crit: false },
    { crit: 0 },
    { crit: {} },
    { crit: ['alg'] },
    { crit: ['crit'] },
    { crit: [['exp']] },
    { b64: false },
    { b64: true },
    { b64: null },
  ])('%j is refused though the issuer signed it', async (header) => {
    const { verifier, token } = createIssuer()
    expect(await reasonOf(verifier, await token({ header }))).toBe('unsupported_header')
  })

  test('crit outside of the protected header: there is no such place in the compact form', async () => {
    const fixture = createIssuer()
    const [header, payload, signature] = await parts(fixture)
    const flattened = { protected: header, payload, signature, header: { crit: ['exp'] } }
    expect(await reasonOf(fixture.verifier, JSON.stringify(flattened))).toBe('malformed')
    const general = { payload, signatures: [{ protected: header, signature, header: { crit: ['exp'] } }] }
    expect(await reasonOf(fixture.verifier, JSON.stringify(general))).toBe('malformed')
  })

  test.each<[string, (header: string, payload: string) => [string, string]]>([
    ['alg', (header, payload) => [header.replace('{', '{"alg":"none",'), payload]],
    ['alg at the end', (header, payload) => [header.replace(/}$/, ',"alg":"ES256"}'), payload]],
    ['alg in another spelling', (header, payload) => [header.replace('{', '{"\\u0061lg":"none",'), payload]],
    ['kid', (header, payload) => [header.replace('{', '{"kid":"other",'), payload]],
    ['typ', (header, payload) => [header.replace('{', '{"typ":"JWT",'), payload]],
    ['sub', (header, payload) => [header, payload.replace('{', '{"sub":"admin",')]],
    ['exp', (header, payload) => [header, payload.replace(/}$/, ',"exp":9999999999}')]],
    ['exp in another spelling', (header, payload) => [header, payload.replace(/}$/, ',"ex\\u0070":9999999999}')]],
    ['a nested member', (header, payload) => [header, payload.replace('{', '{"act":{"sub":"a","sub":"b"},')]],
    ['a member deep in a list', (header, payload) => [header, payload.replace('{', '{"x":[[{"y":{"z":1,"z":1}}]],')]],
  ])('a repeated member (%s) is refused though the issuer signed it', async (_, change) => {
    const fixture = createIssuer()
    const [header, payload] = change(JSON.stringify(fixture.header), JSON.stringify(fixture.claims))
    expect(await reasonOf(fixture.verifier, await signTexts(header, payload, fixture.key))).toBe('malformed')
  })

  test.each<[string, (token: string) => string]>([
    ['padding after the header', (token) => token.replace('.', '=.')],
    ['padding after the payload', (token) => token.replace(/\.(?=[^.]*$)/, '=.')],
    ['padding at the end', (token) => `${token}==`],
    ['a space at the start', (token) => ` ${token}`],
    ['a space at the end', (token) => `${token} `],
    ['a newline at the end', (token) => `${token}\n`],
    ['a newline inside', (token) => `${token.slice(0, 40)}\r\n${token.slice(40)}`],
    ['a tab inside', (token) => `${token.slice(0, 40)}\t${token.slice(40)}`],
    ['a NUL at the end', (token) => `${token}\0`],
    ['a zero-width space', (token) => `${token}\u200b`],
    ['a full-width character', (token) => token.replace('A', '\uff21')],
    ['a question mark inside a part', (token) => `${token.slice(0, 40)}?${token.slice(40)}`],
    ['trailing bits in the signature', (token) => token.slice(0, -1) + neighbour(token.slice(-1))],
    ['a fourth part', (token) => `${token}.AAAA`],
    ['an empty part before', (token) => `.${token}`],
    ['an empty part after', (token) => `${token}.`],
    ['the word Bearer', (token) => `Bearer ${token}`],
    ['quotes', (token) => `"${token}"`],
    ['percent-encoded dots', (token) => token.replaceAll('.', '%2E')],
    ['the whole encoded once more', (token) => encodeText(token)],
  ])('JW-1 %s is malformed', async (_, respell) => {
    const { verifier, token } = createIssuer()
    const good = await token()
    expect(respell(good)).not.toBe(good)
    expect(await reasonOf(verifier, respell(good))).toBe('malformed')
  })

  test('JW-1 the alphabet of base64 is malformed', async () => {
    const fixture = createIssuer()
    let token = await fixture.token()
    for (let jti = 0; !/[-_]/.test(token); jti += 1) token = await fixture.token({ claims: { jti: `token-${jti}` } })
    expect(await reasonOf(fixture.verifier, token)).toBe('accepted')
    expect(await reasonOf(fixture.verifier, token.replaceAll('-', '+').replaceAll('_', '/'))).toBe('malformed')
  })

  test('a JWT in a JWT is malformed, whatever cty says', async () => {
    const fixture = createIssuer()
    const inner = await fixture.token()
    const header = JSON.stringify({ ...fixture.header, cty: 'JWT' })
    expect(await reasonOf(fixture.verifier, await signTexts(header, inner, fixture.key))).toBe('malformed')
    expect(await reasonOf(fixture.verifier, await signTexts(header, JSON.stringify(inner), fixture.key))).toBe(
      'malformed',
    )
    expect(await reasonOf(fixture.verifier, await signTexts(header, JSON.stringify([inner]), fixture.key))).toBe(
      'malformed',
    )
  })

  test('JW-10 an encrypted JWT is malformed', async () => {
    const { verifier } = createIssuer()
    const header = encodeText(JSON.stringify({ alg: 'dir', enc: 'A128GCM', zip: 'DEF', typ: 'at+jwt' }))
    expect(await reasonOf(verifier, `${header}..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA`)).toBe('malformed')
  })

  test('nesting without end and tokens without end are malformed, and cost no key', async () => {
    const fixture = createIssuer()
    const deep = `{"a":${'['.repeat(4_000)}${']'.repeat(4_000)}}`
    expect(await reasonOf(fixture.verifier, await signTexts(JSON.stringify(fixture.header), deep, fixture.key))).toBe(
      'malformed',
    )
    const long = await fixture.token({ claims: { note: 'a'.repeat(13_000) } })
    expect(long.length).toBeGreaterThan(16_384)
    expect(await reasonOf(fixture.verifier, long)).toBe('malformed')
    expect(await reasonOf(fixture.verifier, 'a.'.repeat(10_000_000))).toBe('malformed')
    expect(fixture.fetches).toBe(0)
  })
})

/** The next character of the alphabet: the same bytes where the last bits are not used. */
function neighbour(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(character) + 1] ?? '?'
}
