import { describe, expect, test } from 'vitest'
import { openBrowser } from './running-server/browser.ts'
import { expectNotStored, expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { bodyReply, cookieReply, memoryReply, sessionReply } from './running-server/replies.ts'
import { alice, engines, startServer } from './running-server/started-server.ts'

const resources = ['https://api.example', 'https://files.example']

describe.each(engines)('POST /auth/refresh on %s', (engine) => {
  test('by cookie it answers like the sign-in, without any token, and moves every cookie (T14.1)', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    const session = (await browser.send('/auth/login', { json: alice })).read(cookieReply)
    const [before, access] = [await browser.cookie('pawl_refresh'), await browser.cookie('pawl_access')]
    server.clock.advanceSeconds(5)
    const reply = await browser.send('/auth/refresh', { json: {} })
    expect(reply.status).toBe(200)
    expect(reply.read(cookieReply)).toMatchObject({ session_id: session.session_id, user: session.user })
    expect(reply.text).not.toMatch(/pawl_rt_|eyJ/)
    expect((await browser.cookie('pawl_refresh'))?.value).not.toBe(before?.value)
    expect((await browser.cookie('pawl_access'))?.value).not.toBe(access?.value)
    expect((await browser.cookie('pawl_state'))?.value).toMatch(new RegExp(`^${session.session_id}\\.1\\.[0-9]+$`))
    expect((await browser.send('/auth/session')).read(sessionReply).session_id).toBe(session.session_id)
    expectNotStored(reply)
  })

  test('a request without a body and without a content type refreshes by cookie as well', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    expect((await browser.send('/auth/refresh', { method: 'POST' })).status).toBe(200)
  })

  test('by body it answers both tokens and touches no cookie, also where the jar holds another session', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const other = await signIn(server)
    const reply = await browser.send('/auth/refresh', { json: { refresh_token: other.refresh_token } })
    expect(reply.read(bodyReply).session_id).toBe(other.session_id)
    expect(reply.setCookies).toEqual([])
    expectNotStored(reply)
    expect((await browser.cookie('pawl_state'))?.value).toMatch(/\.0\./)
  })

  test('a session with the access token in memory stays so, and any refresh may ask for it', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: { ...alice, access: 'memory' } })
    const later = await browser.send('/auth/refresh', { json: {} })
    expect(await sessionStatus(server, later.read(memoryReply).access_token)).toBe(200)
    expect(await browser.cookie('pawl_access')).toBeUndefined()

    await browser.send('/auth/login', { json: alice })
    const asked = await browser.send('/auth/refresh', { json: { access: 'memory' } })
    expect(await sessionStatus(server, asked.read(memoryReply).access_token)).toBe(200)
    expect(await browser.cookie('pawl_access')).toBeUndefined()
  })

  test('without any refresh token it is refused', async () => {
    await using server = await startServer({ engine })
    const reply = await server.send('/auth/refresh', { json: {} })
    expectRefusal(reply, 'invalid_grant', 'no_refresh_token')
    expect(reply.setCookies).toEqual([])
  })

  test('several resources: one rotation, one access token for each, the first of them also alone (T1.4)', async () => {
    await using server = await startServer({ engine })
    await server.pawl.administration.addClient({ id: 'api', type: 'confidential', resources })
    const session = await signIn(server)
    const reply = await refresh(server, session.refresh_token, { resource: resources })
    expect(Object.keys(reply.access_tokens ?? {})).toEqual(resources)
    expect(reply.access_token).toBe(reply.access_tokens?.[resources[0] ?? '']?.access_token)
    for (const resource of resources) {
      const token = reply.access_tokens?.[resource]?.access_token ?? ''
      expect(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
        aud: resource,
      })
    }
    const { sessions } = await server.storage.listSessions(10)
    expect(sessions.map(({ generation }) => generation)).toEqual([1])

    const single = await refresh(server, reply.refresh_token, { resource: [resources[1]] })
    expect(Object.keys(single.access_tokens ?? {})).toEqual([resources[1]])
    const named = await refresh(server, single.refresh_token, { resource: resources[1] })
    expect(JSON.parse(Buffer.from(named.access_token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
      aud: resources[1],
    })
  })

  test('with an access cookie the tokens for named resources come in the reply, the cookie keeps the default one', async () => {
    await using server = await startServer({ engine })
    await server.pawl.administration.addClient({ id: 'api', type: 'confidential', resources })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const reply = await browser.send('/auth/refresh', { json: { resource: resources } })
    expect(Object.keys(reply.read(cookieReply).access_tokens ?? {})).toEqual(resources)
    expect((await browser.send('/auth/session')).status).toBe(200)
    expectNotStored(reply)
  })

  test('a resource that nobody registered is refused and nothing moves', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const before = await server.storage.readSession(session.session_id)
    for (const resource of ['https://unknown.example', [server.issuer, 'https://unknown.example'], 'no uri']) {
      expectRefusal(await tryRefresh(server, session.refresh_token, { resource }), 'invalid_target')
    }
    expect(await server.storage.readSession(session.session_id)).toEqual(before)
  })

  test('claims are those of the moment at every refresh, those of a repeat included (T22.2)', async () => {
    let plan = 'free'
    await using server = await startServer({ engine, configuration: { claims: () => ({ plan, roles: [plan] }) } })
    const session = await signIn(server)
    expect(claimsOf(session.access_token)).toMatchObject({ plan: 'free', roles: ['free'] })
    plan = 'team'
    const next = await refresh(server, session.refresh_token)
    expect(claimsOf(next.access_token)).toMatchObject({ plan: 'team', roles: ['team'] })
    plan = 'none'
    const repeated = await refresh(server, session.refresh_token)
    expect(repeated.refresh_token).toBe(next.refresh_token)
    expect(claimsOf(repeated.access_token)).toMatchObject({ plan: 'none', roles: ['none'] })
  })

  test.each([
    ['an error', () => Promise.reject(new Error('the table is locked'))],
    ['a claim that is not its own', () => ({ sub: 'root' })],
    ['roles that are none', () => ({ roles: 'admin' })],
  ])('a claims hook that gives %s is 503, and nothing moves', async (_, faulty) => {
    let ill = false
    const claims = () => (ill ? faulty() : {})
    await using server = await startServer({ engine, configuration: { claims }, faultsExpected: true })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const session = await signIn(server)
    const before = await server.storage.listSessions(10)
    ill = true
    const byCookie = await browser.send('/auth/refresh', { json: {} })
    for (const reply of [byCookie, await tryRefresh(server, session.refresh_token)]) {
      expectRefusal(reply, 'temporarily_unavailable', 'claims_unavailable')
      expect(reply.headers.get('retry-after')).toBe('1')
      expect(reply.setCookies).toEqual([])
    }
    expect(await server.storage.listSessions(10)).toEqual(before)
    ill = false
    expect((await browser.send('/auth/refresh', { json: {} })).status).toBe(200)
  })
})

describe.each(engines)('why a session is over, on %s', (engine) => {
  test('every end is told with its reason, once and for all (T23.3, T5.2)', async () => {
    await using server = await startServer({ engine })
    const { administration } = server.pawl
    const password = 'amber-lantern-thirty-two'
    const users = ['logout', 'admin', 'disabled', 'password', 'remote', 'idle', 'absolute', 'theft']
    for (const username of users) await server.addUser(username, password)
    const signInAs = (username: string) => signIn(server, { username, password })
    const over = async (refreshToken: string, reason: Parameters<typeof expectRefusal>[2]): Promise<void> => {
      expectRefusal(await tryRefresh(server, refreshToken), 'invalid_grant', reason)
      expectRefusal(await tryRefresh(server, refreshToken), 'invalid_grant', reason)
    }

    const left = await signInAs('logout')
    await server.send('/auth/logout', { json: { refresh_token: left.refresh_token } })
    await over(left.refresh_token, 'logout')

    const ended = await signInAs('admin')
    await administration.revokeSession(ended.session_id)
    await over(ended.refresh_token, 'revoked_by_admin')

    const barred = await signInAs('disabled')
    await administration.disableUser('disabled')
    await over(barred.refresh_token, 'user_disabled')

    const changed = await signInAs('password')
    await administration.setPassword('password', 'another-lantern-thirty-two')
    await over(changed.refresh_token, 'password_changed')

    const [near, far] = [await signInAs('remote'), await signInAs('remote')]
    await server.send(`/auth/sessions/${far.session_id}`, { method: 'DELETE', bearer: near.access_token })
    await over(far.refresh_token, 'revoked_by_user')

    const stolen = await signInAs('theft')
    const owned = await refresh(server, stolen.refresh_token)
    server.clock.advanceSeconds(30)
    await over(stolen.refresh_token, 'replay')
    await over(owned.refresh_token, 'replay')

    const unused = await signInAs('idle')
    server.clock.advanceSeconds(2_592_000)
    await over(unused.refresh_token, 'idle_expired')
  })

  test('the absolute limit ends a session that is used all the time (T23.3)', async () => {
    await using server = await startServer({
      engine,
      configuration: { accessSeconds: 10, idleSeconds: 60, absoluteSeconds: 100 },
    })
    let session = await signIn(server)
    for (const passed of [40, 80]) {
      server.clock.advanceSeconds(40)
      session = await refresh(server, session.refresh_token)
      expect(session.authorization_expires_in).toBe(100 - passed)
    }
    server.clock.advanceSeconds(20)
    expectRefusal(await tryRefresh(server, session.refresh_token), 'invalid_grant', 'absolute_expired')
  })
})

function claimsOf(accessToken: string): unknown {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString())
}
