import { accessTokenRefusalReasons, encodeBase64url } from '@pawl/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createIssuer, createKey, encodeText } from './issuer-fixture.ts'

const fixture = createIssuer()
const edwards = await createKey('Ed25519', 'edwards')
fixture.keys = [fixture.key.jwk, edwards.jwk]
const { verifier } = fixture

const tokens = [
  await fixture.token(),
  await fixture.token({ claims: { aud: ['https://other.example', 'https://api.example'], plan: { seats: [1, 2] } } }),
  await fixture.token({ key: edwards }),
]

type Mutation = (token: string) => string

const characters = fc.oneof(
  fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \t\r\n\0%"'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
)
const place = fc.nat({ max: 2_000 })
const at = (token: string, position: number) => position % (token.length + 1)

/** Rewrites one part of a token as text. */
const inPart = (index: number, rewrite: (text: string) => string): Mutation => {
  return (token) => {
    const parts = token.split('.')
    const part = parts[index % parts.length] ?? ''
    return parts.with(index % parts.length, encodeText(rewrite(Buffer.from(part, 'base64url').toString()))).join('.')
  }
}

const mutations: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, characters).map(
    ([position, character]): Mutation =>
      (token) => {
        const index = at(token, position)
        return token.slice(0, index) + character + token.slice(index + 1)
      },
  ),
  fc.tuple(place, characters).map(
    ([position, character]): Mutation =>
      (token) => {
        const index = at(token, position)
        return token.slice(0, index) + character + token.slice(index)
      },
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 40 })).map(
    ([position, length]): Mutation =>
      (token) => {
        const index = at(token, position)
        return token.slice(0, index) + token.slice(index + length)
      },
  ),
  fc.tuple(place, place).map(
    ([from, to]): Mutation =>
      (token) => {
        const [first, last] = [at(token, from), at(token, to)]
        return token.slice(0, last) + token.slice(first)
      },
  ),
  fc.constantFrom<Mutation>(
    (token) => token.toUpperCase(),
    (token) => token.split('.').toReversed().join('.'),
    (token) => `${token.slice(0, token.lastIndexOf('.'))}.`,
    (token) => token.slice(0, token.lastIndexOf('.')),
  ),
  // One octet of one part, canonically encoded again.
  fc.tuple(fc.nat({ max: 2 }), place, fc.integer({ min: 1, max: 255 })).map(
    ([index, position, change]): Mutation =>
      (token) => {
        const parts = token.split('.')
        const bytes = Uint8Array.from(Buffer.from(parts[index] ?? '', 'base64url'))
        if (bytes.length === 0) return `${token}.`
        const octet = position % bytes.length
        return parts
          .with(index % parts.length, encodeBase64url(bytes.with(octet, (bytes[octet] ?? 0) ^ change)))
          .join('.')
      },
  ),
  // One member of the header or the payload, as an attacker would write it.
  fc
    .tuple(
      fc.constantFrom(0, 1),
      fc.constantFrom(
        'alg',
        'typ',
        'kid',
        'crit',
        'b64',
        'jwk',
        'iss',
        'aud',
        'exp',
        'iat',
        'nbf',
        'sub',
        'jti',
        'cnf',
        'scope',
        '__proto__',
      ),
      fc.oneof(
        fc.jsonValue({ maxDepth: 2 }),
        fc.constantFrom('none', 'HS256', 'ES256', 'Ed25519', 'at+jwt', 'key-1', 'edwards', 9e9),
      ),
    )
    .map(
      ([index, name, value]): Mutation =>
        inPart(index, (text) => text.replace('{', `{${JSON.stringify(name)}:${JSON.stringify(value)},`)),
    ),
  fc.tuple(fc.constantFrom(0, 1), fc.json()).map(([index, json]) => inPart(index, () => json)),
  fc.constantFrom(...tokens).map(
    (other): Mutation =>
      (token) => {
        const [header, payload] = token.split('.')
        return `${header}.${payload}.${other.split('.')[2]}`
      },
  ),
)

describe('T36.3 mutated tokens', () => {
  test('10,000 of them: none is accepted, every refusal is typed, nothing throws', async () => {
    for (const token of tokens) expect((await verifier.verify(token)).ok).toBe(true)
    const reasons = new Set<string>()
    const steps = fc.array(mutations, { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...tokens), steps, async (token, some) => {
        const mutated = some.reduce((text, mutate) => mutate(text), token)
        fc.pre(!tokens.includes(mutated))
        const verification = await verifier.verify(mutated)
        if (verification.ok) throw new Error(`accepted: ${mutated}`)
        expect(accessTokenRefusalReasons).toHaveProperty(verification.refusal.reason)
        reasons.add(verification.refusal.reason)
        if (!/^[\x21-\x7e]+$/.test(mutated)) return
        const request = new Request('https://api.example', { headers: { authorization: `Bearer ${mutated}` } })
        expect((await verifier.verify(request)).ok).toBe(false)
      }),
      { numRuns: 10_000 },
    )
    // The mutations reach every layer, not only the first one.
    const layers = ['malformed', 'wrong_type', 'unsupported_algorithm', 'wrong_issuer', 'unknown_key', 'bad_signature']
    expect([...reasons]).toEqual(expect.arrayContaining(layers))
  })

  test('signed rubbish: the issuer may sign any claims, and still nothing throws', async () => {
    const names = fc.constantFrom(...Object.keys(fixture.claims), 'nbf', 'cnf', 'acr', 'amr', 'auth_time')
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, fc.jsonValue({ maxDepth: 3 })), async (claims) => {
        const verification = await verifier.verify(await fixture.token({ claims }))
        if (!verification.ok) expect(accessTokenRefusalReasons).toHaveProperty(verification.refusal.reason)
      }),
      { numRuns: 1_000 },
    )
  })
})
