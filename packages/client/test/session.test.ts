import type { Session } from '@pawl/client'
import { describe, expect, test } from 'vitest'
import { openBrowser, sound } from './browser.ts'
import { signedIn } from './signed-in.ts'
import { ada, grace, startIssuer } from './started-issuer.ts'

describe('session()', () => {
  test('where the jar is empty nobody is signed in, and nobody is asked', async () => {
    const browser = openBrowser(await startIssuer())
    expect(await browser.openTab().client.session()).toEqual({ status: 'signed-out', reason: 'not_signed_in' })
    expect(await browser.openTab().client.refresh()).toEqual({ status: 'signed-out', reason: 'not_signed_in' })
    expect(browser.sent).toEqual([])
  })

  test('where the jar cannot be read the server is asked, once', async () => {
    const server = await startIssuer()
    const browser = openBrowser(server)
    const cookies = {
      read: () => {
        throw new DOMException('sandboxed', 'SecurityError')
      },
      write: () => {},
    }
    const { client } = browser.openTab({ cookies })
    expect(await client.session()).toEqual({ status: 'signed-out', reason: 'no_refresh_token' })
    await client.session()
    expect(browser.sent).toEqual(['GET /auth/session', 'POST /auth/refresh'])
    await client.signIn(ada)
    expect(await client.session()).toMatchObject({ status: 'active', generation: undefined })
    expect((await client.fetch('/api/notes')).status).toBe(200)
    expect(await client.refresh()).toMatchObject({ status: 'active' })
  })

  test('a page that loads while the access cookie is good does not move the session', async () => {
    const { browser } = await signedIn()
    const { client } = browser.openTab()
    const sessions = await Promise.all([client.session(), client.session()])
    expect(sessions[0]).toMatchObject({
      status: 'active',
      user: { username: ada.username, roles: ['reader'] },
      generation: 0,
    })
    expect(sessions[1]).toEqual(sessions[0])
    expect(browser.sent).toEqual(['GET /auth/session'])
  })

  test('T5.1: a page that loads while the server is away is stale, not signed out', async () => {
    const { browser } = await signedIn()
    browser.network = async () => {
      throw new TypeError('fetch failed')
    }
    const tab = browser.openTab()
    expect(await tab.client.session()).toMatchObject({ status: 'stale', user: undefined, cause: { kind: 'network' } })
    browser.network = sound
    tab.passTime(60)
    const active = new Promise<Session>((resolve) => tab.client.onChange(resolve))
    expect(await tab.client.session()).toMatchObject({ status: 'stale' })
    expect(await active).toMatchObject({ status: 'active', user: { username: ada.username } })
  })

  test('a sign-out in another tab is seen, and a sign-in as somebody else, too', async () => {
    const { browser, tab } = await signedIn()
    const other = browser.openTab()
    await other.client.signOut()
    expect(await tab.client.session()).toEqual({ status: 'signed-out', reason: 'cookies_gone' })
    await other.client.signIn(grace)
    expect(await tab.client.session()).toMatchObject({ status: 'active', user: { username: grace.username } })
  })

  test('a late reply for a session that the jar no longer holds is not taken over', async () => {
    const { browser, tab } = await signedIn()
    const late = Promise.withResolvers<void>()
    browser.network = async (request, proceed) => {
      const response = await proceed()
      if (!request.url.endsWith('/auth/refresh')) return response
      await late.promise
      return new Response(response.body, { headers: { 'Content-Type': 'application/json' } })
    }
    const refreshing = tab.client.refresh()
    const changes: Session[] = []
    tab.client.onChange((session) => changes.push(session))
    await new Promise(setImmediate)
    await browser.openTab().client.signIn(grace)
    late.resolve()
    expect(await refreshing).toMatchObject({ status: 'active', user: { username: grace.username } })
    expect(await tab.client.session()).toMatchObject({ status: 'active', user: { username: grace.username } })
    expect(changes).toMatchObject([{ user: { username: grace.username } }])
  })
})

describe('onChange', () => {
  test('T7.2: a listener may call the client, and one that throws stops nobody', async () => {
    const { browser, tab } = await signedIn()
    const seen: string[] = []
    const inner: Promise<unknown>[] = []
    const end = tab.client.onChange((session) => {
      seen.push(session.status)
      inner.push(tab.client.session(), tab.client.refresh(), tab.client.fetch('/api/notes'))
    })
    expect(await tab.client.refresh()).toMatchObject({ status: 'active' })
    await Promise.all(inner)
    end()
    await tab.client.signOut()
    expect(seen.filter((status) => status !== 'active')).toEqual([])
    expect(seen.length).toBeGreaterThan(0)
    expect(browser.sent).toContain('POST /auth/logout')
  })

  test('a listener that was taken away hears nothing more, not even of what has just changed', async () => {
    const { tab } = await signedIn()
    const heard: string[] = []
    const end = tab.client.onChange((session) => heard.push(session.status))
    const signingOut = tab.client.signOut()
    end()
    await signingOut
    expect(heard).toEqual([])
  })

  test('the listener hears of what changed, once, and not before onChange has returned', async () => {
    const server = await startIssuer()
    const { client } = openBrowser(server).openTab()
    const changes: Session[] = []
    client.onChange((session) => changes.push(session))
    await client.signIn(ada)
    await client.session()
    await client.refresh()
    await client.signOut()
    await client.signOut()
    expect(changes).toMatchObject([
      { status: 'active', generation: 0 },
      { status: 'active', generation: 1 },
      { status: 'signed-out', reason: 'logout' },
    ])
  })
})

describe('dispose()', () => {
  test('ends what is under way and sends nothing more; the session stays', async () => {
    const { browser, tab } = await signedIn()
    browser.network = () => new Promise(() => {})
    const changes: Session[] = []
    tab.client.onChange((session) => changes.push(session))
    const refreshing = tab.client.refresh()
    tab.client.dispose()
    expect(await refreshing).toMatchObject({ status: 'active' })
    browser.network = sound
    browser.sent.length = 0
    await expect(tab.client.fetch('/api/notes')).rejects.toMatchObject({ code: 'disposed' })
    await tab.client.refresh()
    expect(await tab.client.signIn(ada)).toEqual({ ok: false, code: 'unavailable', cause: { kind: 'cancelled' } })
    expect(await tab.client.signOut()).toEqual({ ok: false, cause: { kind: 'cancelled' } })
    expect(browser.sent).toEqual([])
    expect(changes).toEqual([])
    expect(await browser.openTab().client.session()).toMatchObject({ status: 'active' })
  })
})
