import crypto from 'node:crypto'
import { decodeBase64url, encodeBase64url, type RevocationKind } from '@pawl/protocol'
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest'
import type { RevocationFeed } from '../src/index.ts'
import { createRevocationSet } from '../src/revocation-set.ts'
import { createIssuer, createKey, type IssuerFixture, type Members, reasonOf } from './issuer-fixture.ts'

let checks: MockInstance<typeof crypto.verify>

beforeEach(() => {
  checks = vi.spyOn(crypto, 'verify')
})
afterEach(() => {
  checks.mockRestore()
})

/** The same bytes under another spelling, or nearly the same. */
const respellings: readonly [string, (token: string) => string][] = [
  ['padding', (token) => `${token}==`],
  ['white space before', (token) => ` ${token}`],
  ['white space after', (token) => `${token}\n`],
  ['white space within', (token) => token.replace('.', '. ')],
  ['the other alphabet', (token) => `${token.slice(0, -4)}+/+/`],
  ['trailing bits', (token) => `${token.slice(0, -1)}${nextCharacter(token.at(-1) ?? '')}`],
  ['a fourth part', (token) => `${token}.`],
  ['a byte order mark', (token) => `\ufeff${token}`],
]

/** One that differs in its last bit only, which is one of the bits that a 64-octet signature leaves over. */
function nextCharacter(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(character) ^ 1] ?? ''
}

/** The other signature that the same key and text have by ECDSA: (r, n - s). */
function twinOf(token: string): string {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const end = token.lastIndexOf('.') + 1
  const signature = decodeBase64url(token.slice(end)) ?? new Uint8Array()
  const s = order - BigInt(`0x${Buffer.from(signature.slice(32)).toString('hex')}`)
  const twin = Uint8Array.of(...signature.slice(0, 32), ...Buffer.from(s.toString(16).padStart(64, '0'), 'hex'))
  return token.slice(0, end) + encodeBase64url(twin)
}

describe('a token that was accepted before', () => {
  test('is accepted with the same claims, and its signature is not verified again', async () => {
    const { verifier, token, claims } = createIssuer()
    const good = await token()
    const first = await verifier.verify(good)
    expect(first).toEqual({ ok: true, claims })
    expect(await verifier.verify(good)).toEqual(first)
    expect(
      await verifier.verify(new Request('https://api.example', { headers: { authorization: `Bearer ${good}` } })),
    ).toEqual(first)
    expect(checks).toHaveBeenCalledTimes(1)
  })

  test('cannot be changed by whoever it was given to', async () => {
    const { verifier, token } = createIssuer()
    const good = await token({ claims: { plan: { seats: [1] } } })
    const verification = await verifier.verify(good)
    if (!verification.ok) throw new Error('refused')
    const { claims } = verification
    for (const part of [verification, claims, claims.roles, claims['plan']]) expect(Object.isFrozen(part)).toBe(true)
    expect(Reflect.set(claims, 'sub', 'admin')).toBe(false)
    expect(Reflect.set(claims.roles ?? [], 0, 'admin')).toBe(false)
  })

  test('is refused once it has expired, or while it is not valid yet', async () => {
    const fixture = createIssuer()
    const token = await fixture.token()
    const start = fixture.now
    expect(await reasonOf(fixture.verifier, token)).toBe('accepted')
    fixture.now = start - 31_000
    expect(await reasonOf(fixture.verifier, token)).toBe('not_yet_valid')
    fixture.now = start + 929_999
    expect(await reasonOf(fixture.verifier, token)).toBe('accepted')
    fixture.now = start + 930_000
    expect(await reasonOf(fixture.verifier, token)).toBe('expired')
    fixture.now = start
    expect(await reasonOf(fixture.verifier, token)).toBe('accepted')
  })

  test('is held against what each route asks for', async () => {
    const { verifier, token } = createIssuer()
    const good = await token()
    expect(await verifier.verify(good, { require: { scope: ['notes:read'] } })).toMatchObject({ ok: true })
    const refused = { ok: false, refusal: { reason: 'missing_scope', scope: ['notes:delete'] } }
    expect(await verifier.verify(good, { require: { scope: ['notes:delete'] } })).toMatchObject(refused)
    expect(await verifier.verify(good, { require: { roles: ['admin'] } })).toMatchObject({
      refusal: { reason: 'missing_role' },
    })
    expect(checks).toHaveBeenCalledTimes(1)
  })

  test('stays so when the issuer publishes the same key again, and another one beside it', async () => {
    const fixture = createIssuer()
    const token = await fixture.token()
    await reasonOf(fixture.verifier, token)
    fixture.keys = [(await createKey('ES256', 'next')).jwk, { ...fixture.key.jwk }]
    fixture.now += 300_000
    expect(await reasonOf(fixture.verifier, token)).toBe('accepted')
    await fixture.verifier.settled()
    expect(await reasonOf(fixture.verifier, token)).toBe('accepted')
    expect(fixture.fetches).toBe(2)
    expect(checks).toHaveBeenCalledTimes(1)
  })

  test.each<[string, string, (fixture: IssuerFixture) => Promise<IssuerFixture['keys']>]>([
    ['withdraws its key', 'unknown_key', async () => [(await createKey('ES256', 'next')).jwk]],
    ['puts another key under its id', 'bad_signature', async () => [(await createKey('ES256', 'key-1')).jwk]],
    [
      'puts a key of another kind under its id',
      'unsupported_algorithm',
      async () => [(await createKey('Ed25519', 'key-1')).jwk],
    ],
  ])('is refused once its issuer %s', async (_, reason, publish) => {
    const fixture = createIssuer()
    const token = await fixture.token()
    expect(await reasonOf(fixture.verifier, token)).toBe('accepted')
    fixture.keys = await publish(fixture)
    fixture.now += 300_000
    // This request is answered with what is at hand; the fetch beside it brings the news.
    expect(await reasonOf(fixture.verifier, token)).toBe('accepted')
    await fixture.verifier.settled()
    expect(await reasonOf(fixture.verifier, token)).toBe(reason)
    expect(await reasonOf(fixture.verifier, token)).toBe(reason)
  })

  test('is refused once the keys may not be believed any more', async () => {
    const fixture = createIssuer()
    const { keys } = fixture
    let down = false
    const verifier = fixture.createVerifier({
      fetch: async () => (down ? new Response(null, { status: 500 }) : Response.json({ keys })),
    })
    const token = await fixture.token({ claims: { exp: 9_999_999_999 } })
    expect(await reasonOf(verifier, token)).toBe('accepted')
    down = true
    fixture.now += 86_400_000 + 300_000
    expect(await reasonOf(verifier, token)).toBe('keys_unavailable')
  })

  test.each(respellings)('JW-1 does not open the door to another spelling of it: %s', async (_, respell) => {
    const { verifier, token } = createIssuer()
    const good = await token()
    expect(await reasonOf(verifier, good)).toBe('accepted')
    const other = respell(good)
    expect(other).not.toBe(good)
    expect(await reasonOf(verifier, other)).not.toBe('accepted')
    expect(await reasonOf(verifier, good)).toBe('accepted')
    expect(checks.mock.calls.length).toBeLessThanOrEqual(2)
  })

  test.each<[string, RevocationKind, string, Members]>([
    ['its session', 'session', 'session-1', {}],
    ['its key', 'key', 'key-1', {}],
    ['its user, without a session', 'user', 'user-1', { sid: undefined }],
    ['its client, without a session', 'client', 'first-party', { sid: undefined }],
  ])('JW-5 high-S and re-encoded twins of a revoked token stay refused: by %s', async (_, kind, id, claims) => {
    const set = createRevocationSet(10, 0)
    const feed: RevocationFeed = {
      judge: set.judge,
      catchUp: () => undefined,
      settled: () => undefined,
      report: () => ({ state: 'live', lagMilliseconds: 0, entries: 0, bytesEstimate: 0 }),
      retryAfterSeconds: () => 1,
      close: () => undefined,
    }
    const fixture = createIssuer({ revocations: () => feed })
    const good = await fixture.token({ claims })
    const unseen = await fixture.token({ claims: { ...claims, jti: 'token-2' } })
    // One of the two has the high S and the other the low one, whichever the signer drew.
    for (const each of [good, twinOf(good)]) expect(await reasonOf(fixture.verifier, each)).toBe('accepted')
    set.add({ kind, id, at: fixture.now, until: fixture.now + 900_000 })
    for (const verifier of [fixture.verifier, fixture.createVerifier({ cache: false })]) {
      for (const each of [good, twinOf(good), unseen, twinOf(unseen)]) {
        expect(await reasonOf(verifier, each)).toBe('revoked')
        for (const [, respell] of respellings) expect(await reasonOf(verifier, respell(each))).toBe('malformed')
      }
    }
  })
})

describe('a token that was refused before', () => {
  test('is looked at anew each time: nothing is remembered of it', async () => {
    const { verifier, token } = createIssuer()
    const forged = await token({ key: await createKey('ES256', 'key-1') })
    for (let count = 0; count < 3; count += 1) expect(await reasonOf(verifier, forged)).toBe('bad_signature')
    expect(checks).toHaveBeenCalledTimes(3)
  })
})

describe('without a cache', () => {
  test.each([false, { maxTokens: 0 }, { maxBytes: 0 }] as const)(
    '%j: each signature is verified each time',
    async (cache) => {
      const { verifier, token } = createIssuer({ cache })
      const good = await token()
      for (let count = 0; count < 3; count += 1) expect(await reasonOf(verifier, good)).toBe('accepted')
      expect(checks).toHaveBeenCalledTimes(3)
    },
  )

  test('limits that are none are a mistake in the code', () => {
    const { createVerifier } = createIssuer()
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => createVerifier({ cache: { maxTokens: wrong } })).toThrow(/maxTokens/)
      expect(() => createVerifier({ cache: { maxBytes: wrong } })).toThrow(/maxBytes/)
    }
  })
})
