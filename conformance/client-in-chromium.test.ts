import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isMissing } from '../checks/machine-packages.ts'
import { startChromium } from './running-server/chromium.ts'
import { type PageServer, startPageServer } from './running-server/page-server.ts'
import { alice } from './running-server/started-server.ts'

describe.skipIf(isMissing('chromium'))('the client in Chromium (needs chromium)', () => {
  let browser: Browser
  let server: PageServer

  beforeAll(async () => {
    browser = await startChromium()
    server = await startPageServer()
  })

  afterAll(async () => {
    await browser?.close()
    await server?.[Symbol.asyncDispose]()
  })

  beforeEach(() => {
    server.refreshFate = 'answered'
  })

  async function openTab(context: BrowserContext, query = ''): Promise<Page> {
    const page = await context.newPage()
    await page.goto(`${server.issuer}/${query}`)
    await page.waitForFunction('globalThis.client !== undefined')
    return page
  }

  /** A browser with nothing in it, and a tab in which alice has signed in; what was asked so far is forgotten. */
  async function signedIn(query = ''): Promise<{ context: BrowserContext; page: Page } & AsyncDisposable> {
    const context = await browser.newContext()
    const page = await openTab(context, query)
    const outcome = await page.evaluate(`client.signIn(${JSON.stringify(alice)})`)
    expect(outcome).toMatchObject({ ok: true, session: { user: { username: alice.username }, generation: 0 } })
    server.asked.length = 0
    return { context, page, [Symbol.asyncDispose]: () => context.close() }
  }

  const refreshes = () => server.asked.filter((line) => line === 'POST /auth/refresh').length
  const callApi = "client.fetch('/auth/session').then((response) => response.status)"

  test('T4.1: IndexedDB keeps the attempt id: a lost reply is fetched again long after, by a page loaded anew', async () => {
    await using opened = await signedIn()
    const { page } = opened
    server.refreshFate = 'lost'
    expect(await page.evaluate('client.refresh()')).toMatchObject({ status: 'stale', cause: { kind: 'network' } })
    server.refreshFate = 'answered'
    server.clock.advanceSeconds(3600)
    await page.reload()
    await page.waitForFunction('globalThis.client !== undefined')
    expect(await page.evaluate('client.refresh()')).toMatchObject({ status: 'active', generation: 1 })
    expect(await page.evaluate('client.refresh()')).toMatchObject({ status: 'active', generation: 2 })
  })

  test('T1.2: of tabs that find the access token expired in the same moment one refreshes', async () => {
    await using opened = await signedIn()
    const { context, page } = opened
    const tabs = [page, await openTab(context), await openTab(context)]
    for (const tab of tabs) await tab.evaluate('client.session()')
    server.clock.advanceSeconds(1000)
    server.asked.length = 0
    expect(await Promise.all(tabs.map((tab) => tab.evaluate(callApi)))).toEqual([200, 200, 200])
    expect(refreshes()).toBe(1)
  })

  test('T1.2: where there are no locks, tabs that refresh in the same moment all stay signed in', async () => {
    await using opened = await signedIn()
    const { context, page } = opened
    await context.addInitScript("Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })")
    await page.reload()
    await page.waitForFunction('globalThis.client !== undefined')
    const tabs = [page, await openTab(context), await openTab(context)]
    for (let round = 0; round < 5; round += 1) {
      const sessions = await Promise.all(tabs.map((tab) => tab.evaluate('client.refresh()')))
      expect(sessions).toMatchObject(tabs.map(() => ({ status: 'active', user: { username: alice.username } })))
    }
    server.clock.advanceSeconds(60)
    for (const tab of tabs) expect(await tab.evaluate('client.refresh()')).toMatchObject({ status: 'active' })
  })

  test.each(['frozen', 'killed'])('T7.1: a tab that holds the lock and is %s stops no other', async (fate) => {
    await using opened = await signedIn()
    const { context, page } = opened
    const holder = await openTab(context)
    server.refreshFate = 'held'
    void holder.evaluate('client.refresh()').catch(() => undefined)
    await expect.poll(refreshes).toBe(1)
    server.refreshFate = 'answered'
    if (fate === 'killed') await holder.close()
    else await (await context.newCDPSession(holder)).send('Page.setWebLifecycleState', { state: 'frozen' })
    const milliseconds = await page.evaluate<unknown[]>(`(async () => {
      const began = performance.now()
      const { status, generation } = await client.refresh()
      return [status, generation, performance.now() - began]
    })()`)
    expect(milliseconds).toEqual(['active', 1, expect.any(Number)])
    // The three seconds of patience, and what a busy machine adds.
    expect(Number(milliseconds[2])).toBeLessThan(8_000)
    expect(refreshes()).toBe(2)
  })

  test('T20.1: after nine hours of sleep a request waits for one refresh; nobody is told of an end', async () => {
    await using opened = await signedIn('?access=memory')
    const { context, page } = opened
    await page.evaluate('client.session()')
    await context.clock.install()
    await page.evaluate('heard.length = 0')
    server.clock.advanceSeconds(9 * 3600)
    await context.clock.fastForward(9 * 3600 * 1000)
    expect(await page.evaluate(`Promise.all([${callApi}, ${callApi}, ${callApi}])`)).toEqual([200, 200, 200])
    expect(refreshes()).toBe(1)
    expect(await page.evaluate('heard')).toEqual(['active'])
  })

  test('T20.3, T5.4: without a network nothing is refreshed, and a page still knows at once who is signed in', async () => {
    await using opened = await signedIn()
    const { context, page } = opened
    server.clock.advanceSeconds(1000)
    await context.setOffline(true)
    server.asked.length = 0
    expect(await page.evaluate('client.refresh()')).toMatchObject({
      status: 'offline',
      user: { username: alice.username },
    })
    const [session, milliseconds] = await page.evaluate<[unknown, number]>(`(async () => {
      const fresh = pawl.createClient()
      const began = performance.now()
      return [await fresh.session(), performance.now() - began]
    })()`)
    expect(session).toMatchObject({ status: 'offline', user: { username: alice.username } })
    expect(milliseconds).toBeLessThan(50)
    expect(server.asked).toEqual([])
    await context.setOffline(false)
    expect(await page.evaluate('client.refresh()')).toMatchObject({ status: 'active', generation: 1 })
  })

  test('T6.5: a sign-out without a network reaches the server as soon as there is one', async () => {
    await using opened = await signedIn()
    const { context, page } = opened
    await context.setOffline(true)
    expect(await page.evaluate('client.signOut()')).toMatchObject({ ok: false, cause: { kind: 'network' } })
    expect(await page.evaluate('client.current()')).toEqual({ status: 'signed-out', reason: 'logout' })
    expect(server.asked).toEqual([])
    await context.setOffline(false)
    await expect.poll(() => server.asked).toContain('POST /auth/logout')
    await expect.poll(() => context.cookies()).toEqual([])
  })

  test('T8.1: requests of all kinds are sent again after one refresh', async () => {
    await using opened = await signedIn()
    const { page } = opened
    server.clock.advanceSeconds(1000)
    const statuses = await page.evaluate(`Promise.all([
      client.fetch('/auth/session'),
      client.fetch(new URL('/auth/session', location)),
      client.fetch(new Request('/auth/sessions')),
      client.fetch('/auth/sessions', { headers: { accept: 'application/json' } }),
    ]).then((responses) => responses.map((response) => response.status))`)
    expect(statuses).toEqual([200, 200, 200, 200])
    expect(refreshes()).toBe(1)
  })

  test('T16.1: a sign-out is heard by the other tabs at once, and leaves no cookie', async () => {
    await using opened = await signedIn()
    const { context, page } = opened
    const other = await openTab(context)
    expect(await other.evaluate('client.session()')).toMatchObject({ status: 'active' })
    expect(await page.evaluate('Promise.all([client.refresh(), client.signOut()])')).toEqual([
      { status: 'signed-out', reason: 'logout' },
      { ok: true },
    ])
    await other.waitForFunction("heard.at(-1) === 'signed-out'")
    expect(await other.evaluate('client.current()')).toEqual({ status: 'signed-out', reason: 'cookies_gone' })
    expect(await context.cookies()).toEqual([])
    expect(await page.evaluate('localStorage.length')).toBe(0)
  })
})
