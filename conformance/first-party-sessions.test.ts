import { describe, expect, test } from 'vitest'
import { openBrowser } from './running-server/browser.ts'
import { expectNotStored, expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { clientCredentialsReply, sessionReply, sessionsReply } from './running-server/replies.ts'
import { alice, engines, type StartedServer, startServer } from './running-server/started-server.ts'

describe.each(engines)('GET /auth/session on %s', (engine) => {
  test('tells who is signed in, by cookie and by bearer alike, times in RFC 3339', async () => {
    await using server = await startServer({ engine })
    const signedInAt = server.clock.now()
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    server.clock.advanceSeconds(60)
    await browser.send('/auth/refresh', { json: {} })
    const reply = await browser.send('/auth/session')
    const document = reply.read(sessionReply)
    expect(document).toMatchObject({
      user: { username: alice.username, roles: ['admin'] },
      client_id: 'first-party',
      created_at: new Date(signedInAt).toISOString(),
      last_used_at: new Date(signedInAt + 60_000).toISOString(),
      ends_at: new Date(signedInAt + 60_000 + 2_592_000_000).toISOString(),
    })
    const bearer = (await browser.cookie('pawl_access'))?.value ?? ''
    expect((await server.send('/auth/session', { bearer })).read(sessionReply)).toEqual(document)
    expectNotStored(reply)
  })

  test('the Authorization header decides where there is one; the cookie does not mend a bad one', async () => {
    await using server = await startServer({ engine })
    await server.addUser('bob', alice.password)
    const bob = await signIn(server, { username: 'bob', password: alice.password })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const both = await browser.send('/auth/session', { bearer: bob.access_token })
    expect(both.read(sessionReply).user.username).toBe('bob')
    expectRefusal(await browser.send('/auth/session', { bearer: 'a.b.c' }), 'invalid_token', 'malformed')
  })

  test('an expired access token is 401 invalid_token at its very second', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    server.clock.advanceMilliseconds(899_749)
    expect(await sessionStatus(server, session.access_token)).toBe(200)
    server.clock.advanceMilliseconds(1)
    expectRefusal(await server.send('/auth/session', { bearer: session.access_token }), 'invalid_token', 'expired')
  })

  test('a refresh leaves the access tokens of before alone (B17)', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const next = await refresh(server, session.refresh_token)
    expect(await sessionStatus(server, session.access_token)).toBe(200)
    expect(await sessionStatus(server, next.access_token)).toBe(200)
  })

  test('a refresh token is no access token', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    expectRefusal(await server.send('/auth/session', { bearer: session.refresh_token }), 'invalid_token', 'malformed')
    expectRefusal(await tryRefresh(server, session.access_token), 'invalid_grant', 'unknown_token')
    expect(await sessionStatus(server, session.access_token)).toBe(200)
  })
})

describe.each(engines)('GET /auth/sessions on %s', (engine) => {
  test('lists every living session of the user, marks the one that asks, and shows no token (T29.2)', async () => {
    await using server = await startServer({ engine })
    await server.addUser('bob', alice.password)
    await signIn(server, { username: 'bob', password: alice.password })
    const phone = await signIn(server, alice, { 'user-agent': 'Phone/1.0' })
    server.clock.advanceSeconds(10)
    const laptop = await signIn(server, alice, { 'user-agent': `Laptop ${'x'.repeat(400)}` })
    const gone = await signIn(server)
    await server.send('/auth/logout', { json: { refresh_token: gone.refresh_token } })
    const reply = await server.send('/auth/sessions', { bearer: laptop.access_token })
    const { sessions } = reply.read(sessionsReply)
    expect(sessions.map(({ session_id, current, user_agent }) => ({ session_id, current, user_agent }))).toEqual([
      { session_id: laptop.session_id, current: true, user_agent: `Laptop ${'x'.repeat(249)}` },
      { session_id: phone.session_id, current: undefined, user_agent: 'Phone/1.0' },
    ])
    expect(sessions.map(({ address, client_id }) => ({ address, client_id }))).toEqual([
      { address: '127.0.0.1', client_id: 'first-party' },
      { address: '127.0.0.1', client_id: 'first-party' },
    ])
    expect(reply.text).not.toMatch(/pawl_rt_|eyJ|seed|hash/)
    expectNotStored(reply)
  })

  test('a session that has expired is not listed, though nothing has cleaned up (T9.3, T9.4)', async () => {
    await using server = await startServer({ engine, configuration: { accessSeconds: 50, idleSeconds: 100 } })
    await signIn(server)
    server.clock.advanceSeconds(60)
    const later = await signIn(server)
    expect((await listed(server, later.access_token)).length).toBe(2)
    server.clock.advanceSeconds(40)
    expect(await listed(server, later.access_token)).toEqual([later.session_id])
  })

  test('addresses are taken from X-Forwarded-For only where the peer is a trusted proxy (T27.1)', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7', forwarded: 'for=192.0.2.1' }
    for (const [trustedProxies, address] of [
      [[], '127.0.0.1'],
      [['127.0.0.1'], '198.51.100.7'],
      [['127.0.0.0/8', '198.51.100.7'], '203.0.113.9'],
    ] as const) {
      await using server = await startServer({ engine, configuration: { trustedProxies } })
      const session = await signIn(server, alice, headers)
      const reply = await server.send('/auth/sessions', { bearer: session.access_token })
      expect(reply.read(sessionsReply).sessions.map((entry) => entry.address)).toEqual([address])
    }
  })

  test('a token of a client, which no session stands behind, manages no account', async () => {
    await using server = await startServer({ engine })
    const added = await server.pawl.administration.addClient({
      id: 'robot',
      type: 'confidential',
      auth: 'client_secret_post',
      grants: ['client_credentials'],
      resources: [server.issuer],
    })
    const client_secret = added.ok ? (added.generatedSecret ?? '') : ''
    const form = { grant_type: 'client_credentials', client_id: 'robot', client_secret }
    const { access_token } = (await server.send('/oauth/token', { form })).read(clientCredentialsReply)
    for (const path of ['/auth/session', '/auth/sessions']) {
      expectRefusal(await server.send(path, { bearer: access_token }), 'insufficient_scope')
    }
  })
})

describe.each(engines)('DELETE /auth/sessions/{id} on %s', (engine) => {
  test('204 ends that session only, at once and for good (T29.2)', async () => {
    await using server = await startServer({ engine })
    const [here, there, third] = [await signIn(server), await signIn(server), await signIn(server)]
    const remove = { method: 'DELETE', bearer: here.access_token } as const
    const reply = await server.send(`/auth/sessions/${there.session_id}`, remove)
    expect({ status: reply.status, text: reply.text }).toEqual({ status: 204, text: '' })
    expectNotStored(reply)
    expectRefusal(
      await server.send('/auth/session', { bearer: there.access_token }),
      'invalid_token',
      'revoked_by_user',
    )
    expectRefusal(await tryRefresh(server, there.refresh_token), 'invalid_grant', 'revoked_by_user')
    expect(await listed(server, here.access_token)).toEqual(expect.arrayContaining([here.session_id, third.session_id]))
    expect((await listed(server, here.access_token)).length).toBe(2)
  })

  test('ending the own session signs out and clears the jar that holds it', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const { session_id } = (await browser.send('/auth/session')).read(sessionReply)
    const reply = await browser.send(`/auth/sessions/${session_id}`, { method: 'DELETE' })
    expect(reply.status).toBe(204)
    expect(await browser.cookiesFor('/auth/refresh')).toEqual([])
  })

  test('ending another one leaves the jar alone', async () => {
    await using server = await startServer({ engine })
    const other = await signIn(server)
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const reply = await browser.send(`/auth/sessions/${other.session_id}`, { method: 'DELETE' })
    expect({ status: reply.status, setCookies: reply.setCookies }).toEqual({ status: 204, setCookies: [] })
  })

  test('a session of somebody else and none at all look alike, and nothing ends', async () => {
    await using server = await startServer({ engine })
    await server.addUser('bob', alice.password)
    const bob = await signIn(server, { username: 'bob', password: alice.password })
    const session = await signIn(server)
    const remove = { method: 'DELETE', bearer: session.access_token } as const
    const ids = [
      bob.session_id,
      'A'.repeat(22),
      'x',
      '%00',
      '..%2f..%2fadmin',
      "'%20OR%201=1",
      '%F0%9F%92%A9',
      '%ff',
      'constructor',
    ]
    for (const id of ids) expectRefusal(await server.send(`/auth/sessions/${id}`, remove), 'not_found')
    expect(await sessionStatus(server, bob.access_token)).toBe(200)
    expect(await sessionStatus(server, session.access_token)).toBe(200)
  })

  test('without a live session it is refused with a challenge', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const reply = await server.send(`/auth/sessions/${session.session_id}`, { method: 'DELETE' })
    expectRefusal(reply, 'authentication_required')
    expect(reply.headers.get('www-authenticate')).toBe(`Bearer realm="${server.issuer}"`)
    expect(await sessionStatus(server, session.access_token)).toBe(200)
  })
})

async function listed(server: StartedServer, bearer: string): Promise<readonly string[]> {
  const reply = await server.send('/auth/sessions', { bearer })
  return reply.read(sessionsReply).sessions.map(({ session_id }) => session_id)
}
