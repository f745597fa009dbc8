import { parseSessionState } from '@pawl/protocol'
import { Cookie } from 'tough-cookie'
import { describe, expect, test } from 'vitest'
import { type Browser, openBrowser } from './running-server/browser.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { bodyReply, cookieReply, memoryReply } from './running-server/replies.ts'
import { alice, engines, type StartedServer, startServer } from './running-server/started-server.ts'

const places = [
  {
    place: 'an http issuer without a path',
    wishes: {},
    access: { key: 'pawl_access', path: '/', sameSite: 'lax', httpOnly: true, secure: false },
    refresh: { key: 'pawl_refresh', path: '/auth', sameSite: 'strict', httpOnly: true, secure: false },
    state: { key: 'pawl_state', path: '/', sameSite: 'lax', httpOnly: false, secure: false },
  },
  {
    place: 'an https issuer with a path',
    wishes: { issuer: 'https://example.com/id', basePath: '/id' },
    access: { key: '__Host-pawl_access', path: '/', sameSite: 'lax', httpOnly: true, secure: true },
    refresh: { key: '__Secure-pawl_refresh', path: '/id/auth', sameSite: 'strict', httpOnly: true, secure: true },
    state: { key: '__Secure-pawl_state', path: '/', sameSite: 'lax', httpOnly: false, secure: true },
  },
] as const

describe.each(places)('cookies of $place', ({ wishes, access, refresh: refreshCookie, state }) => {
  test('have exactly these names, places and attributes, and there is no further one (CK-1)', async () => {
    await using server = await startServer(wishes)
    const reply = await server.send('/auth/login', { json: alice })
    const { expires_in, refresh_token_timeout, session_id } = reply.read(cookieReply)
    const cookies = parsed(reply)
    expect(cookies.map(attributes)).toEqual([
      { ...access, maxAge: expires_in },
      { ...refreshCookie, maxAge: refresh_token_timeout },
      { ...state, maxAge: refresh_token_timeout },
    ])
    expect(reply.setCookies.join('\n')).not.toMatch(/domain|partitioned/i)
    expect(parseSessionState(cookies[2]?.value ?? '')).toEqual({
      sessionId: session_id,
      generation: 0,
      expiresAt: Math.floor(server.clock.now() / 1000) + refresh_token_timeout,
    })
  })

  test('are taken away with the very attributes that they were set with', async () => {
    await using server = await startServer(wishes)
    const login = parsed(await server.send('/auth/login', { json: alice }))
    const cookie = login.map((set) => set.cookieString()).join('; ')
    const headers = { cookie, 'sec-fetch-site': 'same-origin' }
    const cleared = parsed(await server.send('/auth/logout', { method: 'POST', headers }))
    const expired = [access, refreshCookie, state].map((plan) => ({ ...plan, maxAge: 0 }))
    expect(cleared.slice(0, 3).map(attributes)).toEqual(expired)
    // What follows takes them from where an earlier configuration may have put them (T15.3).
    for (const further of cleared.slice(3)) {
      const own = expired.find(({ key }) => key === further.key)
      expect(attributes(further)).toEqual({ ...own, path: further.path })
      expect(refreshCookie.path.startsWith(further.path ?? 'none')).toBe(true)
    }
    expect(new Set(cleared.map(({ value, maxAge }) => `${value}${maxAge}`))).toEqual(new Set(['0']))
  })

  test('are together at most 2 KB on a request (T19.1)', async () => {
    await using server = await startServer(wishes)
    const cookies = parsed(await server.send('/auth/login', { json: alice }))
    expect(cookies.map((cookie) => cookie.cookieString()).join('; ').length).toBeLessThanOrEqual(2048)
  })
})

describe.each(engines)('the size budget on %s', (engine) => {
  const groups = Array.from({ length: 500 }, (_, index) => `group-${index}`)

  test('500 groups: a named error, no session, no cookie; body and memory delivery work (T19.2)', async () => {
    await using server = await startServer({ engine, configuration: { claims: () => ({ groups }) } })
    const refused = await server.send('/auth/login', { json: alice })
    expectRefusal(refused, 'cookie_budget_exceeded')
    expect(refused.setCookies).toEqual([])
    expect((await server.storage.listSessions(10)).sessions).toEqual([])
    const inMemory = await server.send('/auth/login', { json: { ...alice, access: 'memory' } })
    expect(inMemory.read(memoryReply).access_token.length).toBeGreaterThan(5000)
    expect((await signIn(server)).access_token.length).toBeGreaterThan(5000)
  })

  test('claims that outgrow the budget at a refresh change nothing, neither row nor cookie (T19.1)', async () => {
    let grown = false
    const claims = () => (grown ? { groups } : {})
    await using server = await startServer({ engine, configuration: { claims } })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const before = await server.storage.listSessions(10)
    grown = true
    const refused = await browser.send('/auth/refresh', { json: {} })
    expectRefusal(refused, 'cookie_budget_exceeded')
    expect(refused.setCookies).toEqual([])
    expect(await server.storage.listSessions(10)).toEqual(before)
    grown = false
    expect((await browser.send('/auth/refresh', { json: {} })).status).toBe(200)
  })

  test('the largest claims that it lets pass still make cookies of at most 2 KB (T19.1)', async () => {
    let length = 0
    const claims = () => ({ note: 'x'.repeat(length) })
    await using server = await startServer({ engine, configuration: { claims } })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    let [fits, tooLong] = [0, 2048]
    let largest = 0
    while (tooLong - fits > 1) {
      length = Math.floor((fits + tooLong) / 2)
      const reply = await browser.send('/auth/refresh', { json: {} })
      if (reply.status === 200) {
        fits = length
        largest = (await browser.jar.getCookieString(`${server.issuer}/auth/refresh`)).length
      } else {
        expectRefusal(reply, 'cookie_budget_exceeded')
        tooLong = length
      }
    }
    expect(largest).toBeLessThanOrEqual(2048)
    // The budget is not thrown away either: a hundred bytes more would not have fitted.
    expect(largest).toBeGreaterThan(1900)
  })
})

/** Brings a browser with a session into a state in which its next refresh is refused. */
type Trouble = (server: StartedServer, browser: Browser) => Promise<Reply>

const refreshing: Trouble = (_, browser) => browser.send('/auth/refresh', { json: {} })

async function heldToken(browser: Browser): Promise<string> {
  return (await browser.cookie('pawl_refresh'))?.value ?? ''
}

const endings: Readonly<Record<string, Trouble>> = {
  'is revoked': async (server, browser) => {
    const { sessions } = await server.storage.listSessions(1)
    await server.pawl.administration.revokeSession(sessions[0]?.id ?? '')
    return refreshing(server, browser)
  },
  'was stolen': async (server, browser) => {
    const token = await heldToken(browser)
    await refresh(server, (await refresh(server, token)).refresh_token)
    server.clock.advanceSeconds(31)
    return refreshing(server, browser)
  },
  'has expired': async (server, browser) => {
    server.clock.advanceSeconds(2_592_000)
    return refreshing(server, browser)
  },
  'was never there': async (server, browser) => {
    await browser.jar.setCookie('pawl_refresh=nonsense; Path=/auth', server.issuer)
    return refreshing(server, browser)
  },
}

const troubles: Readonly<Record<string, Trouble>> = {
  'a malformed body': (_, browser) =>
    browser.send('/auth/refresh', { body: '{', headers: { 'content-type': 'application/json' } }),
  'a wrong content type': (_, browser) =>
    browser.send('/auth/refresh', { body: 'a=b', headers: { 'content-type': 'text/plain' } }),
  'a body that is too large': (_, browser) => browser.send('/auth/refresh', { json: { note: 'x'.repeat(70_000) } }),
  'a malformed attempt id': (_, browser) => browser.send('/auth/refresh', { json: { attempt_id: 'short' } }),
  'an unknown resource': (_, browser) =>
    browser.send('/auth/refresh', { json: { resource: 'https://unknown.example' } }),
  'a foreign page': (_, browser) =>
    browser.send('/auth/refresh', { json: {}, headers: { 'sec-fetch-site': 'cross-site' } }),
  'another dead token in the body': async (server, browser) => {
    const other = await signIn(server)
    await server.send('/auth/logout', { json: { refresh_token: other.refresh_token } })
    return browser.send('/auth/refresh', { json: { refresh_token: other.refresh_token } })
  },
  'the hundred-and-first repeat': async (server, browser) => {
    const token = await heldToken(browser)
    await refresh(server, token)
    for (let repeats = 0; repeats < 100; repeats += 1) await refresh(server, token)
    return refreshing(server, browser)
  },
  'an access token that has expired': (server, browser) => {
    server.clock.advanceSeconds(1000)
    return browser.send('/auth/session')
  },
}

describe.each(engines)('taking cookies away on %s', (engine) => {
  test.each(Object.entries(endings))('happens when the session %s (T1.3)', async (_, trouble) => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const reply = await trouble(server, browser)
    expect(reply.status).toBe(400)
    expect(await browser.cookiesFor('/auth/refresh')).toEqual([])
  })

  test.each(Object.entries(troubles))('never happens after %s (T1.3, T27.3)', async (_, trouble) => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const reply = await trouble(server, browser)
    expect(reply.status, reply.text).toBeGreaterThanOrEqual(400)
    expect(reply.setCookies).toEqual([])
  })

  test('of two refresh cookies the living one is used, whichever comes first (T15.3)', async () => {
    await using server = await startServer({ engine })
    const dead = await signIn(server)
    await server.send('/auth/logout', { json: { refresh_token: dead.refresh_token } })
    const old = await signIn(server)
    server.clock.advanceSeconds(1)
    const newest = await signIn(server)
    for (const order of [
      [dead, old, newest],
      [newest, old, dead],
      [old, newest, dead],
    ]) {
      const cookie = order.map(({ refresh_token }) => `pawl_refresh=${refresh_token}`).join('; ')
      const reply = await server.send('/auth/refresh', {
        json: {},
        headers: { cookie, 'sec-fetch-site': 'same-origin' },
      })
      expect(reply.status).toBe(200)
      expect(reply.read(cookieReply).session_id).toBe(newest.session_id)
    }
    expect((await tryRefresh(server, old.refresh_token)).read(bodyReply).session_id).toBe(old.session_id)
  })
})

function parsed(reply: Reply): readonly Cookie[] {
  return reply.setCookies.map((line) => {
    const cookie = Cookie.parse(line)
    if (cookie === undefined) throw new Error(`no cookie: ${line}`)
    return cookie
  })
}

function attributes({ key, path, sameSite, httpOnly, secure, maxAge }: Cookie): unknown {
  return { key, path, sameSite, httpOnly, secure, maxAge }
}
