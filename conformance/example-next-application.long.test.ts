import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isMissing } from '../checks/machine-packages.ts'
import { type AuthorizingFront, startAuthorizingFront } from './running-server/authorizing-front.ts'
import { recordTraffic, tokensIn } from './running-server/browser-traffic.ts'
import { startChromium } from './running-server/chromium.ts'
import { expectText } from './running-server/playground-window.ts'
import { addClient } from './running-server/registered-clients.ts'
import { type StartedExample, startExample } from './running-server/started-example.ts'
import { alice } from './running-server/started-server.ts'
import { sessionRow } from './running-server/stored-state.ts'

const clientId = 'next-application'
const secret = 'the-secret-of-the-next-application'
const row = z.looseObject({ generation: z.coerce.number() })

describe.skipIf(isMissing('chromium'))(
  'examples/next-application, built for production, in Chromium (needs chromium)',
  () => {
    let browser: Browser
    let front: AuthorizingFront
    let application: StartedExample
    let folder: string
    let ahead = 0

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'pawl-next-'))
      await writeFile(join(folder, 'ahead'), '0')
      browser = await startChromium()
      front = await startAuthorizingFront(clientId)
      application = await startExample('next-application', front.issuer, {
        NODE_OPTIONS: `--import=${new URL('./running-server/moved-clock.mjs', import.meta.url)}`,
        CLOCK_AHEAD: join(folder, 'ahead'),
        PAWL_CLIENT_SECRET: secret,
        SESSION_SECRET: Buffer.from('32 bytes that seal test cookies!').toString('base64url'),
      })
      await addClient(front.server, {
        id: clientId,
        type: 'confidential',
        secret,
        redirectUris: [`${application.origin}/bff/callback`],
        grants: ['refresh_token', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      })
    })

    afterAll(async () => {
      await browser?.close()
      await application?.[Symbol.asyncDispose]()
      await front?.[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    })

    /** Lets time pass for the issuer and the application; the browser knows no clock that matters. */
    async function pass(seconds: number): Promise<void> {
      front.server.clock.advanceSeconds(seconds)
      ahead += seconds * 1000
      await writeFile(join(folder, 'ahead'), String(ahead))
    }

    async function signedIn(): Promise<{ context: BrowserContext; page: Page } & AsyncDisposable> {
      const context = await browser.newContext()
      const page = await context.newPage()
      await page.goto(application.origin)
      await expectText(page, '#greeting', 'signed-out')
      await page.getByText('Sign in').click()
      await expectText(page, '#greeting', `Hello ${alice.username}`)
      await expectText(page, '#answers', '200 200 200 200')
      front.grants.length = 0
      return { context, page, [Symbol.asyncDispose]: () => context.close() }
    }

    const generation = async () => row.parse(await sessionRow(front.server.store, front.sessionId())).generation
    const rotations = () => front.grants.filter((grant) => grant === 'refresh_token').length

    test('T2.2 proxy, layout, page and four route handlers with an expired token are one rotation', async () => {
      await using opened = await signedIn()
      const { page } = opened
      expect(await generation()).toBe(0)
      await pass(1000)
      await page.reload()
      await expectText(page, '#greeting', `Hello ${alice.username}`)
      await expectText(page, '#who', alice.username)
      await expectText(page, '#answers', '200 200 200 200')
      expect([await generation(), rotations()]).toEqual([1, 1])
    })

    test('T2.2 T2.4 four route handlers beside a navigation in another tab, all with the expired token: one rotation', async () => {
      await using opened = await signedIn()
      const { context, page } = opened
      const other = await context.newPage()
      for (let round = 1; round <= 3; round += 1) {
        await pass(1000)
        const asked = page.evaluate(
          `Promise.all(['profile', 'orders', 'messages', 'news'].map((name) => fetch('/api/' + name))).then((all) => all.map(({ status }) => status))`,
        )
        await other.goto(application.origin)
        expect(await asked).toEqual([200, 200, 200, 200])
        await expectText(other, '#greeting', `Hello ${alice.username}`)
        expect(await generation()).toBe(round)
      }
      // Later than any race window, with whichever answer wrote its cookie last.
      await pass(3600)
      await page.reload()
      await expectText(page, '#greeting', `Hello ${alice.username}`)
    })

    test('T2.1 T2.3 a prefetch, and a page that can set no cookie, get an access token and rotate nothing', async () => {
      await using opened = await signedIn()
      const { context, page } = opened
      await pass(1000)
      const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
      const prefetches: readonly Readonly<Record<string, string>>[] = [
        { RSC: '1', 'Next-Router-Prefetch': '1', 'Sec-Fetch-Dest': 'empty' },
        { RSC: '1', 'Next-Router-Prefetch': '1', 'Next-Router-Segment-Prefetch': '/_tree', 'Sec-Fetch-Dest': 'empty' },
        { 'Sec-Purpose': 'prefetch', 'Sec-Fetch-Dest': 'document' },
        { 'Sec-Purpose': 'prefetch;prerender', 'Sec-Fetch-Dest': 'document' },
        { Purpose: 'prefetch', Accept: 'text/html' },
      ]
      for (const headers of prefetches) {
        for (const path of ['/', '/orders', '/api/orders', '/bff/renew?return_to=/']) {
          const answer = await application.send(path, { headers: { ...headers, cookie: cookies } })
          expect([path, answer.setCookies]).toEqual([path, []])
        }
      }
      expect([await generation(), rotations()]).toEqual([0, 0])
      // The router fetches the page: no document, and nobody to set a cookie on.
      await page.getByText('Orders', { exact: true }).click()
      await expectText(page, '#greeting', `Orders of ${alice.username}`)
      expect(await generation()).toBe(0)
      expect(front.grants).toContain('urn:ietf:params:oauth:grant-type:token-exchange')
    })

    test('BF-1 T14.1 the browser never holds a token, and no answer with a cookie may be kept', async () => {
      const context = await browser.newContext()
      const traffic = recordTraffic(context)
      const kept: string[] = []
      context.on('response', async (response) => {
        const headers = await response.allHeaders()
        if (headers['set-cookie'] !== undefined && !/no-store/.test(headers['cache-control'] ?? ''))
          kept.push(response.url())
      })
      const page = await context.newPage()
      await page.goto(`${application.origin}/bff/sign-in?return_to=/orders`)
      await expectText(page, '#greeting', `Orders of ${alice.username}`)
      await pass(1000)
      await page.reload()
      await expectText(page, '#greeting', `Orders of ${alice.username}`)
      expect(traffic.asked).toContain('GET /bff/renew')
      expect(tokensIn(await traffic.everything())).toEqual([])
      expect(kept).toEqual([])
      await page.locator('#sign-out').click()
      await page.getByText('Sign in').waitFor()
      await page.reload()
      await expectText(page, '#greeting', 'signed-out')
      await context.close()
    })
  },
)
