import { describe, expect, test } from 'vitest'
import { type Browser, openBrowser } from './running-server/browser.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { cookieReply, sessionReply } from './running-server/replies.ts'
import { alice, engines, startServer } from './running-server/started-server.ts'

/** Where an earlier configuration may have left cookies that still come along. */
const places = [
  {
    place: 'an http issuer without a path',
    wishes: {},
    names: { access: 'pawl_access', refresh: 'pawl_refresh', state: 'pawl_state' },
    leftovers: ['pawl_refresh=TOKEN; Path=/', 'pawl_state=x; Path=/auth', 'pawl_access=x; Path=/auth'],
  },
  {
    place: 'an https issuer with a path',
    wishes: { issuer: 'https://example.com/id', basePath: '/id' },
    names: { access: '__Host-pawl_access', refresh: '__Secure-pawl_refresh', state: '__Secure-pawl_state' },
    leftovers: [
      '__Secure-pawl_refresh=TOKEN; Path=/; Secure',
      '__Secure-pawl_refresh=TOKEN; Path=/id; Secure',
      '__Secure-pawl_state=x; Path=/id/auth; Secure',
      'pawl_refresh=TOKEN; Path=/id/auth',
      'pawl_refresh=TOKEN; Path=/',
      'pawl_access=x; Path=/',
      'pawl_state=x; Path=/',
    ],
  },
] as const

async function keysOf(browser: Browser, path: string): Promise<readonly string[]> {
  return (await browser.cookiesFor(path)).map(({ key }) => key)
}

describe.each(engines)('T15.3 cookies of an older scope beside the new ones, on %s', (engine) => {
  test.each(places)('$place: signing out ends both sessions and expires both cookies', async (place) => {
    for (const leftover of place.leftovers) {
      await using server = await startServer({ engine, ...place.wishes })
      const browser = openBrowser(server)
      const old = await signIn(server)
      const current = (await browser.send('/auth/login', { json: alice })).read(cookieReply)
      const at = `${server.issuer}/auth/refresh`
      await browser.jar.setCookie(leftover.replace('TOKEN', old.refresh_token), at)
      expect((await browser.send('/auth/logout', { json: {} })).status).toBe(204)
      expect(await keysOf(browser, '/auth/refresh'), leftover).toEqual([])
      const { sessions } = await server.storage.listSessions(10)
      const living = sessions.map(({ id }) => id)
      expect(living).not.toContain(current.session_id)
      expect(living, leftover).toEqual(leftover.includes('TOKEN') ? [] : [old.session_id])
    }
  })

  test.each(places)('$place: one that is alone in the jar cannot keep anybody from signing in again', async (place) => {
    const [leftover] = place.leftovers
    await using server = await startServer({ engine, ...place.wishes })
    const browser = openBrowser(server)
    const old = await signIn(server)
    await browser.jar.setCookie(leftover.replace('TOKEN', old.refresh_token), `${server.issuer}/auth/refresh`)
    await server.pawl.administration.revokeSession(old.session_id)
    expectRefusal(await browser.send('/auth/refresh', { json: {} }), 'invalid_grant', 'revoked_by_admin')
    expect(await keysOf(browser, '/auth/refresh')).toEqual([])
    expect((await browser.send('/auth/login', { json: alice })).status).toBe(200)
    expect((await browser.send('/auth/refresh', { json: {} })).status).toBe(200)
  })

  test('under the name of an http issuer signs nobody in at an https one', async () => {
    await using server = await startServer({ engine, issuer: 'https://example.com/id', basePath: '/id' })
    const planted = await signIn(server)
    const cookie = `pawl_refresh=${planted.refresh_token}; pawl_access=${planted.access_token}`
    const headers = { cookie, 'sec-fetch-site': 'same-origin' }
    const refused = await server.send('/auth/refresh', { json: {}, headers })
    expectRefusal(refused, 'invalid_grant', 'no_refresh_token')
    expectRefusal(await server.send('/auth/session', { headers }), 'authentication_required')
    expect((await tryRefresh(server, planted.refresh_token)).status).toBe(200)
  })

  test('of several access cookies the newest that is good is used, whichever comes first', async () => {
    await using server = await startServer({ engine })
    const dead = await signIn(server)
    await server.send('/auth/logout', { json: { refresh_token: dead.refresh_token } })
    const older = await signIn(server)
    server.clock.advanceSeconds(1)
    const newest = await refresh(server, (await signIn(server)).refresh_token)
    const tokens = [dead, older, newest].map(({ access_token }) => access_token)
    for (const order of [tokens, tokens.toReversed(), [tokens[1], 'nonsense', tokens[2], tokens[0]]]) {
      const cookie = order.map((token) => `pawl_access=${token}`).join('; ')
      const reply = await server.send('/auth/session', { headers: { cookie } })
      expect(reply.status, reply.text).toBe(200)
      expect(reply.read(sessionReply).session_id).toBe(newest.session_id)
    }
    const cookie = `pawl_access=${dead.access_token}; pawl_access=nonsense`
    expectRefusal(await server.send('/auth/session', { headers: { cookie } }), 'invalid_token', 'logout')
  })
})
