import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isMissing } from '../checks/machine-packages.ts'
import { violations } from './running-server/accessibility.ts'
import { addApp, authorizationQuery } from './running-server/authorization.ts'
import { startChromium } from './running-server/chromium.ts'
import { alice, type StartedServer, startServer } from './running-server/started-server.ts'

/** The smallest application that a browser can be sent back to: another origin that says what it was told. */
async function startApplication(): Promise<{ readonly callback: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end(
      `<!doctype html><title>back</title><p id="told">${new URL(request.url ?? '', 'http://x').search.replaceAll('&', ' ')}</p>`,
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  return {
    callback: `http://127.0.0.1:${address.port}/back`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

describe.skipIf(isMissing('chromium'))('the pages in Chromium (needs chromium)', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await startChromium()
  })

  afterAll(async () => {
    await browser?.close()
  })

  async function openPage(server: StartedServer, path: string, options: Parameters<Browser['newContext']>[0] = {}) {
    const context: BrowserContext = await browser.newContext(options)
    const page = await context.newPage()
    await page.goto(server.issuer + path)
    return { page, context }
  }

  async function signIn(page: Page): Promise<void> {
    await page.locator('#username').fill(alice.username)
    await page.locator('#password').fill(alice.password)
    await page.keyboard.press('Enter')
  }

  test('a browser without script signs in, allows, and is sent back to the application, past the form’s policy', async () => {
    await using server = await startServer()
    await using application = await startApplication()
    await addApp(server, { redirectUris: ['http://127.0.0.1/back'] })
    const path = authorizationQuery({ redirect_uri: application.callback })
    const { page, context } = await openPage(server, path, { javaScriptEnabled: false })
    await signIn(page)
    await page.locator('button[name=allow]').click()
    await page.waitForURL(`${application.callback}**`)
    expect(await page.locator('#told').textContent()).toMatch(/code=.{43} state=a\+state iss=/)

    await page.goto(server.issuer + authorizationQuery({ redirect_uri: application.callback, state: 'again' }))
    await page.locator('button[name=deny]').click()
    await page.waitForURL(`${application.callback}**`)
    expect(await page.locator('#told').textContent()).toContain('error=access_denied')

    // Another account: signed out, and asked who is there.
    await page.goto(server.issuer + path)
    await page.getByRole('button', { name: 'Use another account' }).click()
    await page.locator('#password').waitFor()
    expect(await context.cookies(`${server.issuer}/oauth/authorize`)).toEqual([])
    await context.close()
  })

  test.each([
    ['light', 1280],
    ['dark', 390],
    ['light', 390],
    ['dark', 1280],
  ] as const)(
    'axe finds nothing in the %s theme at %i px, and nothing is wider than the window',
    async (theme, width) => {
      const configuration = theme === 'dark' ? { pageColour: '#ffd400', pageName: 'Shop <&> Sons' } : {}
      await using server = await startServer({ configuration })
      await addApp(server, { scopes: ['openid', 'profile', 'read', `x${'y'.repeat(80)}`] })
      const look = { colorScheme: theme, viewport: { width, height: 844 }, bypassCSP: true }
      const { page, context } = await openPage(server, authorizationQuery({ scope: undefined }), look)
      const check = async (what: string) => {
        expect(await violations(page), what).toEqual([])
        const size = z
          .array(z.number())
          .parse(await page.evaluate('[document.documentElement.scrollWidth, innerWidth]'))
        expect(size, what).toEqual([width, width])
      }
      await check('sign in')
      await page.locator('#username').fill('nobody')
      await page.locator('#password').fill('wrong')
      await page.keyboard.press('Enter')
      await page.locator('[role=alert]').waitFor()
      await check('wrong password')
      await signIn(page)
      await page.locator('button[name=deny]').waitFor()
      await check('consent')
      if (theme === 'dark') expect(await page.locator('header').textContent()).toBe('Shop <&> Sons')
      await page.goto(server.issuer + authorizationQuery({ client_id: 'nobody' }))
      await check('error')
      await context.close()
    },
  )
})

test('what a client, a user or a link says is text on the page, and never markup', async () => {
  await using server = await startServer()
  await addApp(server)
  const hint = '"><script>alert(1)</script>'
  const reply = await server.send(authorizationQuery({ login_hint: hint }), { method: 'GET' })
  expect(reply.text).toContain('value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"')
  expect(reply.text).not.toContain('<script')
})
