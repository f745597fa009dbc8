import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMissing } from '../checks/machine-packages.ts'
import { recordTraffic, tokensIn } from './running-server/browser-traffic.ts'
import { startChromium } from './running-server/chromium.ts'
import { signIn } from './running-server/first-party-calls.ts'
import { expectText } from './running-server/playground-window.ts'
import { type StartedExample, startExample } from './running-server/started-example.ts'
import { alice, type StartedServer, startServer } from './running-server/started-server.ts'

describe.skipIf(isMissing('chromium'))('examples/backend-for-frontend in Chromium (needs chromium)', () => {
  let browser: Browser
  let server: StartedServer
  let api: StartedExample
  let application: StartedExample

  beforeAll(async () => {
    browser = await startChromium()
    // Access tokens that the example's process, on the real clock, sees expire while the test watches.
    server = await startServer({ configuration: { accessSeconds: 2 } })
    server.clock.advanceMilliseconds(Date.now() - server.clock.now())
    api = await startExample('hono-api', server.issuer)
    application = await startExample('backend-for-frontend', server.issuer, {
      API_URL: api.origin,
      SESSIONS: ':memory:',
    })
  })

  afterAll(async () => {
    await browser?.close()
    for (const started of [application, api, server]) await started?.[Symbol.asyncDispose]()
  })

  async function signInByForm(context: BrowserContext): Promise<Page> {
    const page = await context.newPage()
    await page.goto(application.origin)
    await expectText(page, '#session', 'Nobody is signed in.')
    await page.locator('[name=username]').fill(alice.username)
    await page.locator('[name=password]').fill(alice.password)
    await page.locator('#sign-in button').click()
    await expectText(page, '#session', `Signed in as ${alice.username}.`)
    return page
  }

  test('BF-1 BF-2 storage, cookies and traffic of the browser never hold a token', async () => {
    const context = await browser.newContext()
    const traffic = recordTraffic(context)
    const page = await signInByForm(context)
    const { user } = await signIn(server)
    await page.locator('#call').click()
    await expectText(page, '#answer', `200 {"user":"${user.id}"}`)
    // Past the expiry of the access token the server renews it, and the page notices nothing.
    const asksAgain = 'fetch("/bff/api/me").then(() => document.cookie)'
    await expect.poll(() => page.evaluate(asksAgain), { timeout: 20_000 }).toMatch(/pawl_state=[\w-]+\.[1-9]/)
    await page.reload()
    await expectText(page, '#session', `Signed in as ${alice.username}.`)
    await page.locator('#call').click()
    await expectText(page, '#answer', `200 {"user":"${user.id}"}`)
    const cookies = await context.cookies()
    const session = cookies.find(({ name }) => name === 'pawl_session')
    expect(session).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' })
    // The others are readable, and hold no secret: which session and generation it is, and the client's attempt id.
    expect(cookies.filter(({ httpOnly }) => !httpOnly).map(({ name }) => name)).toContain('pawl_state')
    const everything = await traffic.everything()
    expect(everything).toContain(alice.username)
    expect(tokensIn(everything)).toEqual([])
    // What would have been found: the forms by which tokens are recognised are those of real ones.
    const { access_token, refresh_token } = await signIn(server)
    expect(tokensIn(`${everything} ${access_token} ${refresh_token}`)).toEqual([access_token, refresh_token])
    await page.locator('#sign-out').click()
    await expectText(page, '#session', 'Nobody is signed in.')
    const kept = async () => (await context.cookies()).map(({ name }) => name)
    await expect.poll(kept, { timeout: 20_000 }).not.toContain('pawl_session')
    expect(await kept()).not.toContain('pawl_state')
    await context.close()
  })

  test('BF-3 BF-4 neither a page of another site nor another address gets through', async () => {
    const context = await browser.newContext()
    const page = await signInByForm(context)
    const status = (path: string) => page.evaluate(`fetch(${JSON.stringify(path)}).then(({ status }) => status)`)
    expect(await status('/bff/api/me')).toBe(200)
    expect(await status('/bff/api/me/..%2freports')).toBe(404)
    expect(await status('/bff/api/other')).toBe(404)
    const stranger = await context.newPage()
    // Another port is another origin of the same site: the cookie comes along, and the request is refused all the same.
    await stranger.goto(`${api.origin}/`)
    const refused = stranger.waitForResponse((response) => response.url().endsWith('/bff/api/me'))
    await stranger.evaluate(
      `void fetch('${application.origin}/bff/api/me', { mode: 'no-cors', credentials: 'include' })`,
    )
    expect((await refused).status()).toBe(403)
    await context.close()
  })
})
