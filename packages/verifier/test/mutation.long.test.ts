import { accessTokenRefusalReasons } from '@pawl/protocol'
import { describe, expect, test } from 'vitest'
import { createIssuer, createKey } from './issuer-fixture.ts'
import { mutations, seededDraw } from './token-mutations.ts'

const algorithms = ['ES256', 'Ed25519', 'RS256'] as const
const keys = await Promise.all(algorithms.map((algorithm) => createKey(algorithm, algorithm)))
const fixture = createIssuer({ algorithms })
fixture.keys = keys.map(({ jwk }) => jwk)

const good = (claims: Readonly<Record<string, unknown>>) =>
  Promise.all(keys.map((key) => fixture.token({ key, claims })))
const tokens = [
  ...(await good({})),
  ...(await good({ jti: 'token-2', aud: ['https://other.example', 'https://api.example'], plan: { seats: [1, 2] } })),
]

const total = 1_000_000
const kinds = Object.entries(mutations)
const perKind = Math.ceil(total / kinds.length)

/** What a mutation came to once: the reason, or that the token came out of it as it was. */
async function reasonFor(mutated: string): Promise<string> {
  if (tokens.includes(mutated)) return 'unchanged'
  const verification = await fixture.verifier.verify(mutated)
  if (verification.ok) throw new Error(`accepted: ${mutated}`)
  return verification.refusal.reason
}

describe('T36.3 1,000,000 mutated tokens of three algorithms: none is accepted, every refusal is typed', () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const draw = seededDraw(seed)
  const seen = new Set<string>()

  test.each(kinds)(`%s (seed ${seed})`, async (_, mutate) => {
    for (let refused = 0; refused < perKind; ) {
      let mutated = tokens[draw(tokens.length)] ?? ''
      // One mutation mostly, for several seldom get past the first check.
      for (let steps = draw(4) === 0 ? 2 : 1; steps > 0; steps -= 1) mutated = mutate(mutated, draw, tokens)
      const reason = await reasonFor(mutated)
      if (reason === 'unchanged') continue
      refused += 1
      seen.add(reason)
    }
    for (const reason of seen) expect(accessTokenRefusalReasons).toHaveProperty(reason)
  })

  test('every layer had its share', () => {
    const layers = [
      'malformed',
      'wrong_type',
      'unsupported_algorithm',
      'unsupported_header',
      'wrong_issuer',
      'unknown_key',
    ]
    expect([...seen]).toEqual(expect.arrayContaining([...layers, 'bad_signature']))
  })
})
