import { describe, expect, test, vi } from 'vitest'
import { refusalResponse, type Verifier, type VerifyOptions, type WhenStale } from '../src/index.ts'
import { protect } from '../src/middleware/fetch-handler.ts'
import { revocationFeed } from '../src/revocation-feed.ts'
import { entry, type FeedServer, snapshot, startFeed, step, until } from './feed-fixture.ts'
import { createIssuer, type IssuerFixture } from './issuer-fixture.ts'

const second = 1_000

/** A verifier on a feed over real HTTP, with the clock of its issuer. */
async function connect(
  whenStale?: WhenStale,
): Promise<{ server: FeedServer; fixture: IssuerFixture; verifier: Verifier }> {
  const server = await startFeed()
  const fixture = createIssuer()
  const verifier = fixture.createVerifier({
    revocations: revocationFeed({ uri: server.uri }),
    fetch: (url, init) => {
      return url === server.uri ? fetch(url, init) : Promise.resolve(Response.json({ keys: fixture.keys }))
    },
    ...(whenStale !== undefined && { whenStale }),
  })
  return { server, fixture, verifier }
}

/** Cuts the verifier off, and lets time pass. */
function cutOff({ server, fixture }: { server: FeedServer; fixture: IssuerFixture }, milliseconds: number): void {
  server.answer = (_, response) => response.writeHead(503).end()
  server.cut()
  fixture.now += milliseconds
}

const reason = async (verifier: Verifier, token: string, options?: VerifyOptions) => {
  const verification = await verifier.verify(token, options)
  return verification.ok ? 'accepted' : verification.refusal.reason
}

describe('T6.1 a token that is revoked', () => {
  test('is refused from the moment the feed says so, cached or not, and never again asked about', async () => {
    const { server, fixture, verifier } = await connect()
    const [token, other] = [await fixture.token(), await fixture.token({ claims: { sid: 'session-2' } })]
    for (let count = 0; count < 3; count += 1) expect(await reason(verifier, token)).toBe('accepted')
    server.send(step('e.2', entry('session-1', 'session', fixture.now)))
    await until(() => verifier.feed.entries === 1)
    for (let count = 0; count < 3; count += 1) expect(await reason(verifier, token)).toBe('revoked')
    expect(await reason(verifier, other)).toBe('accepted')
    expect(server.contacts).toHaveLength(1)
    expect(fixture.fetches).toBe(0)
    verifier.close()
  })

  test('T13.3 a killed key, too, whatever the key set still says', async () => {
    const { server, fixture, verifier } = await connect()
    const token = await fixture.token()
    expect(await reason(verifier, token)).toBe('accepted')
    server.send(step('e.2', entry('key-1', 'key', fixture.now)))
    await until(() => verifier.feed.entries === 1)
    expect(await reason(verifier, token)).toBe('revoked')
    verifier.close()
  })

  test('T22.1 claims that have changed are told apart: 401 claims_stale until the token is a newer one', async () => {
    const { server, fixture, verifier } = await connect()
    const token = await fixture.token()
    expect(await reason(verifier, token)).toBe('accepted')
    server.send(step('e.2', entry('user-1', 'claims', fixture.now + 250)))
    await until(() => verifier.feed.entries === 1)
    const verification = await verifier.verify(token)
    if (verification.ok) throw new Error('not refused')
    const response = refusalResponse(verification.refusal)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toMatch(/error="invalid_token".*reason="claims_stale"/)
    expect(await reason(verifier, await fixture.token({ claims: { iat_ms: 251 } }))).toBe('accepted')
    expect(await reason(verifier, await fixture.token({ claims: { iat_ms: 250 } }))).toBe('claims_stale')
    verifier.close()
  })

  test('what was revoked before a verifier was started is refused from its first request on', async () => {
    const { server, fixture, verifier } = await connect()
    server.greeting = () => snapshot('e.7', entry('session-1', 'session', fixture.now))
    expect(await reason(verifier, await fixture.token())).toBe('revoked')
    verifier.close()
  })
})

describe('T6.2 a verifier that is cut off from the feed', () => {
  test('reports that it is stale, for how long, and why', async () => {
    const connection = await connect()
    const { verifier } = connection
    await until(() => verifier.feed.state === 'live')
    cutOff(connection, 20 * second)
    await until(() => ![undefined, 'silence'].includes(verifier.feed.problem))
    expect(verifier.feed).toMatchObject({
      state: 'stale',
      lagMilliseconds: 20 * second,
      problem: expect.stringMatching(/unreachable|status 503/),
    })
    verifier.close()
  })

  test('fails open where nothing else is said, until tokens expire; what it knows still holds', async () => {
    const connection = await connect()
    const { server, fixture, verifier } = connection
    server.greeting = () => snapshot('e.1', entry('session-2', 'session', fixture.now))
    const [token, ended] = [await fixture.token(), await fixture.token({ claims: { sid: 'session-2' } })]
    expect(await reason(verifier, token)).toBe('accepted')
    cutOff(connection, 899 * second)
    expect(verifier.feed.state).toBe('stale')
    expect(await reason(verifier, token)).toBe('accepted')
    expect(await reason(verifier, ended)).toBe('revoked')
    verifier.close()
  })

  test('fails closed for a route that says so, as soon as it is stale, and opens again with the feed', async () => {
    const connection = await connect()
    const { server, fixture, verifier } = connection
    const token = await fixture.token()
    const good = server.answer
    expect(await reason(verifier, token, { whenStale: 'refuse' })).toBe('accepted')
    cutOff(connection, 15 * second)
    expect(await reason(verifier, token, { whenStale: 'refuse' })).toBe('accepted')
    fixture.now += 1
    expect(await reason(verifier, token, { whenStale: 'refuse' })).toBe('revocation_unknown')
    expect(await reason(verifier, token)).toBe('accepted')
    server.answer = good
    await until(() => verifier.feed.state === 'live')
    expect(await reason(verifier, token, { whenStale: 'refuse' })).toBe('accepted')
    verifier.close()
  })

  test('fails open for so many seconds, then closed, counted from the last word of the feed', async () => {
    const connection = await connect({ acceptForSeconds: 60 })
    const { fixture, verifier } = connection
    const token = await fixture.token()
    expect(await reason(verifier, token)).toBe('accepted')
    cutOff(connection, 60 * second)
    expect(await reason(verifier, token)).toBe('accepted')
    fixture.now += 1
    expect(await reason(verifier, token)).toBe('revocation_unknown')
    // A route may be stricter or laxer than the verifier.
    expect(await reason(verifier, token, { whenStale: { acceptForSeconds: 61 } })).toBe('accepted')
    expect(await reason(verifier, token, { whenStale: { acceptForSeconds: 0 } })).toBe('revocation_unknown')
    expect(await reason(verifier, token, { whenStale: 'accept' })).toBe('accepted')
    verifier.close()
  })

  test('503 with Retry-After, no challenge, and never a word against the token', async () => {
    const connection = await connect('refuse')
    const { fixture, verifier } = connection
    await until(() => verifier.feed.state === 'live')
    cutOff(connection, 20 * second)
    const handler = protect(verifier, () => new Response())
    const authorization = `Bearer ${await fixture.token()}`
    const response = await handler(new Request('https://api.example', { headers: { authorization } }))
    expect(response.status).toBe(503)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(response.headers.get('www-authenticate')).toBeNull()
    expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable', reason: 'revocation_unknown' })
    // A token that is bad anyway is told so.
    expect(await reason(verifier, 'x')).toBe('malformed')
    expect(await reason(verifier, await fixture.token({ claims: { exp: 1 } }))).toBe('expired')
    verifier.close()
  })

  test('from its start on, it has no last word to count from', async () => {
    const server = await startFeed()
    server.answer = (_, response) => response.writeHead(503).end()
    const fixture = createIssuer()
    const verifier = fixture.createVerifier({
      revocations: revocationFeed({ uri: server.uri }),
      fetch: (url, init) => {
        return url === server.uri ? fetch(url, init) : Promise.resolve(Response.json({ keys: fixture.keys }))
      },
    })
    const token = await fixture.token()
    expect(await reason(verifier, token, { whenStale: { acceptForSeconds: 86_400 } })).toBe('revocation_unknown')
    expect(await reason(verifier, token)).toBe('accepted')
    expect(verifier.feed.lagMilliseconds).toBe(Number.POSITIVE_INFINITY)
    verifier.close()
  })
})

describe('without a feed', () => {
  test('nothing is stale, and a route that needs to know is refused', async () => {
    const { verifier, token } = createIssuer()
    expect(verifier.feed).toEqual({ state: 'off', lagMilliseconds: 0, entries: 0, bytesEstimate: 0 })
    expect(await reason(verifier, await token())).toBe('accepted')
    expect(await reason(verifier, await token(), { whenStale: 'refuse' })).toBe('revocation_unknown')
    expect(await reason(verifier, await token(), { whenStale: { acceptForSeconds: 60 } })).toBe('revocation_unknown')
  })

  test('closing and settling do nothing', async () => {
    const { verifier, token } = createIssuer()
    verifier.close()
    await verifier.settled()
    expect(await reason(verifier, await token())).toBe('accepted')
  })
})

describe('a policy that is none', () => {
  const misspelled: readonly WhenStale[] = [
    { acceptForSeconds: -1 },
    { acceptForSeconds: Number.NaN },
    { acceptForSeconds: Number.POSITIVE_INFINITY },
    // @ts-expect-error no such word
    'reject',
    // @ts-expect-error not so
    60,
    // @ts-expect-error seconds, not milliseconds
    { acceptForMilliseconds: 1 },
  ]

  test.each(misspelled)('%j is a mistake in the code', async (whenStale) => {
    const { createVerifier, verifier } = createIssuer()
    const revocations = vi.fn()
    expect(() => createVerifier({ whenStale, revocations })).toThrow(/whenStale/)
    expect(revocations).not.toHaveBeenCalled()
    await expect(verifier.verify('x', { whenStale })).rejects.toThrow(TypeError)
    expect(() => protect(verifier, () => new Response(), { whenStale })).toThrow(TypeError)
  })

  test('so is one for a verifier that could never be stale', () => {
    const { createVerifier } = createIssuer()
    expect(() => createVerifier({ whenStale: 'refuse' })).toThrow(/revocations/)
    expect(() => createVerifier({ whenStale: 'accept' })).not.toThrow()
  })
})
