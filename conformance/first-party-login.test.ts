import { describe, expect, test } from 'vitest'
import { openBrowser } from './running-server/browser.ts'
import { expectNotStored, expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { bodyReply, cookieReply, memoryReply } from './running-server/replies.ts'
import { alice, engines, startServer } from './running-server/started-server.ts'

describe.each(engines)('POST /auth/login on %s', (engine) => {
  test('cookie delivery is the default and answers without any token (T14.1)', async () => {
    await using server = await startServer({ engine })
    const reply = await server.send('/auth/login', { json: alice })
    expect(reply.status).toBe(200)
    const { user, expires_in, refresh_token_timeout, authorization_expires_in } = reply.read(cookieReply)
    expect(user).toEqual({
      id: expect.stringMatching(/^usr_[A-Za-z0-9_-]{22}$/),
      username: alice.username,
      roles: ['admin'],
    })
    expect({ expires_in, refresh_token_timeout, authorization_expires_in }).toEqual({
      expires_in: 900,
      refresh_token_timeout: 2_592_000,
      authorization_expires_in: 7_776_000,
    })
    expect(reply.text).not.toMatch(/pawl_rt_|eyJ/)
    expect(reply.setCookies.map((line) => line.slice(0, line.indexOf('=')))).toEqual([
      'pawl_access',
      'pawl_refresh',
      'pawl_state',
    ])
    expectNotStored(reply)
  })

  test('access "memory" puts the access token into the reply and leaves no access cookie', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    expect(await browser.cookie('pawl_access')).toBeDefined()
    const reply = await browser.send('/auth/login', { json: { ...alice, access: 'memory' } })
    const { access_token } = reply.read(memoryReply)
    expect(reply.text).not.toContain('pawl_rt_')
    expect(await browser.cookie('pawl_access')).toBeUndefined()
    expect((await browser.cookie('pawl_refresh'))?.value).toMatch(/^pawl_rt_/)
    expect(await sessionStatus(server, access_token)).toBe(200)
    expectNotStored(reply)
  })

  test('body delivery answers both tokens and touches no cookie', async () => {
    await using server = await startServer({ engine })
    const reply = await server.send('/auth/login', { json: { ...alice, delivery: 'body' } })
    expect(reply.status).toBe(200)
    const { access_token, refresh_token, session_id } = reply.read(bodyReply)
    expect(reply.setCookies).toEqual([])
    expect(await sessionStatus(server, access_token)).toBe(200)
    expect((await refresh(server, refresh_token)).session_id).toBe(session_id)
    expectNotStored(reply)
  })

  test('a wrong password, an unknown user and a disabled one are answered alike', async () => {
    await using server = await startServer({ engine })
    await server.addUser('gone@example.com', alice.password)
    await server.pawl.administration.disableUser('gone@example.com')
    const refused = [
      { username: alice.username, password: 'not the password of alice' },
      { username: 'nobody@example.com', password: alice.password },
      { username: 'gone@example.com', password: alice.password },
    ]
    for (const json of refused) {
      const reply = await server.send('/auth/login', { json })
      expectRefusal(reply, 'invalid_credentials')
      expect(reply.setCookies).toEqual([])
    }
  })

  test('unknown members are ignored, known ones of another kind are refused', async () => {
    await using server = await startServer({ engine })
    const reply = await server.send('/auth/login', { json: { ...alice, delivery: 'body', colour: 'blue', scope: 7 } })
    expect(reply.status).toBe(200)
    const malformed = [
      { ...alice, delivery: 'header' },
      { ...alice, access: 'cookie' },
      { username: '', password: alice.password },
      { username: alice.username, password: ['a'] },
    ]
    for (const json of malformed) {
      expectRefusal(await server.send('/auth/login', { json }), 'invalid_request', 'malformed_parameter')
    }
    const { username, password } = alice
    for (const json of [{}, { username }, { password }]) {
      expectRefusal(await server.send('/auth/login', { json }), 'invalid_request', 'missing_parameter')
    }
  })

  test('no state of the browser can keep anyone from signing in (T23.2)', async () => {
    await using server = await startServer({ engine })
    const other = await startServer()
    const foreign = await signIn(other)
    await other[Symbol.asyncDispose]()
    const own = await signIn(server)
    await server.send('/auth/logout', { json: { refresh_token: own.refresh_token } })
    const jars = [
      'pawl_refresh=; pawl_access=; pawl_state=',
      'pawl_refresh=nonsense; pawl_access=a.b.c; pawl_state=x.y.z',
      `pawl_refresh=${foreign.refresh_token}; pawl_access=${foreign.access_token}`,
      `pawl_refresh=${own.refresh_token}; pawl_access=${own.access_token}; pawl_state=${own.session_id}.0.1`,
      `pawl_refresh=%E0%A4%A; pawl_refresh=${'x'.repeat(3000)}; ;;==; pawl_state=\u00e9`,
    ]
    for (const cookie of jars) {
      const headers = { cookie, 'sec-fetch-site': 'same-origin' }
      const reply = await server.send('/auth/login', { json: alice, headers })
      expect(reply.status, cookie).toBe(200)
      expect(reply.setCookies).toHaveLength(3)
    }
  })

  test('signing in again in one browser ends the session that its cookie held, and no other', async () => {
    await using server = await startServer({ engine })
    const elsewhere = await signIn(server)
    const browser = openBrowser(server)
    const first = (await browser.send('/auth/login', { json: alice })).read(cookieReply)
    const held = (await browser.cookie('pawl_refresh'))?.value ?? ''
    const second = (await browser.send('/auth/login', { json: alice })).read(cookieReply)
    expect(second.session_id).not.toBe(first.session_id)
    expectRefusal(await tryRefresh(server, held), 'invalid_grant', 'signed_in_again')
    expect((await browser.send('/auth/refresh', { json: {} })).status).toBe(200)
    expect((await tryRefresh(server, elsewhere.refresh_token)).status).toBe(200)
  })

  test('a sign-in that fails, or that asks for the body, leaves the cookie and its session alone', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const before = await browser.cookie('pawl_refresh')
    expectRefusal(
      await browser.send('/auth/login', { json: { ...alice, password: 'not the password of alice' } }),
      'invalid_credentials',
    )
    expect((await browser.send('/auth/login', { json: { ...alice, delivery: 'body' } })).setCookies).toEqual([])
    expect((await browser.cookie('pawl_refresh'))?.value).toBe(before?.value)
    expect((await browser.send('/auth/refresh', { json: {} })).status).toBe(200)
  })
})

test('refresh_in is jittered over at least 180 s and lies before the end of the access token', async () => {
  await using server = await startServer()
  let session = await signIn(server)
  const hints: number[] = [session.refresh_in]
  while (hints.length < 60) {
    session = await refresh(server, session.refresh_token)
    hints.push(session.refresh_in)
  }
  expect(Math.max(...hints)).toBeLessThanOrEqual(840)
  expect(Math.min(...hints)).toBeGreaterThanOrEqual(660)
  // Sixty draws from 180 s that all fall into 120 s have a chance of one in a thousand million.
  expect(Math.max(...hints) - Math.min(...hints)).toBeGreaterThan(120)
})
