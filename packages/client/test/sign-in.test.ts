import type { AttemptStore, ClientOptions } from '@pawl/client'
import { describe, expect, test } from 'vitest'
import { type Browser, openBrowser, sound, type Tab } from './browser.ts'
import { signedIn } from './signed-in.ts'
import { ada, grace, issuer, type StartedIssuer, startIssuer } from './started-issuer.ts'

describe('signIn()', () => {
  test('a refusal is a value with the words of the server', async () => {
    const browser = openBrowser(await startIssuer())
    const { client } = browser.openTab()
    expect(await client.signIn({ ...ada, password: 'wrong' })).toEqual({ ok: false, code: 'invalid_credentials' })
    expect(await client.signIn({ username: '', password: '' })).toMatchObject({
      ok: false,
      code: 'invalid_request',
      reason: 'malformed_parameter',
    })
    const { client: foreign } = browser.openTab({ clientId: 'nobody' })
    expect(await foreign.signIn(ada)).toEqual({ ok: false, code: 'unauthorized_client' })
  })

  test('a server that is away or busy is unavailable, and the session of before stays', async () => {
    const { browser, tab } = await signedIn()
    browser.network = async () =>
      Response.json(
        { error: 'temporarily_unavailable', reason: 'busy' },
        { status: 503, headers: { 'Retry-After': '1' } },
      )
    expect(await tab.client.signIn(grace)).toEqual({
      ok: false,
      code: 'unavailable',
      reason: 'busy',
      retryAfterSeconds: 1,
      cause: {
        kind: 'server_error',
        status: 503,
        error: 'temporarily_unavailable',
        reason: 'busy',
        retryAfterSeconds: 1,
      },
    })
    browser.network = async () => {
      throw new TypeError('fetch failed')
    }
    expect(await tab.client.signIn(grace)).toEqual({ ok: false, code: 'unavailable', cause: { kind: 'network' } })
    browser.network = sound
    expect(await tab.client.session()).toMatchObject({ status: 'active', user: { username: ada.username } })
  })

  const brokenStore: AttemptStore = {
    claim: () => new Promise(() => {}),
    forget: () => Promise.reject(new Error('the database is broken')),
  }
  const set = (browser: Browser, line: string) => browser.jar.setCookieSync(line, `${issuer}/auth/refresh`)
  const broken: readonly [string, (browser: Browser, tab: Tab, server: StartedIssuer) => unknown, ClientOptions?][] = [
    ['a damaged state cookie', (browser) => set(browser, '__Secure-pawl_state=%00garbage; Path=/; Secure')],
    [
      'a damaged refresh cookie',
      (browser) => set(browser, '__Secure-pawl_refresh=garbage; Path=/auth; Secure; HttpOnly'),
    ],
    ['a damaged access cookie', (browser) => set(browser, '__Host-pawl_access=garbage; Path=/; Secure; HttpOnly')],
    [
      'a state cookie without the others',
      (browser) => {
        browser.jar.removeAllCookiesSync()
        set(browser, `__Secure-pawl_state=${'x'.repeat(22)}.5.1999999999; Path=/; Secure`)
      },
    ],
    ['an empty jar', (browser) => browser.jar.removeAllCookiesSync()],
    ['a session that was revoked', (_browser, _tab, server) => server.administration.revokeUserSessions(ada.username)],
    ['a session that expired', (_browser, _tab, server) => server.passTime(40 * 86_400)],
    [
      'a store of attempt ids that is broken and hangs',
      (_browser, tab) => void tab.client.refresh(),
      { attempts: brokenStore },
    ],
    [
      'a sign-out that did not reach the server',
      async (browser, tab) => {
        browser.network = () => Promise.reject(new TypeError('fetch failed'))
        expect(await tab.client.signOut()).toEqual({ ok: false, cause: { kind: 'network' } })
      },
    ],
    [
      'a refresh under way that never ends',
      (browser, tab) => {
        browser.network = () => new Promise(() => {})
        void tab.client.refresh()
      },
    ],
    [
      'a server that asked to wait',
      async (browser, tab) => {
        browser.network = async () => new Response('', { status: 429, headers: { 'Retry-After': '3600' } })
        await tab.client.refresh()
      },
    ],
  ]
  test.each(broken)('T23.2: %s does not stand in the way of signing in', async (_name, breakIt, options) => {
    const { server, browser, tab } = await signedIn(options)
    await breakIt(browser, tab, server)
    browser.network = sound
    expect(await tab.client.signIn(ada)).toMatchObject({ ok: true, session: { status: 'active', generation: 0 } })
    expect((await tab.client.fetch('/api/notes')).status).toBe(200)
    expect(await browser.openTab().client.session()).toMatchObject({ status: 'active' })
    if (options === undefined) expect(await tab.client.refresh()).toMatchObject({ status: 'active', generation: 1 })
  })

  test('T23.2: a sign-in right after a sign-out is not undone by its reply', async () => {
    const { tab } = await signedIn()
    const signingOut = tab.client.signOut()
    expect(await tab.client.signIn(grace)).toMatchObject({ ok: true })
    expect(await signingOut).toEqual({ ok: true })
    expect(await tab.client.session()).toMatchObject({ status: 'active', user: { username: grace.username } })
    expect((await tab.client.fetch('/api/notes')).status).toBe(200)
  })
})
