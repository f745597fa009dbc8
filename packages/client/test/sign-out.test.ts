import { describe, expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { signedIn } from './signed-in.ts'
import { ada, issuer, startIssuer } from './started-issuer.ts'

describe('signOut()', () => {
  test('the session is gone at once here, and soon on the server', async () => {
    const { browser, tab } = await signedIn()
    const cookies = browser.cookies()
    const signingOut = tab.client.signOut()
    expect(browser.readableCookies()).toBe('__Secure-pawl_state=-')
    expect(await tab.client.session()).toEqual({ status: 'signed-out', reason: 'logout' })
    expect(await signingOut).toEqual({ ok: true })
    expect(browser.readableCookies()).toBe('')
    for (const cookie of cookies) browser.jar.setCookieSync(cookie, `${issuer}/auth/refresh`)
    const { client } = browser.openTab()
    expect(await client.session()).toEqual({ status: 'signed-out', reason: 'logout' })
  })

  test('everywhere ends the sessions of other browsers, also with an expired access token', async () => {
    for (const access of ['cookie', 'memory'] as const) {
      const { server, browser, tab } = await signedIn({ access })
      const elsewhere = openBrowser(server).openTab()
      await elsewhere.client.signIn(ada)
      server.passTime(1000)
      expect(await tab.client.signOut({ everywhere: true })).toEqual({ ok: true })
      expect(await elsewhere.client.refresh()).toEqual({ status: 'signed-out', reason: 'revoked_by_user' })
      expect(browser.cookies()).toEqual([])
    }
  })

  test('everywhere with a dead session says that it did not happen', async () => {
    const { server, tab } = await signedIn()
    await server.administration.revokeUserSessions(ada.username)
    expect(await tab.client.signOut({ everywhere: true })).toMatchObject({ ok: false, cause: { status: 401 } })
  })

  /** Small and repeatable: the schedules of a failing test can be run again. */
  function pseudoRandom(seed: number): () => number {
    let state = seed
    return () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return state / 2 ** 32
    }
  }

  test('T16.1: in 200 random schedules of refreshes, requests and a sign-out, nothing of the session is left', async () => {
    // Hashing 200 passwords would be most of the work.
    const server = await startIssuer({ authenticate: async ({ username }) => ({ id: 'usr_ada', username }) })
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = pseudoRandom(seed)
      const dawdle = async () => {
        for (let turns = Math.floor(random() * 6); turns > 0; turns -= 1) await new Promise(setImmediate)
      }
      const browser = openBrowser(server)
      const tabs = [browser.openTab(), browser.openTab()]
      const client = tabs[0]?.client
      if (client === undefined) throw new Error('two tabs')
      await client.signIn(ada)
      const issued = new Set<string>()
      browser.network = async (_request, proceed) => {
        await dawdle()
        const response = await proceed()
        for (const line of response.headers.getSetCookie()) {
          const token = /^__Secure-pawl_refresh=([^;]+)/.exec(line)?.[1]
          if (token !== undefined) issued.add(token)
        }
        await dawdle()
        return response
      }
      const acts = tabs.map(async (tab) => {
        await dawdle()
        await Promise.all([tab.client.refresh(), tab.client.fetch('/api/notes').catch(() => undefined)])
      })
      await dawdle()
      const signedOut = await client.signOut()
      expect(await client.session()).toEqual({ status: 'signed-out', reason: 'logout' })
      await Promise.all(acts)
      expect(signedOut).toEqual({ ok: true })
      expect(await client.session()).toEqual({ status: 'signed-out', reason: 'logout' })
      for (const token of issued) {
        const body = JSON.stringify({ refresh_token: token })
        const headers = { 'Content-Type': 'application/json' }
        const reply = await server.answer(new Request(`${issuer}/auth/refresh`, { method: 'POST', headers, body }))
        expect([seed, await reply.json()]).toMatchObject([seed, { error: 'invalid_grant', reason: 'logout' }])
      }
      for (const { client } of tabs) {
        await client.refresh()
        expect(await client.session()).toMatchObject({ status: 'signed-out' })
      }
    }
  })

  test('T16.2: late cookies of the session that was signed out do not bring it back', async () => {
    const { browser, tab } = await signedIn()
    const lateCookies: string[] = []
    browser.network = async (request, proceed) => {
      const response = await proceed()
      if (request.url.endsWith('/auth/refresh')) lateCookies.push(...response.headers.getSetCookie())
      return response
    }
    await tab.client.refresh()
    await tab.client.signOut()
    for (const line of lateCookies) browser.jar.setCookieSync(line, `${issuer}/auth/refresh`)
    expect(await tab.client.session()).toEqual({ status: 'signed-out', reason: 'logout' })
    expect((await browser.openTab().client.fetch('/auth/session')).status).toBe(401)
    expect(browser.cookies().map((cookie) => cookie.key)).not.toContain('__Secure-pawl_refresh')
  })
})
