import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isMissing } from '../checks/machine-packages.ts'
import { addApp } from './running-server/authorization.ts'
import { startChromium } from './running-server/chromium.ts'
import { alice, startServer } from './running-server/started-server.ts'

const require = createRequire(import.meta.url)
const library = readFileSync(
  join(require.resolve('oidc-client-ts/package.json'), '..', 'dist/browser/oidc-client-ts.min.js'),
)

/** A single-page application of another origin, whose scripts the test writes. */
async function startPage(): Promise<{ readonly origin: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    const script = request.url === '/oidc.js'
    response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html')
    response.end(script ? library : '<!doctype html><title>app</title><script src="/oidc.js"></script>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const signedInUser = z.object({
  access_token: z.string(),
  refresh_token: z.string(),
  profile: z.looseObject({ preferred_username: z.string(), sid: z.string() }),
})

describe.skipIf(isMissing('chromium'))('oidc-client-ts, as it is, in Chromium (needs chromium)', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await startChromium()
  })

  afterAll(async () => {
    await browser?.close()
  })

  test('signs in by redirect from another origin, reads userinfo, renews silently, and signs out', async () => {
    await using server = await startServer()
    server.clock.advanceMilliseconds(Date.now() - server.clock.now())
    await using app = await startPage()
    const back = `${app.origin}/back`
    await addApp(server, { redirectUris: [back, `${app.origin}/left`] })
    const context = await browser.newContext()
    const page = await context.newPage()
    const settings = JSON.stringify({
      authority: server.issuer,
      client_id: 'app',
      redirect_uri: back,
      post_logout_redirect_uri: `${app.origin}/left`,
      scope: 'openid profile read',
      loadUserInfo: true,
      automaticSilentRenew: false,
    })
    const manager = `new oidc.UserManager(${settings})`
    await page.goto(app.origin)
    await page.evaluate(`void ${manager}.signinRedirect()`)
    await page.locator('#username').fill(alice.username)
    await page.locator('#password').fill(alice.password)
    await page.keyboard.press('Enter')
    await page.locator('button[name=allow]').click()
    await page.waitForURL(`${back}**`)
    const user = signedInUser.parse(
      await page.evaluate(`${manager}.signinRedirectCallback().then((user) => ({ ...user }))`),
    )
    expect(user.profile.preferred_username).toBe(alice.username)

    const renewed = signedInUser.parse(await page.evaluate(`${manager}.signinSilent().then((user) => ({ ...user }))`))
    expect(renewed.access_token).not.toBe(user.access_token)
    expect(renewed.refresh_token).not.toBe(user.refresh_token)

    await page.evaluate(`void ${manager}.signoutRedirect()`)
    await page.waitForURL(`${app.origin}/left**`)
    const form = { grant_type: 'refresh_token', client_id: 'app', refresh_token: renewed.refresh_token }
    expect((await server.send('/oauth/token', { form })).text).toContain('"logout"')
    expect(await context.cookies(`${server.issuer}/oauth/authorize`)).toEqual([])
    await context.close()
  })
})
