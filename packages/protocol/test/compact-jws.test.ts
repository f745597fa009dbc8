import { describe, expect, test } from 'vitest'
import { encodeBase64url } from '../src/base64url.ts'
import { parseCompactJws } from '../src/compact-jws.ts'

const encode = (text: string) => encodeBase64url(new TextEncoder().encode(text))
const header = encode('{"alg":"ES256"}')
const payload = encode('{"sub":"1"}')
const signature = 'AAAA'

describe('compact JWS', () => {
  test('rfc7515-A.3 is taken apart', () => {
    const input =
      'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
    const encoded = 'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q'
    expect(parseCompactJws(`${input}.${encoded}`)).toEqual({
      header: { alg: 'ES256' },
      payload: { iss: 'joe', exp: 1300819380, 'http://example.com/is_root': true },
      signingInput: input,
      signature: new Uint8Array(Buffer.from(encoded, 'base64url')),
    })
  })

  test('each token has its own header, whatever was read before it, and nobody can change one for the next', () => {
    const other = encode('{"alg":"none"}')
    for (let count = 0; count < 3; count += 1) {
      expect(parseCompactJws(`${header}.${payload}.${signature}`)?.header).toEqual({ alg: 'ES256' })
      expect(parseCompactJws(`${other}.${payload}.${signature}`)?.header).toEqual({ alg: 'none' })
      expect(parseCompactJws(`${encode('{')}.${payload}.${signature}`)).toBeUndefined()
      expect(parseCompactJws(`${other}.${payload}.${signature}`)?.header).toEqual({ alg: 'none' })
    }
    const shared = parseCompactJws(`${header}.${payload}.${signature}`)?.header ?? {}
    expect(Reflect.set(shared, 'alg', 'none')).toBe(false)
  })

  test('rfc8037-A.4 is no JWT, for its payload is no JSON object', () => {
    const vector =
      'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg'
    expect(parseCompactJws(vector)).toBeUndefined()
  })

  test.each([
    ['an empty string', ''],
    ['two parts', `${header}.${payload}`],
    ['four parts', `${header}.${payload}.${signature}.${signature}`],
    ['five parts, as a JWE has', `${header}.${payload}.${signature}.${signature}.${signature}`],
    ['an empty header', `.${payload}.${signature}`],
    ['an empty payload', `${header}..${signature}`],
    ['an empty signature', `${header}.${payload}.`],
    ['dots alone', '..'],
    ['a leading dot', `.${header}.${payload}.${signature}`],
    ['a trailing dot', `${header}.${payload}.${signature}.`],
    ['a leading space', ` ${header}.${payload}.${signature}`],
    ['a trailing newline', `${header}.${payload}.${signature}\n`],
    ['a space beside a dot', `${header} .${payload}.${signature}`],
    ['padding in the header', `${header}==.${payload}.${signature}`],
    ['padding in the signature', `${header}.${payload}.AA==`],
    ['trailing bits in the signature', `${header}.${payload}.AB`],
    ['the alphabet of base64', `${header}.${payload}.+/AA`],
    ['percent-encoding', `${header}%2E${payload}.${signature}`],
    ['the JSON serialization', JSON.stringify({ protected: header, payload, signature })],
    ['an array as header', `${encode('["alg"]')}.${payload}.${signature}`],
    ['null as header', `${encode('null')}.${payload}.${signature}`],
    ['a string as payload', `${header}.${encode('"sub"')}.${signature}`],
    ['a JWT as payload', `${header}.${encode(`${header}.${payload}.${signature}`)}.${signature}`],
    ['a repeated member in the header', `${encode('{"alg":"ES256","alg":"none"}')}.${payload}.${signature}`],
    ['a repeated member in the payload', `${header}.${encode('{"sub":"1","su\\u0062":"2"}')}.${signature}`],
    ['a byte order mark', `${encode('\uFEFF{"alg":"ES256"}')}.${payload}.${signature}`],
    [
      'a lone continuation byte',
      `${header}.${encodeBase64url(Uint8Array.of(0x7b, 0x22, 0x80, 0x22, 0x3a, 0x31, 0x7d))}.${signature}`,
    ],
    [
      'an overlong encoding',
      `${header}.${encodeBase64url(Uint8Array.of(0x7b, 0x22, 0xc1, 0xa1, 0x22, 0x3a, 0x31, 0x7d))}.${signature}`,
    ],
    [
      'an encoded surrogate',
      `${header}.${encodeBase64url(Uint8Array.of(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d))}.${signature}`,
    ],
    ['deep nesting', `${header}.${encode(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`)}.${signature}`],
  ])('JW-1 JW-4 refuses %s', (_, token) => {
    expect(parseCompactJws(token)).toBeUndefined()
  })

  test('JW-1 refuses more than 16,384 characters', () => {
    const unsigned = `${encode(`{"alg":"${'E'.repeat(12_256)}"}`)}.${payload}.`
    const fitting = unsigned + 'A'.repeat(16_384 - unsigned.length)
    expect(fitting.length).toBe(16_384)
    expect(parseCompactJws(fitting)).toBeDefined()
    expect(parseCompactJws(`${fitting}A`)).toBeUndefined()
    expect(parseCompactJws('A'.repeat(100_000_000))).toBeUndefined()
  })
})
