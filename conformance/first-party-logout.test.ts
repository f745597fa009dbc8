import { describe, expect, test } from 'vitest'
import { openBrowser } from './running-server/browser.ts'
import { expectNotStored, expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { memoryReply } from './running-server/replies.ts'
import { alice, engines, startServer } from './running-server/started-server.ts'

describe.each(engines)('POST /auth/logout on %s', (engine) => {
  test('by cookie: 204, the jar is empty, and both tokens are dead at once (T14.1)', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const refreshToken = (await browser.cookie('pawl_refresh'))?.value ?? ''
    const accessToken = (await browser.cookie('pawl_access'))?.value ?? ''
    const reply = await browser.send('/auth/logout', { json: {} })
    expect({ status: reply.status, text: reply.text }).toEqual({ status: 204, text: '' })
    expectNotStored(reply)
    expect(await browser.cookiesFor('/auth/refresh')).toEqual([])
    expectRefusal(await tryRefresh(server, refreshToken), 'invalid_grant', 'logout')
    expectRefusal(await server.send('/auth/session', { bearer: accessToken }), 'invalid_token', 'logout')
  })

  test.each([
    ['refresh token in the body', (tokens: Tokens) => ({ json: { refresh_token: tokens.refresh_token } })],
    ['access token as bearer', (tokens: Tokens) => ({ method: 'POST', bearer: tokens.access_token }) as const],
  ])('by %s: 204, the session has ended, another one lives, and no cookie is touched', async (_, credential) => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const session = await signIn(server)
    const reply = await browser.send('/auth/logout', credential(session))
    expect(reply.status).toBe(204)
    expect(reply.setCookies).toEqual([])
    expect(await sessionStatus(server, session.access_token)).toBe(401)
    expectRefusal(await tryRefresh(server, session.refresh_token), 'invalid_grant', 'logout')
    expect((await browser.send('/auth/refresh', { json: {} })).status).toBe(200)
  })

  test('by bearer in a browser with the access token in memory, the cookies of that session go too', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    const login = await browser.send('/auth/login', { json: { ...alice, access: 'memory' } })
    const reply = await browser.send('/auth/logout', { method: 'POST', bearer: login.read(memoryReply).access_token })
    expect(reply.status).toBe(204)
    expect(await browser.cookiesFor('/auth/refresh')).toEqual([])
  })

  test('any genuine generation ends the session, and is never taken for theft', async () => {
    await using server = await startServer({ engine })
    const first = await signIn(server)
    const second = await refresh(server, first.refresh_token)
    const third = await refresh(server, second.refresh_token)
    server.clock.advanceSeconds(3600)
    const reply = await server.send('/auth/logout', { json: { refresh_token: first.refresh_token } })
    expect(reply.status).toBe(204)
    expectRefusal(await tryRefresh(server, third.refresh_token), 'invalid_grant', 'logout')
  })

  test('an access token that has expired still signs its session out', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    server.clock.advanceSeconds(901)
    expect((await server.send('/auth/logout', { method: 'POST', bearer: session.access_token })).status).toBe(204)
    expectRefusal(await tryRefresh(server, session.refresh_token), 'invalid_grant', 'logout')
  })

  test('204 also when there is nothing to end', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const twice = { json: { refresh_token: session.refresh_token } }
    expect((await server.send('/auth/logout', twice)).status).toBe(204)
    const requests = [
      { json: {} },
      { method: 'POST' } as const,
      twice,
      { json: { refresh_token: 'nonsense' } },
      { method: 'POST', bearer: 'a.b.c' } as const,
      { json: {}, headers: { cookie: 'pawl_refresh=nonsense', 'sec-fetch-site': 'same-origin' } },
    ]
    for (const request of requests) expect((await server.send('/auth/logout', request)).status).toBe(204)
  })

  test('a forged token ends nothing', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const forged = session.refresh_token.replace(/.{12}$/, 'AAAAAAAAAAAA')
    const tampered = session.access_token.replace(/.{12}$/, 'AAAAAAAAAAAA')
    expect((await server.send('/auth/logout', { json: { refresh_token: forged } })).status).toBe(204)
    expect((await server.send('/auth/logout', { method: 'POST', bearer: tampered })).status).toBe(204)
    expect(await sessionStatus(server, session.access_token)).toBe(200)
  })

  test('of two refresh cookies of different scopes both sessions end (T15.3)', async () => {
    await using server = await startServer({ engine })
    const [one, other] = [await signIn(server), await signIn(server)]
    const cookie = `pawl_refresh=${one.refresh_token}; pawl_refresh=${other.refresh_token}`
    await server.send('/auth/logout', { json: {}, headers: { cookie, 'sec-fetch-site': 'same-origin' } })
    for (const session of [one, other]) {
      expectRefusal(await tryRefresh(server, session.refresh_token), 'invalid_grant', 'logout')
    }
  })

  test('after a logout no refresh that ran beside it leaves a living token, whatever the order (T16.1, B3)', async () => {
    await using server = await startServer({ engine })
    for (let round = 0; round < 12; round += 1) {
      const session = await signIn(server)
      const logout = () => server.send('/auth/logout', { json: { refresh_token: session.refresh_token } })
      const calls = Array.from({ length: 8 }, () => () => tryRefresh(server, session.refresh_token))
      calls.splice(round % 9, 0, logout)
      const replies = await Promise.all(calls.map((call) => call()))
      const issued = replies.flatMap(({ text }) => /pawl_rt_[A-Za-z0-9_-]{92}/.exec(text)?.[0] ?? [])
      const access = replies.flatMap(({ text }) => /eyJ[A-Za-z0-9_.-]+/.exec(text)?.[0] ?? [])
      expect(replies.every(({ status }) => [200, 204, 400].includes(status))).toBe(true)
      for (const token of [session.refresh_token, ...new Set(issued)]) {
        expectRefusal(await tryRefresh(server, token), 'invalid_grant', 'logout')
      }
      for (const token of [session.access_token, ...access]) expect(await sessionStatus(server, token)).toBe(401)
    }
    expect((await server.storage.listSessions(100)).sessions).toEqual([])
  })

  test('a cookie that comes back late after the logout is refused and cleared (T16.2)', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const late = await browser.send('/auth/refresh', { json: {} })
    await browser.send('/auth/logout', { json: {} })
    for (const line of late.setCookies) await browser.jar.setCookie(line, `${server.issuer}/auth/refresh`)
    expect((await browser.send('/auth/session')).status).toBe(401)
    expectRefusal(await browser.send('/auth/refresh', { json: {} }), 'invalid_grant', 'logout')
    expect(await browser.cookiesFor('/auth/refresh')).toEqual([])
  })

  test('a late sign-out by body never clears the cookies of whoever signed in since (T16.3)', async () => {
    await using server = await startServer({ engine })
    await server.addUser('bob', alice.password)
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const old = (await browser.cookie('pawl_refresh'))?.value ?? ''
    await browser.send('/auth/login', { json: { username: 'bob', password: alice.password } })
    const reply = await browser.send('/auth/logout', { json: { refresh_token: old } })
    expect(reply.setCookies).toEqual([])
    expect((await browser.send('/auth/session')).status).toBe(200)
  })
})

describe.each(engines)('POST /auth/logout-everywhere on %s', (engine) => {
  test('204, all sessions of the user have ended, those of others live, the cookies are gone', async () => {
    await using server = await startServer({ engine })
    await server.addUser('bob', alice.password)
    const bob = await signIn(server, { username: 'bob', password: alice.password })
    const elsewhere = await signIn(server)
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const reply = await browser.send('/auth/logout-everywhere', { method: 'POST' })
    expect(reply.status).toBe(204)
    expectNotStored(reply)
    expect(await browser.cookiesFor('/auth/refresh')).toEqual([])
    expectRefusal(await tryRefresh(server, elsewhere.refresh_token), 'invalid_grant', 'revoked_by_user')
    expect(await sessionStatus(server, elsewhere.access_token)).toBe(401)
    expect(await sessionStatus(server, bob.access_token)).toBe(200)
  })

  test('a token issued in the same millisecond before is refused, one of a new sign-in accepted (T6.3)', async () => {
    await using server = await startServer({ engine })
    const [before, caller] = [await signIn(server), await signIn(server)]
    await server.send('/auth/logout-everywhere', { method: 'POST', bearer: caller.access_token })
    const after = await signIn(server)
    expect(await sessionStatus(server, before.access_token)).toBe(401)
    expect(await sessionStatus(server, after.access_token)).toBe(200)
  })

  test('without a live session it is refused with a challenge, and nothing ends', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const refused = await server.send('/auth/logout-everywhere', { method: 'POST' })
    expectRefusal(refused, 'authentication_required')
    expect(refused.headers.get('www-authenticate')).toBe(`Bearer realm="${server.issuer}"`)
    expect(await sessionStatus(server, session.access_token)).toBe(200)
  })
})

interface Tokens {
  readonly refresh_token: string
  readonly access_token: string
}
