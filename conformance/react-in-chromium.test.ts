import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { createLogger, createPawl, memoryStorage, type Pawl, toNodeHandler } from '@pawl/server'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMissing } from '../checks/machine-packages.ts'
import { startChromium } from './running-server/chromium.ts'
import { findFreePort } from './running-server/free-port.ts'
import { type MovingClock, movingClock } from './running-server/moving-clock.ts'
import { alice } from './running-server/started-server.ts'

const pageFile = fileURLToPath(new URL('./react-page/page.ts', import.meta.url))

/** Counts the timers and listeners that the page has begun and not ended; in the page before anything else is. */
const accounting = `
  globalThis.timers = new Set()
  globalThis.listeners = new Map()
  for (const kind of ['Timeout', 'Interval']) {
    const [set, clear] = [globalThis['set' + kind], globalThis['clear' + kind]]
    globalThis['set' + kind] = (work, delay, ...rest) => {
      const timer = set((...given) => {
        if (kind === 'Timeout') timers.delete(timer)
        work(...given)
      }, delay, ...rest)
      if (delay > 0) timers.add(timer)
      return timer
    }
    globalThis['clear' + kind] = (timer) => {
      timers.delete(timer)
      clear(timer)
    }
  }
  for (const target of [window, document]) {
    const [add, remove] = [target.addEventListener, target.removeEventListener]
    const key = (type, listener) => listeners.get(listener)?.has(type)
    target.addEventListener = function (type, listener, options) {
      if (!listeners.has(listener)) listeners.set(listener, new Set())
      listeners.get(listener).add(type)
      options?.signal?.addEventListener('abort', () => listeners.delete(listener))
      return add.call(target, type, listener, options)
    }
    target.removeEventListener = function (type, listener, options) {
      if (key(type, listener)) listeners.get(listener).delete(type)
      if (listeners.get(listener)?.size === 0) listeners.delete(listener)
      return remove.call(target, type, listener, options)
    }
  }
`

/** A web server with the real Pawl in it, and a page that React 19 makes. */
interface ReactServer extends AsyncDisposable {
  readonly issuer: string
  readonly clock: MovingClock
  readonly refreshes: () => number
}

async function startReactServer(): Promise<ReactServer> {
  const bundle = await rolldown({
    input: pageFile,
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"development"' } },
    logLevel: 'silent',
  })
  const { output } = await bundle.generate({ format: 'esm' })
  await bundle.close()
  const port = await findFreePort()
  const issuer = `http://localhost:${port}`
  const clock = movingClock()
  const logger = createLogger()
  logger.level = 'silent'
  const pawl: Pawl = createPawl({
    issuer,
    secrets: Buffer.from('32 bytes that are good for tests').toString('base64url'),
    storage: memoryStorage({ clock: clock.now }),
    clock: clock.now,
    logger,
  })
  await pawl.administration.addUser({ ...alice, roles: [] })
  let refreshes = 0
  const document = `<!doctype html><title>React</title><div id="root"></div><script>${accounting}</script><script type="module" src="/page.js"></script>`
  const server = createServer(
    toNodeHandler(async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/') return new Response(document, { headers: { 'Content-Type': 'text/html' } })
      if (pathname === '/page.js') {
        return new Response(output[0].code, { headers: { 'Content-Type': 'text/javascript' } })
      }
      if (pathname === '/auth/refresh') refreshes += 1
      return pawl.fetch(request)
    }),
  )
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    issuer,
    clock,
    refreshes: () => refreshes,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await pawl.close()
    },
  }
}

describe.skipIf(isMissing('chromium'))('the React bindings in Chromium (needs chromium)', () => {
  let browser: Browser
  let server: ReactServer

  beforeAll(async () => {
    browser = await startChromium()
    server = await startReactServer()
  })

  afterAll(async () => {
    await browser?.close()
    await server?.[Symbol.asyncDispose]()
  })

  async function openTab(context: BrowserContext): Promise<Page> {
    const page = await context.newPage()
    await page.goto(`${server.issuer}/`)
    await page.waitForFunction('globalThis.page !== undefined')
    return page
  }

  async function signedIn(): Promise<{ context: BrowserContext; page: Page } & AsyncDisposable> {
    const context = await browser.newContext()
    const page = await openTab(context)
    const outcome = await page.evaluate(`page.client.signIn(${JSON.stringify(alice)})`)
    expect(outcome).toMatchObject({ ok: true })
    return { context, page, [Symbol.asyncDispose]: () => context.close() }
  }

  const greets = (page: Page, text: string) =>
    page.waitForFunction(`document.getElementById('greeting')?.textContent === ${JSON.stringify(text)}`)

  test('T7.3 T8.4: StrictMode mounts everything twice, and one refresh is sent', async () => {
    await using opened = await signedIn()
    const { page } = opened
    server.clock.advanceSeconds(1000)
    await page.reload()
    await page.waitForFunction('globalThis.page !== undefined')
    const before = server.refreshes()
    await page.evaluate('page.mount()')
    await greets(page, alice.username)
    await page.waitForFunction('page.client.current()?.generation === 1')
    expect(await page.evaluate('page.mounts')).toBe(2)
    expect(server.refreshes() - before).toBe(1)
    expect(await page.evaluate('page.subscriptions')).toBe(1)
    await page.evaluate('page.unmount()')
    await page.waitForFunction('page.subscriptions === 0')
  })

  test('T7.3: after dispose() no listener and no timer of the client remains, however often its module is exchanged', async () => {
    await using opened = await signedIn()
    const { page } = opened
    const standing = () => page.evaluate<number>('listeners.size + timers.size')
    await page.evaluate('page.mount()')
    await greets(page, alice.username)
    const once = await standing()
    for (let n = 0; n < 5; n += 1) {
      await page.evaluate('page.replaceModule()')
      await greets(page, alice.username)
    }
    await page.waitForFunction('page.subscriptions === 1')
    // React itself settles a moment later.
    await page.waitForFunction(`listeners.size + timers.size <= ${once}`)
  })

  test('T16.1: components of all tabs show who is signed in, and that nobody is any more', async () => {
    await using opened = await signedIn()
    const { context, page } = opened
    const other = await openTab(context)
    for (const tab of [page, other]) await tab.evaluate('page.mount()')
    for (const tab of [page, other]) await greets(tab, alice.username)
    await page.evaluate('page.client.signOut()')
    await greets(page, 'signed-out')
    await other.evaluate('page.client.session()')
    await greets(other, 'signed-out')
  })
})
