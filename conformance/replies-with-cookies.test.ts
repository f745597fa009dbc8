import { describe, expect, test } from 'vitest'
import { type Browser, openBrowser } from './running-server/browser.ts'
import { expectNotStored } from './running-server/expectations.ts'
import { refresh, signIn } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { cookieReply } from './running-server/replies.ts'
import { alice, engines, type StartedServer, startServer } from './running-server/started-server.ts'

type Occasion = (server: StartedServer, browser: Browser) => Promise<Reply>

async function held(browser: Browser): Promise<string> {
  return (await browser.cookie('pawl_refresh'))?.value ?? ''
}

/** Every way in which a reply comes to set or clear a cookie. */
const occasions: Readonly<Record<string, Occasion>> = {
  'a sign-in': (_, browser) => browser.send('/auth/login', { json: alice }),
  'a sign-in for an access token in memory': (_, browser) =>
    browser.send('/auth/login', { json: { ...alice, access: 'memory' } }),
  'a registration': (_, browser) =>
    browser.send('/auth/register', { json: { username: 'bob', password: 'amber-lantern-thirty-two' } }),
  'a refresh': (_, browser) => browser.send('/auth/refresh', { json: {} }),
  'a repeat': async (server, browser) => {
    await refresh(server, await held(browser))
    return browser.send('/auth/refresh', { json: {} })
  },
  'a refresh of a session that has ended': async (server, browser) => {
    await server.send('/auth/logout', { json: { refresh_token: await held(browser) } })
    return browser.send('/auth/refresh', { json: {} })
  },
  'a refresh of a session that has expired': (server, browser) => {
    server.clock.advanceSeconds(2_592_000)
    return browser.send('/auth/refresh', { json: {} })
  },
  'a refresh that is theft': async (server, browser) => {
    await refresh(server, await held(browser))
    server.clock.advanceSeconds(30)
    return browser.send('/auth/refresh', { json: {} })
  },
  'a refresh with a cookie that is none of ours': async (server, browser) => {
    await browser.jar.setCookie('pawl_refresh=nonsense; Path=/auth', server.issuer)
    return browser.send('/auth/refresh', { json: {} })
  },
  'a sign-out': (_, browser) => browser.send('/auth/logout', { json: {} }),
  'a sign-out with nothing to end': async (server) => {
    const headers = { cookie: 'pawl_refresh=nonsense', 'sec-fetch-site': 'same-origin' }
    return server.send('/auth/logout', { json: {}, headers })
  },
  'signing out everywhere': (_, browser) => browser.send('/auth/logout-everywhere', { method: 'POST' }),
  'ending the session one is in': async (_, browser) => {
    const { session_id } = (await browser.send('/auth/refresh', { json: {} })).read(cookieReply)
    return browser.send(`/auth/sessions/${session_id}`, { method: 'DELETE' })
  },
}

describe.each(engines)('T14.1 no cache keeps a reply that touches a cookie, on %s', (engine) => {
  test.each(Object.entries(occasions))('%s', async (_, occasion) => {
    await using server = await startServer({ engine, configuration: { registration: true } })
    const browser = openBrowser(server)
    await browser.send('/auth/login', { json: alice })
    const reply = await occasion(server, browser)
    expect(reply.setCookies.length).toBeGreaterThan(0)
    expectNotStored(reply)
    expect(reply.headers.get('vary')).toMatch(/\borigin\b/i)
  })

  test('the same holds of replies that carry tokens in their body', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    for (const path of ['/auth/refresh', '/oauth/token'] as const) {
      const form = { grant_type: 'refresh_token', client_id: 'first-party', refresh_token: session.refresh_token }
      const json = { refresh_token: session.refresh_token }
      const reply = await server.send(path, path === '/oauth/token' ? { form } : { json })
      expect(reply.text).toContain('pawl_rt_')
      expectNotStored(reply)
    }
  })
})
