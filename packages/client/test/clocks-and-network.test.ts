import { createTokenClient, type Session } from '@pawl/client'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { countSent as countOfBrowser, until } from './browser.ts'
import { signedIn } from './signed-in.ts'
import { ada, apiOrigin, issuer, startIssuer } from './started-issuer.ts'
import { countSent, openMachine } from './token-holder.ts'

const notes = `${apiOrigin}/api/notes`
const [minute, day] = [60_000, 86_400_000]

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('clocks', () => {
  test('T20.1: a device slept for nine hours: the next request waits for one refresh, and nobody hears of an end', async () => {
    const server = await startIssuer()
    const machine = openMachine(server)
    // The clocks of the system: performance.now hardly moves, the time of day jumps.
    const client = createTokenClient({
      issuer,
      allowedOrigins: [apiOrigin],
      store: machine.store,
      fetch: machine.fetch,
    })
    onTestFinished(client.dispose)
    await client.signIn(ada)
    const heard: Session[] = []
    client.onChange((session) => heard.push(session))
    machine.sent.length = 0
    server.passTime(9 * 3600)
    const replies = await Promise.all([client.fetch(notes), client.fetch(notes), client.fetch(notes)])
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(machine.sent).toEqual(['POST /auth/refresh', 'GET /api/notes', 'GET /api/notes', 'GET /api/notes'])
    expect(heard).toMatchObject([{ status: 'active', generation: 1 }])
  })

  test.each([
    ['a day behind', -day],
    ['five minutes behind', -5 * minute],
    ['five minutes ahead', 5 * minute],
    ['a year ahead', 365 * day],
  ])('T21.1: a device whose clock is %s signs in, calls, starts anew and renews', async (_name, offset) => {
    const server = await startIssuer()
    const machine = openMachine(server)
    const now = () => Date.now() + offset
    const program = machine.start({ now })
    expect(await program.client.signIn(ada)).toMatchObject({ ok: true })
    expect((await program.client.fetch(notes)).status).toBe(200)
    const next = machine.start({ now })
    server.passTime(600)
    expect((await next.client.fetch(notes)).status).toBe(200)
    expect(countSent(machine, 'POST /auth/refresh')).toBe(0)
    server.passTime(300)
    next.passTime(300)
    expect((await next.client.fetch(notes)).status).toBe(200)
    expect(countSent(machine, 'POST /auth/refresh')).toBe(1)
  })

  test('T21.1: two devices that share a file measure the server’s clock, each for itself', async () => {
    const server = await startIssuer()
    const machine = openMachine(server)
    const [behind, ahead] = [-day, day].map((offset) => machine.start({ now: () => Date.now() + offset }))
    if (behind === undefined || ahead === undefined) throw new Error('two devices')
    await behind.client.signIn(ada)
    for (let round = 0; round < 3; round += 1)
      for (const { client } of [ahead, behind]) expect((await client.fetch(notes)).status).toBe(200)
    // Once, to learn it.
    expect(countSent(machine, 'POST /auth/refresh')).toBeLessThanOrEqual(2)
    machine.sent.length = 0
    for (const { client } of [ahead, behind]) expect((await client.fetch(notes)).status).toBe(200)
    expect(countSent(machine, 'POST /auth/refresh')).toBe(0)
  })

  test('T21.1: where the clock was set back after a token was stored, it is renewed rather than trusted', async () => {
    const server = await startIssuer()
    const machine = openMachine(server)
    await machine.start().client.signIn(ada)
    machine.sent.length = 0
    const { client } = machine.start({ now: () => Date.now() - day })
    expect((await client.fetch(notes)).status).toBe(200)
    expect(machine.sent).toEqual(['POST /auth/refresh', 'GET /api/notes'])
  })
})

describe('network', () => {
  test('T20.3: a hidden page renews nothing before it must', async () => {
    const page = { visibilityState: 'hidden', baseURI: issuer }
    vi.stubGlobal('document', page)
    const { server, browser, tab } = await signedIn()
    server.passTime(850)
    tab.passTime(850)
    for (let call = 0; call < 5; call += 1) expect((await tab.client.fetch('/api/notes')).status).toBe(200)
    await new Promise(setImmediate)
    expect(countOfBrowser(browser, 'POST /auth/refresh')).toBe(0)
    page.visibilityState = 'visible'
    expect((await tab.client.fetch('/api/notes')).status).toBe(200)
    await until(() => countOfBrowser(browser, 'POST /auth/refresh') === 1)
  })

  test('T20.3: without a network nothing is refreshed, whoever asks', async () => {
    let online = true
    const { server, browser, tab } = await signedIn({ online: () => online, access: 'memory' })
    online = false
    server.passTime(1000)
    tab.passTime(1000)
    browser.network = () => Promise.reject(new TypeError('fetch failed'))
    await expect(tab.client.fetch('/api/notes')).rejects.toThrow('fetch failed')
    expect(await tab.client.refresh()).toMatchObject({ status: 'offline', user: { username: ada.username } })
    expect(await tab.client.session()).toMatchObject({ status: 'offline' })
    expect(browser.sent).toEqual(['GET /api/notes'])
  })

  test('T6.5: with cookies, too, a sign-out without a network is sent by whoever has one next', async () => {
    let online = false
    const { browser, tab } = await signedIn({ online: () => online })
    expect(await tab.client.signOut()).toEqual({ ok: false, cause: { kind: 'network' } })
    expect(browser.sent).toEqual([])
    tab.client.dispose()
    const { client } = browser.openTab({ online: () => online })
    expect(await client.session()).toEqual({ status: 'signed-out', reason: 'not_signed_in' })
    expect(browser.sent).toEqual([])
    online = true
    expect(await client.session()).toEqual({ status: 'signed-out', reason: 'not_signed_in' })
    await until(() => browser.cookies().length === 0)
    expect(browser.sent).toEqual(['POST /auth/logout'])
  })

  test('T5.4: a page that loads knows who is signed in from what was kept, also without a network', async () => {
    const kept = new Map<string, string>()
    const profiles = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
    }
    const { browser, tab } = await signedIn({ profiles })
    browser.network = () => new Promise(() => {})
    const user = { username: ada.username }
    expect(await browser.openTab({ profiles }).client.session()).toMatchObject({ status: 'active', user })
    const offline = browser.openTab({ profiles, online: () => false })
    expect(await offline.client.session()).toMatchObject({ status: 'offline', user })
    void tab.client.signOut()
    expect(await browser.openTab({ profiles }).client.session()).toMatchObject({ status: 'signed-out' })
    await until(() => kept.size === 0)
  })
})
