import type { ClaimsHook } from '@pawl/server'
import { createTestIssuer, testPassword } from '@pawl/test-kit'
import { protect } from '@pawl/verifier/fetch-handler'
import { revocationFeed } from '@pawl/verifier/revocation-feed'
import { describe, expect, test, vi } from 'vitest'

const everyone = { ok: true }
const slowly = { timeout: 10_000 }
const expired = { ok: false, refusal: { reason: 'expired' } }

describe('T30.1: any session in one line', () => {
  test('T30.1: of a user who was not there before, with roles and claims of the test’s choosing', async () => {
    await using kit = await createTestIssuer()
    const session = await kit.signIn('ada', { roles: ['admin'], claims: { tenant: 'acme' } })
    expect(session).toMatchObject({
      clientId: 'first-party',
      expiresIn: 900,
      user: { id: 'user-ada', username: 'ada' },
    })
    expect(await kit.verifier().verify(session.accessToken)).toMatchObject({
      ok: true,
      claims: { sub: 'user-ada', sid: session.sessionId, roles: ['admin'], tenant: 'acme', aud: kit.audience },
    })
  })

  test('T30.1: of a client, with scope and resource', async () => {
    await using kit = await createTestIssuer()
    const resource = 'https://reports.test'
    const options = { client: 'cli', scope: 'reports:read reports:write', resource }
    const session = await kit.signIn('ada', options)
    const verification = await kit.verifier({ audience: resource }).verify(session.accessToken, {
      require: { scope: ['reports:write'] },
    })
    expect(verification).toMatchObject({ ok: true, claims: { client_id: 'cli', aud: resource } })
    expect((await kit.events()).filter(({ type }) => type === 'session_opened')).toMatchObject([{ clientId: 'cli' }])
  })

  test.each(['client_secret_basic', 'client_secret_post'])('T30.1: of a confidential client by %s', async (auth) => {
    await using kit = await createTestIssuer()
    const grants = ['refresh_token']
    await kit.addClient({ id: 'web', type: 'confidential', auth, grants, scopes: ['mail'], accessSeconds: 60 })
    expect(await kit.signIn('ada', { client: 'web' })).toMatchObject({ clientId: 'web', expiresIn: 60 })
    const verification = await kit.verifier().verify(await kit.expiredToken('ada', { client: 'web' }))
    expect(verification).toMatchObject(expired)
  })

  test('T30.1: sessions that are opened at once do not take each other’s grant', async () => {
    await using kit = await createTestIssuer()
    const scopes = ['one', undefined, 'two', undefined]
    const tokens = await Promise.all(
      scopes.map((scope) => kit.accessToken('ada', { ...(scope !== undefined && { scope }) })),
    )
    const found = await Promise.all(tokens.map((token) => kit.verifier().verify(token)))
    expect(found.map((verification) => verification.ok && verification.claims.scope)).toEqual(scopes)
  })

  test('T30.1: a token that has expired, while a session opened at the same time has not', async () => {
    await using kit = await createTestIssuer()
    const tokens = await Promise.all([kit.expiredToken('ada'), kit.accessToken('ada'), kit.expiredToken('grace')])
    const verifier = kit.verifier({ clockSkewSeconds: 60 })
    const found = await Promise.all(tokens.map((token) => verifier.verify(token)))
    expect(found).toMatchObject([expired, everyone, expired])
  })

  test('a user keeps what was said of him until something else is said', async () => {
    await using kit = await createTestIssuer()
    await kit.setUser('ada', { roles: ['admin'], claims: { tenant: 'acme' }, password: 'a password of her own' })
    await kit.setUser('Ada', { claims: { tenant: 'umbrella' } })
    const { accessToken, user } = await kit.signIn('ada')
    expect(user.roles).toEqual(['admin'])
    expect(await kit.verifier().verify(accessToken)).toMatchObject({ ok: true, claims: { tenant: 'umbrella' } })
    expect(await kit.administration.disableUser('ada')).toBe('disabled')
    await expect(kit.signIn('ada')).rejects.toThrow(/the sign-in of ada was answered 401: .*invalid_credentials/)
  })

  test('the application’s own hooks are asked for users whom the test has not described', async () => {
    const claims: ClaimsHook = ({ username }) => ({ tenant: `of ${username}`, plan: 'free' })
    const authenticate = async ({ username }: { username: string }) =>
      username === 'hedy' ? { id: 'hedy-1', username, roles: ['inventor'] } : undefined
    await using kit = await createTestIssuer({ claims, authenticate })
    const browser = kit.browser()
    const hedy = browser.openTab()
    expect(await hedy.signIn({ username: 'hedy', password: 'whatever it is' })).toMatchObject({ ok: true })
    expect(await hedy.session()).toMatchObject({ user: { id: 'hedy-1', roles: ['inventor'] } })
    expect(await hedy.signIn({ username: 'nobody', password: testPassword })).toMatchObject({ ok: false })
    const token = await kit.accessToken('ada', { claims: { plan: 'paid' } })
    expect(await kit.verifier().verify(token)).toMatchObject({ claims: { tenant: 'of ada', plan: 'paid' } })
  })
})

describe('T30.1: one clock for server, verifier and client', () => {
  test('T30.1: a token expires, and the client renews it', async () => {
    await using kit = await createTestIssuer({ now: Date.UTC(2030, 0, 1) })
    const verifier = kit.verifier()
    const handler = protect(verifier, (_request, { sub }) => Response.json({ sub }))
    kit.serve('https://api.test/notes', handler)
    const token = await kit.accessToken('grace')
    const client = await kit.client('ada', { access: 'memory', allowedOrigins: ['https://api.test'] })
    expect((await client.fetch('https://api.test/notes')).status).toBe(200)

    await kit.clock.advance({ minutes: 15, seconds: 29 })
    expect(await verifier.verify(token)).toMatchObject(everyone)
    await kit.clock.advance({ seconds: 1 })
    expect(await verifier.verify(token)).toMatchObject(expired)
    expect(await (await client.fetch('https://api.test/notes')).json()).toEqual({ sub: 'user-ada' })
    expect(await client.session()).toMatchObject({ generation: 1 })
    expect(kit.clock.now()).toBe(Date.UTC(2030, 0, 1, 0, 15, 30))
  })

  test('T30.1: a session ends, and the browser’s cookies with it', async () => {
    await using kit = await createTestIssuer({ idleSeconds: 3_600 })
    const client = await kit.client('ada')
    await kit.clock.advance({ minutes: 59 })
    expect(await client.refresh()).toMatchObject({ status: 'active' })
    await kit.clock.advance({ hours: 1 })
    expect(client.browser.cookies()).toEqual([])
    expect(await client.session()).toMatchObject({ status: 'signed-out' })
  })

  test('T30.1: what the server does beside requests goes by the clock: its feed stays live, its keys rotate', async () => {
    await using kit = await createTestIssuer()
    const verifier = kit.verifier({ revocations: revocationFeed(), whenStale: 'refuse' })
    const session = await kit.signIn('ada')
    expect(await verifier.verify(session.accessToken)).toMatchObject(everyone)
    expect(await kit.revoke(session)).toBe(true)
    await expect
      .poll(() => verifier.verify(session.accessToken), slowly)
      .toMatchObject({ refusal: { reason: 'revoked' } })
    await kit.clock.advance({ days: 90 })
    await expect.poll(() => verifier.feed, slowly).toMatchObject({ state: 'live', lagMilliseconds: 0 })
    expect(await verifier.verify(await kit.accessToken('ada'))).toMatchObject(everyone)
    expect((await kit.administration.listKeys()).signingKeys).toMatchObject([
      { state: 'published' },
      { state: 'active' },
    ])
  })

  test('T30.1: the client’s deadlines are the clock’s', async () => {
    await using kit = await createTestIssuer()
    const client = await kit.client('ada')
    kit.faults.next('refresh', 'delay-reply', { seconds: 3_600 })
    const refreshing = client.refresh()
    await kit.clock.advance({ seconds: 9 })
    expect(await Promise.race([refreshing, Promise.resolve('waiting')])).toBe('waiting')
    await kit.clock.advance({ seconds: 1 })
    expect(await refreshing).toMatchObject({ status: 'stale', cause: { kind: 'timeout' } })
  })
})

describe('T30.1: nothing but this process', () => {
  test('T30.1: what nobody serves cannot be reached', async () => {
    await using kit = await createTestIssuer()
    await expect(kit.fetch('https://elsewhere.test/')).rejects.toThrow('fetch failed')
    await expect(kit.client('ada').then(({ fetch }) => fetch('http://localhost:1/'))).rejects.toThrow('fetch failed')
  })

  test('T30.1: an API on the issuer’s own host gets the cookie, one elsewhere does not', async () => {
    await using kit = await createTestIssuer({ issuer: 'https://app.test/id' })
    const show = ({ headers }: Request) =>
      Response.json([headers.get('Cookie')?.match(/__Host-pawl_access=/)?.length ?? 0, headers.get('Sec-Fetch-Site')])
    kit.serve('https://app.test/api', show)
    kit.serve('https://api.test', show)
    const client = await kit.client('ada')
    expect(await (await client.fetch('/api/notes')).json()).toEqual([1, 'same-origin'])
    expect(await (await client.browser.fetch('https://api.test/notes')).json()).toEqual([0, 'cross-site'])
    expect((await client.browser.fetch('https://app.test/apish')).status).toBe(404)
  })

  test('fake timers of the test runner change nothing', async () => {
    vi.useFakeTimers({ now: 0 })
    try {
      await using kit = await createTestIssuer()
      const client = await kit.client('ada')
      kit.faults.next('refresh', 'delay-reply', { seconds: 5 })
      expect(await kit.clock.runUntil(client.refresh())).toMatchObject({ status: 'active' })
      expect(kit.clock.now()).toBe(5_000)
      // Nor does the server's own work beside the requests, which hands its events over each second.
      await vi.advanceTimersByTimeAsync(120_000)
      expect((await kit.events()).map(({ type }) => type)).toContain('session_opened')
    } finally {
      vi.useRealTimers()
    }
  })

  test('every run is alike: tokens’ ids, jitter and faults come from the seed', async () => {
    const run = async (seed: number) => {
      await using kit = await createTestIssuer({ now: 0, seed })
      const client = await kit.client('ada')
      kit.faults.random({ seed, target: 'refresh', share: 0.5 })
      for (let round = 0; round < 10; round += 1) {
        await kit.clock.runUntil(client.refresh())
        await kit.clock.advance({ minutes: 1 })
      }
      return [await client.session(), kit.exchanges, kit.clock.now()]
    }
    const [one, same, other] = [await run(1), await run(1), await run(2)]
    expect(same).toEqual(one)
    expect(other).not.toEqual(one)
  })
})

describe('ending a session', () => {
  test('by an operator', async () => {
    await using kit = await createTestIssuer()
    const client = await kit.client('ada')
    const session = await client.session()
    if (session.status !== 'active') throw new Error(session.status)
    expect(await kit.revoke(session)).toBe(true)
    expect(await kit.revoke(session.sessionId)).toBe(false)
    expect(await client.refresh()).toEqual({ status: 'signed-out', reason: 'revoked_by_admin' })
  })

  test('by theft, of a browser’s cookie or of a session’s token', async () => {
    await using kit = await createTestIssuer({ raceWindowSeconds: 5 })
    const replayed = { status: 400, error: 'invalid_grant', reason: 'replay' }
    const before = kit.clock.now()
    expect(await kit.theft(await kit.signIn('ada', { client: 'cli' }))).toEqual(replayed)
    expect(await kit.theft((await kit.client('ada')).browser)).toEqual(replayed)
    expect(kit.clock.now() - before).toBe(12_000)
    await expect(kit.theft(kit.browser())).rejects.toThrow('nobody is signed in')
  })
})

describe('signing keys', () => {
  test('a rotation is published ahead, and no token fails by it', async () => {
    await using kit = await createTestIssuer({ accessSeconds: 3_600 })
    const verifier = kit.verifier()
    const old = await kit.accessToken('ada')
    const { activeFrom } = await kit.rotateKeys()
    expect(activeFrom).toBe(kit.clock.now() + 360_000)
    await kit.clock.advanceTo(activeFrom)
    const fresh = await kit.accessToken('ada')
    expect(kidOf(fresh)).not.toBe(kidOf(old))
    for (const token of [old, fresh]) expect(await verifier.verify(token)).toMatchObject(everyone)
  })

  test.each(['ES256', 'Ed25519', 'RS256'] as const)(
    'of the kind that the application will use: %s',
    async (algorithm) => {
      await using kit = await createTestIssuer({ signingAlgorithm: algorithm })
      expect(await kit.verifier().verify(await kit.accessToken('ada'))).toMatchObject(everyone)
    },
  )

  test('a leaked key is gone at once', async () => {
    await using kit = await createTestIssuer()
    const old = await kit.accessToken('ada')
    await kit.rotateKeys()
    await kit.killKeys()
    expect(await kit.verifier().verify(old)).toMatchObject({ ok: false, refusal: { reason: 'unknown_key' } })
    expect(await kit.verifier().verify(await kit.accessToken('ada'))).toMatchObject(everyone)
  })
})

function kidOf(token: string): unknown {
  const header: unknown = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
  return typeof header === 'object' && header !== null && 'kid' in header ? header.kid : undefined
}
