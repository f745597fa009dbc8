import { describe, expect, test, vi } from 'vitest'
import { createIssuer, createKey, reasonOf } from './issuer-fixture.ts'

const hour = 3_600_000
const down = async () => new Response(null, { status: 503 })

describe('pinned keys', () => {
  test('T12.4 a verifier starts without its issuer, and goes on without it', async () => {
    const fixture = createIssuer()
    const fetch = vi.fn(down)
    const verifier = fixture.createVerifier({ pinnedKeys: { keys: fixture.keys }, fetch })
    const forever = await fixture.token({ claims: { exp: 9_999_999_999 } })
    for (let hours = 0; hours < 100; hours += 1) {
      expect(await reasonOf(verifier, forever)).toBe('accepted')
      await verifier.settled()
      fixture.now += hour
    }
    expect(fetch).toHaveBeenCalledTimes(100)
  })

  test('T12.4 the first request does not wait for an issuer that does not answer', async () => {
    const fixture = createIssuer()
    const verifier = fixture.createVerifier({
      pinnedKeys: { keys: fixture.keys },
      fetch: () => new Promise<Response>(() => {}),
    })
    expect(await reasonOf(verifier, await fixture.token())).toBe('accepted')
  })

  test('many requests at once import them once', async () => {
    const fixture = createIssuer()
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    const imports = vi.spyOn(crypto.subtle, 'importKey')
    const verifier = fixture.createVerifier({ pinnedKeys: { keys: fixture.keys }, fetch: down })
    const token = await fixture.token()
    const reasons = await Promise.all(Array.from({ length: 20 }, () => reasonOf(verifier, token)))
    expect(new Set(reasons)).toEqual(new Set(['accepted']))
    expect(imports).toHaveBeenCalledTimes(1)
    vi.restoreAllMocks()
  })

  test('a key that is not among them is asked for, and told apart from one that does not exist', async () => {
    const fixture = createIssuer()
    const next = await createKey('ES256', 'next')
    const token = await fixture.token({ key: next })
    const pinnedKeys = { keys: fixture.keys }
    expect(await reasonOf(fixture.createVerifier({ pinnedKeys, fetch: down }), token)).toBe('keys_unavailable')
    expect(await reasonOf(fixture.createVerifier({ pinnedKeys }), token)).toBe('unknown_key')
    fixture.keys = [next.jwk]
    expect(await reasonOf(fixture.createVerifier({ pinnedKeys }), token)).toBe('accepted')
  })

  test('they are forgotten once the issuer has answered: what it has withdrawn stays so', async () => {
    const fixture = createIssuer()
    let answer = async () => Response.json({ keys: [] })
    const verifier = fixture.createVerifier({ pinnedKeys: { keys: fixture.keys }, fetch: () => answer() })
    const token = await fixture.token({ claims: { exp: 9_999_999_999 } })
    expect(await reasonOf(verifier, token)).toBe('accepted')
    await verifier.settled()
    expect(await reasonOf(verifier, token)).toBe('unknown_key')
    answer = down
    fixture.now += 100 * hour
    expect(await reasonOf(verifier, token)).toBe('keys_unavailable')
  })

  test.each([
    ['no keys', { keys: [] }],
    ['a private key', { keys: [{ kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43), d: 'A'.repeat(43) }] }],
    ['a shared secret', { keys: [{ kty: 'oct', k: 'AAAA', kid: 'a' }] }],
    ['a key for encryption', { keys: [{ kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43), use: 'enc' }] }],
  ])('%s: a mistake that is told at the start', (_, pinnedKeys) => {
    const { createVerifier } = createIssuer()
    expect(() => createVerifier({ pinnedKeys })).toThrow(/pinnedKeys/)
  })
})
