import { describe, expect, test } from 'vitest'
import { createIssuer, reasonOf } from './issuer-fixture.ts'

describe('T21.2 a verifier whose clock is up to 30 s off', () => {
  const skews = Array.from({ length: 61 }, (_, index) => (index - 30) * 1000)

  test('refuses no fresh token, whichever way it is off', async () => {
    const fixture = createIssuer()
    const token = await fixture.token()
    const start = fixture.now
    const refused: unknown[] = []
    for (const skew of skews) {
      fixture.now = start + skew
      const reason = await reasonOf(fixture.verifier, token)
      if (reason !== 'accepted') refused.push({ skew, reason })
    }
    expect(refused).toEqual([])
  })

  test('refuses no token in its whole life, the shortest one of a second included', async () => {
    for (const life of [1, 5, 900]) {
      const fixture = createIssuer()
      const seconds = fixture.now / 1000
      const token = await fixture.token({ claims: { nbf: seconds, exp: seconds + life } })
      const start = fixture.now
      const refused: unknown[] = []
      for (const age of [0, 1, life * 500, life * 1000 - 1]) {
        for (const skew of skews) {
          fixture.now = start + age + skew
          const reason = await reasonOf(fixture.verifier, token)
          if (reason !== 'accepted') refused.push({ life, age, skew, reason })
        }
      }
      expect(refused).toEqual([])
    }
  })
})
