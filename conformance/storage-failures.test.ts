import { describe, expect, test } from 'vitest'
import { openBrowser } from './running-server/browser.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { alice, engines, lastingEngine, type StartedServer, startServer } from './running-server/started-server.ts'

describe('a store that does not answer', () => {
  test('is 503 with Retry-After everywhere: no token is called bad, no cookie is touched, and all goes on after (T5.1, T10.3)', async () => {
    await using server = await startServer({ engine: lastingEngine, faultsExpected: true })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const session = await signIn(server)
    await server.storage.close()
    const replies = [
      await browser.send('/auth/refresh', { json: {} }),
      await browser.send('/auth/session'),
      await browser.send('/auth/logout', { json: {} }),
      await browser.send('/auth/login', { json: alice }),
      await tryRefresh(server, session.refresh_token),
      await server.send('/auth/session', { bearer: session.access_token }),
      await server.send('/auth/sessions', { bearer: session.access_token }),
      await refreshByForm(server, session.refresh_token),
      await server.send('/oauth/revoke', { form: { client_id: 'first-party', token: session.refresh_token } }),
      await server.send('/health/ready'),
    ]
    for (const reply of replies) {
      expectRefusal(reply, 'temporarily_unavailable', 'storage_unavailable')
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(reply.setCookies).toEqual([])
    }
    expect((await server.send('/health/live')).status).toBe(200)

    await server.storage.open()
    expect((await browser.send('/auth/refresh', { json: {} })).status).toBe(200)
    expect(await sessionStatus(server, session.access_token)).toBe(200)
    expect((await refresh(server, session.refresh_token)).session_id).toBe(session.session_id)
  })
})

describe.each(engines)('a session that the store no longer has, on %s', (engine) => {
  test('is over: both tokens are refused, and the cookies go', async () => {
    await using server = await startServer({ engine })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const session = await signIn(server)
    // As after a restore from a copy that is older than the sign-in.
    await server.storage.removeEndedSessions(server.clock.now() + 7_776_000_000, 10)
    expectRefusal(await server.send('/auth/session', { bearer: session.access_token }), 'invalid_token', 'session_gone')
    expectRefusal(await tryRefresh(server, session.refresh_token), 'invalid_grant', 'unknown_token')
    expectRefusal(await browser.send('/auth/refresh', { json: {} }), 'invalid_grant', 'unknown_token')
    expect(await browser.cookiesFor('/auth/refresh')).toEqual([])
    expect((await browser.send('/auth/login', { json: alice })).status).toBe(200)
  })
})

function refreshByForm(server: StartedServer, refreshToken: string): Promise<Reply> {
  const form = { grant_type: 'refresh_token', client_id: 'first-party', refresh_token: refreshToken }
  return server.send('/oauth/token', { form })
}
