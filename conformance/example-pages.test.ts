import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMissing } from '../checks/machine-packages.ts'
import { recordTraffic, tokensIn } from './running-server/browser-traffic.ts'
import { startChromium } from './running-server/chromium.ts'
import { signIn } from './running-server/first-party-calls.ts'
import { findFreePort } from './running-server/free-port.ts'
import { expectText } from './running-server/playground-window.ts'
import { type StartedExample, startExample } from './running-server/started-example.ts'
import { alice, type StartedServer, startServer } from './running-server/started-server.ts'

describe.skipIf(isMissing('chromium'))('examples with a page, in Chromium (needs chromium)', () => {
  let browser: Browser
  let folder: string
  const started: AsyncDisposable[] = []

  beforeAll(async () => {
    browser = await startChromium()
    folder = await mkdtemp(join(tmpdir(), 'pawl-example-'))
  })

  afterAll(async () => {
    await browser?.close()
    for (const each of started.reverse()) await each[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  async function openPage(context: BrowserContext, { origin }: StartedExample): Promise<Page> {
    const page = await context.newPage()
    await page.goto(origin)
    return page
  }

  async function signInByForm(page: Page): Promise<void> {
    await expectText(page, '#session', 'Nobody is signed in.')
    await page.locator('[name=username]').fill(alice.username)
    await page.locator('[name=password]').fill(alice.password)
    await page.locator('#sign-in button').click()
    await expectText(page, '#session', `Signed in as ${alice.username}.`)
  }

  /** Two tabs of one browser, through a sign-in, a call of the API, a reload and a sign-out. */
  async function walkThrough(example: StartedExample): Promise<string> {
    const context = await browser.newContext()
    const traffic = recordTraffic(context)
    const page = await openPage(context, example)
    await signInByForm(page)
    await page.locator('#call').click()
    await expectText(page, '#answer', /^200 \{"user":"usr_[^"]+"\}$/)
    await page.reload()
    await expectText(page, '#session', `Signed in as ${alice.username}.`)
    const other = await openPage(context, example)
    await expectText(other, '#session', `Signed in as ${alice.username}.`)
    const everything = await traffic.everything()
    await page.locator('#sign-out').click()
    await expectText(page, '#session', 'Nobody is signed in.')
    await expectText(other, '#session', 'Nobody is signed in.')
    await context.close()
    return everything
  }

  test('examples/express-react: T35.1 the refresh token is out of reach, the access token in memory alone', async () => {
    const port = String(await findFreePort())
    const configuration = { trustedOrigins: [`http://localhost:${port}`] }
    const server: StartedServer = await startServer({ configuration })
    started.push(server)
    server.clock.advanceMilliseconds(Date.now() - server.clock.now())
    const example = await startExample('express-react', server.issuer, { PORT: port })
    started.push(example)
    const everything = await walkThrough(example)
    expect(everything).toContain('Bearer ')
    const { access_token } = await signIn(server)
    expect((await example.send('/api/me', { bearer: access_token })).status).toBe(200)
    expect((await example.send('/api/me')).status).toBe(401)
  })

  test('examples/fastify-page: T35.1 one process; no script of the page ever sees a token', async () => {
    const example = await startExample('fastify-page', '', { DATA: folder })
    started.push(example)
    const registered = await example.send('/id/auth/register', { json: { ...alice, delivery: 'body' } })
    expect(registered.status, registered.text).toBe(201)
    await walkThrough(example)
    const context = await browser.newContext()
    const page = await openPage(context, example)
    await signInByForm(page)
    const readable = await page.evaluate<string>('document.cookie + document.documentElement.outerHTML')
    expect(tokensIn(readable)).toEqual([])
    expect(tokensIn(JSON.stringify(await context.cookies()))).toHaveLength(2)
    await context.close()
  })
})
