import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'
import { createLogger, createPawl, memoryStorage, type Pawl, toNodeHandler } from '@pawl/server'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMissing } from '../checks/machine-packages.ts'
import { startChromium } from './running-server/chromium.ts'
import { type MovingClock, movingClock } from './running-server/moving-clock.ts'
import { alice } from './running-server/started-server.ts'

const document = `<!doctype html><title>client</title><script type="importmap">
{"imports": {"@pawl/client": "/modules/client/index.ts", "@pawl/protocol": "/modules/protocol/index.ts"}}
</script><script type="module">
import { createClient } from '@pawl/client'
globalThis.client = createClient()
</script>`

/** A web server with the real Pawl in it, whose page holds a client and nothing else. */
interface PageServer extends AsyncDisposable {
  readonly issuer: string
  readonly clock: MovingClock
  readonly pawl: Pawl
  /** While true, a refresh is carried out and the connection breaks before its reply. */
  losesReplies: boolean
}

async function startPageServer(): Promise<PageServer> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('listens on a port')
  const clock = movingClock()
  const logger = createLogger()
  logger.level = 'silent'
  const issuer = `http://localhost:${address.port}`
  const pawl = createPawl({
    issuer,
    secrets: Buffer.from('32 bytes that are good for tests').toString('base64url'),
    storage: memoryStorage({ clock: clock.now }),
    clock: clock.now,
    logger,
  })
  await pawl.administration.addUser({ ...alice, roles: [] })
  const started: PageServer = {
    issuer,
    clock,
    pawl,
    losesReplies: false,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await pawl.close()
    },
  }
  const answer = toNodeHandler(async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/') return new Response(document, { headers: { 'Content-Type': 'text/html' } })
    const [, , name, file] = /^\/(modules)\/(client|protocol)\/([a-z0-9-]+\.ts)$/.exec(pathname) ?? []
    if (name === undefined || file === undefined) return pawl.fetch(request)
    const source = await readFile(new URL(file, import.meta.resolve(`@pawl/${name}`)), 'utf8')
    return new Response(stripTypeScriptTypes(source), { headers: { 'Content-Type': 'text/javascript' } })
  })
  server.on('request', (request, response) => {
    if (!started.losesReplies || request.url !== '/auth/refresh') return answer(request, response)
    const answerAndBreak = toNodeHandler(async (asked) => {
      await pawl.fetch(asked)
      request.socket.destroy()
      return new Response()
    })
    answerAndBreak(request, response)
  })
  return started
}

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

  async function openTab(context: BrowserContext): Promise<Page> {
    const page = await context.newPage()
    await page.goto(`${server.issuer}/`)
    await page.waitForFunction('globalThis.client !== undefined')
    return page
  }

  /** A browser with nothing in it, and a tab in which alice has signed in. */
  async function signedIn(): Promise<{ context: BrowserContext; page: Page } & AsyncDisposable> {
    const context = await browser.newContext()
    const page = await openTab(context)
    const outcome = await page.evaluate(`client.signIn(${JSON.stringify(alice)})`)
    expect(outcome).toMatchObject({ ok: true, session: { user: { username: alice.username }, generation: 0 } })
    return { context, page, [Symbol.asyncDispose]: () => context.close() }
  }

  test('T4.1: IndexedDB keeps the attempt id: a lost reply is fetched again long after, by a page loaded anew', async () => {
    await using opened = await signedIn()
    const { page } = opened
    server.losesReplies = true
    expect(await page.evaluate('client.refresh()')).toMatchObject({ status: 'stale', cause: { kind: 'network' } })
    server.losesReplies = false
    server.clock.advanceSeconds(3600)
    await page.reload()
    await page.waitForFunction('globalThis.client !== undefined')
    expect(await page.evaluate('client.session()')).toMatchObject({ status: 'active', generation: 1 })
    expect(await page.evaluate('client.refresh()')).toMatchObject({ status: 'active', generation: 2 })
  })

  test('T1.2: tabs that refresh in the same moment all stay signed in', async () => {
    await using opened = await signedIn()
    const { context, page } = opened
    const tabs = [page, await openTab(context), await openTab(context)]
    for (let round = 0; round < 5; round += 1) {
      const sessions = await Promise.all(tabs.map((tab) => tab.evaluate('client.refresh()')))
      expect(sessions).toMatchObject(tabs.map(() => ({ status: 'active', user: { username: alice.username } })))
    }
    server.clock.advanceSeconds(60)
    for (const tab of tabs) expect(await tab.evaluate('client.refresh()')).toMatchObject({ status: 'active' })
  })

  test('T8.1: requests of all kinds are sent again after one refresh', async () => {
    await using opened = await signedIn()
    const { page } = opened
    server.clock.advanceSeconds(1000)
    const refreshes: string[] = []
    page.on('request', (request) => {
      if (request.url().endsWith('/auth/refresh')) refreshes.push(request.url())
    })
    const statuses = await page.evaluate(`Promise.all([
      client.fetch('/auth/session'),
      client.fetch(new URL('/auth/session', location)),
      client.fetch(new Request('/auth/sessions')),
      client.fetch('/auth/sessions', { headers: { accept: 'application/json' } }),
    ]).then((responses) => responses.map((response) => response.status))`)
    expect(statuses).toEqual([200, 200, 200, 200])
    expect(refreshes).toHaveLength(1)
  })

  test('T16.1: a sign-out shows in the other tabs, and leaves no cookie', async () => {
    await using opened = await signedIn()
    const { context, page } = opened
    const other = await openTab(context)
    expect(await other.evaluate('client.session()')).toMatchObject({ status: 'active' })
    expect(await page.evaluate('Promise.all([client.refresh(), client.signOut()])')).toEqual([
      { status: 'signed-out', reason: 'logout' },
      { ok: true },
    ])
    expect(await other.evaluate('client.session()')).toEqual({ status: 'signed-out', reason: 'cookies_gone' })
    expect(await context.cookies()).toEqual([])
  })
})
