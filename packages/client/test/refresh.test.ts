import type { AttemptStore, Session } from '@pawl/client'
import { describe, expect, test, vi } from 'vitest'
import { countSent, type Network, sound, type Tab, until } from './browser.ts'
import { signedIn } from './signed-in.ts'
import { ada } from './started-issuer.ts'

const brokenStore: AttemptStore = {
  claim: () => Promise.reject(new Error('the database is broken')),
  forget: () => Promise.reject(new Error('the database is broken')),
}

const text = (status: number, body: string, headers: Record<string, string> = {}): Network => {
  return async () => new Response(body, { status, headers })
}
const json = (status: number, body: object): Network => text(status, JSON.stringify(body))
const refuseToConnect: Network = async () => {
  throw new TypeError('fetch failed')
}

/** Everything that a refresh may meet and that says nothing about the session, with what the client makes of it. */
const weather: readonly [string, Network, string][] = [
  ['500', json(500, { error: 'server_error' }), 'server_error'],
  ['502', text(502, '<h1>Bad gateway</h1>'), 'server_error'],
  ['503', json(503, { error: 'temporarily_unavailable', reason: 'key_not_loaded' }), 'server_error'],
  ['504', text(504, ''), 'server_error'],
  ['503 that says invalid_grant', json(503, { error: 'invalid_grant', reason: 'replay' }), 'server_error'],
  ['429', json(429, { error: 'too_many_requests' }), 'throttled'],
  ['malformed JSON', text(200, '{"session_id": "'), 'unexpected_reply'],
  ['HTML with 200', text(200, '<html>Welcome to the hotel</html>'), 'unexpected_reply'],
  ['HTML with 400', text(400, '<html>Bad request</html>'), 'unexpected_reply'],
  ['JSON that is no reply', json(200, { ok: true }), 'unexpected_reply'],
  ['a redirection', text(302, '', { Location: 'https://portal.example/' }), 'unexpected_reply'],
  ['a 401', text(401, 'Unauthorized'), 'unexpected_reply'],
  ["a firewall's 403", text(403, '<h1>Blocked</h1>'), 'unexpected_reply'],
  [
    "a firewall's 403 that says invalid_grant",
    json(403, { error: 'invalid_grant', reason: 'blocked' }),
    'unexpected_reply',
  ],
  ["another server's invalid_grant", json(400, { error: 'invalid_grant' }), 'unexpected_reply'],
  ['our invalid_request', json(400, { error: 'invalid_request', reason: 'malformed_body' }), 'unexpected_reply'],
  ['superseded', json(400, { error: 'invalid_grant', reason: 'superseded' }), 'superseded'],
  ['no connection or name', refuseToConnect, 'network'],
]

describe('T5.1: weather', () => {
  test.each(weather)('T5.1, T5.3: %s leaves the session stale, cookies and all', async (_name, fault, kind) => {
    const { browser, tab } = await signedIn()
    const changes: Session[] = []
    tab.client.onChange((session) => changes.push(session))
    /** The mirrored attempt id aside: that is written before every refresh. */
    const cookiesOfServer = () => browser.cookies().filter(({ key }) => key !== '__Secure-pawl_attempt')
    const cookies = cookiesOfServer()
    browser.network = fault
    const stale = { status: 'stale', user: { username: ada.username }, cause: { kind } }
    expect(await tab.client.refresh()).toMatchObject(stale)
    expect(cookiesOfServer()).toEqual(cookies)
    expect(changes).toMatchObject([stale])
    expect(browser.sent).toEqual(['POST /auth/refresh'])

    browser.network = sound
    tab.passTime(60)
    expect(await tab.client.refresh()).toMatchObject({ status: 'active', generation: 1 })
    expect(changes).toMatchObject([stale, { status: 'active' }])
    expect(browser.sent).not.toContain('POST /auth/logout')
  })

  test('T5.1, T7.4: a refresh without an answer ends after 10 s, also if fetch does not listen', async () => {
    const { browser, tab } = await signedIn()
    const deadlines: [number, AbortController][] = []
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((milliseconds) => {
      const controller = new AbortController()
      deadlines.push([milliseconds, controller])
      return controller.signal
    })
    try {
      browser.network = () => new Promise(() => {})
      const refreshing = tab.client.refresh()
      await until(() => browser.sent.length > 0)
      const [limit] = deadlines.filter(([milliseconds]) => milliseconds === 10_000)
      limit?.[1].abort(new DOMException('too late', 'TimeoutError'))
      expect(await refreshing).toMatchObject({ status: 'stale', cause: { kind: 'timeout' } })
    } finally {
      vi.restoreAllMocks()
    }
  })

  test('T5.1: further requests wait for the next try, spread and ever longer, at most a minute', async () => {
    let byte = 255
    const { browser, tab } = await signedIn({ random: (bytes) => new Uint8Array(bytes).fill(byte) })
    browser.network = async (request, proceed) =>
      request.url.endsWith('/auth/refresh') ? new Response('', { status: 502 }) : proceed()
    tab.passTime(900)
    const waits: number[] = []
    for (let failure = 0; failure < 8; failure += 1) {
      let waited = 0
      await tab.client.fetch('/api/notes')
      const before = browser.sent.length
      while (countSent(browser, 'POST /auth/refresh') === failure + 1) {
        tab.passTime(0.5)
        waited += 0.5
        await tab.client.fetch('/api/notes')
      }
      expect(browser.sent.length).toBeGreaterThan(before)
      waits.push(waited)
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
    byte = 0
    await tab.client.fetch('/api/notes')
    const refreshes = countSent(browser, 'POST /auth/refresh')
    tab.passTime(60)
    await tab.client.fetch('/api/notes')
    tab.passTime(30)
    await tab.client.fetch('/api/notes')
    expect(countSent(browser, 'POST /auth/refresh')).toBe(refreshes + 2)
  })

  test('T5.1: Retry-After is heeded, in seconds and as a date, also by a refresh on demand', async () => {
    const date = new Date(Date.UTC(2030, 0, 1, 0, 0, 7)).toUTCString()
    const sentAt = new Date(Date.UTC(2030, 0, 1)).toUTCString()
    const asked: Record<string, string>[] = [{ 'Retry-After': '7' }, { 'Retry-After': date, Date: sentAt }]
    for (const headers of asked) {
      const { browser, tab } = await signedIn({ random: (bytes) => new Uint8Array(bytes) })
      browser.network = text(503, '', headers)
      expect(await tab.client.refresh()).toMatchObject({ status: 'stale', cause: { retryAfterSeconds: 7 } })
      browser.network = sound
      tab.passTime(6)
      expect(await tab.client.refresh()).toMatchObject({ status: 'stale' })
      tab.passTime(1)
      expect(await tab.client.refresh()).toMatchObject({ status: 'active' })
      expect(countSent(browser, 'POST /auth/refresh')).toBe(2)
    }
  })

  test('T5.1: without Retry-After a person who asks is not kept waiting', async () => {
    const { browser, tab } = await signedIn()
    browser.network = refuseToConnect
    await tab.client.refresh()
    browser.network = sound
    expect(await tab.client.refresh()).toMatchObject({ status: 'active' })
  })

  test('T5.1: while the access token is good, requests go on although it cannot be renewed', async () => {
    const { server, browser, tab } = await signedIn()
    server.passTime(850)
    tab.passTime(850)
    browser.network = async (request, proceed) =>
      request.url.endsWith('/auth/refresh') ? new Response('', { status: 502 }) : proceed()
    for (let call = 0; call < 5; call += 1) expect((await tab.client.fetch('/api/notes')).status).toBe(200)
    await until(() => countSent(browser, 'POST /auth/refresh') > 0)
    expect(await tab.client.refresh()).toMatchObject({ status: 'stale' })
    for (let call = 0; call < 5; call += 1) expect((await tab.client.fetch('/api/notes')).status).toBe(200)
    expect(countSent(browser, 'POST /auth/refresh')).toBeLessThanOrEqual(2)
  })
})

describe('T5.2: the end of a session', () => {
  test('T5.2: our invalid_grant, and only it, signs out, and tells so once', async () => {
    const { server, browser, tab } = await signedIn()
    const changes: Session[] = []
    tab.client.onChange((session) => changes.push(session))
    await server.administration.disableUser(ada.username)
    tab.passTime(900)
    const responses = await Promise.all(Array.from({ length: 5 }, () => tab.client.fetch('/api/notes')))
    expect(responses.map((response) => response.status)).toEqual([401, 401, 401, 401, 401])
    expect(changes).toEqual([{ status: 'signed-out', reason: 'user_disabled' }])
    expect(countSent(browser, 'POST /auth/refresh')).toBe(1)
    expect(browser.readableCookies()).toBe('')
    expect(await tab.client.refresh()).toEqual({ status: 'signed-out', reason: 'user_disabled' })
    expect(countSent(browser, 'POST /auth/refresh')).toBe(1)
  })

  test('T5.2: an expired session says so', async () => {
    const { server, tab } = await signedIn({ cookies: { read: () => '', write: () => {} } })
    server.passTime(29 * 86_400)
    expect(await tab.client.refresh()).toMatchObject({ status: 'active' })
    server.passTime(31 * 86_400)
    // The jar has dropped the cookie by itself.
    expect(await tab.client.refresh()).toEqual({ status: 'signed-out', reason: 'no_refresh_token' })
  })
})

describe('attempt ids', () => {
  const loseReply: Network = async (request, proceed) => {
    if (!request.url.endsWith('/auth/refresh')) return proceed()
    await proceed()
    throw new TypeError('connection reset')
  }

  test('T4.1: a reply that was lost is fetched again long after the race window, by any tab', async () => {
    const { server, browser, tab } = await signedIn()
    browser.network = loseReply
    expect(await tab.client.refresh()).toMatchObject({ status: 'stale' })
    browser.network = sound
    server.passTime(3600)
    expect(await browser.openTab().client.session()).toMatchObject({ status: 'active', generation: 1 })
    expect(await tab.client.refresh()).toMatchObject({ status: 'active', generation: 2 })
  })

  test('a store that fails only takes the attempt id away: the race window still covers a lost reply', async () => {
    const { server, browser, tab } = await signedIn({ attempts: brokenStore })
    browser.network = loseReply
    expect(await tab.client.refresh()).toMatchObject({ status: 'stale' })
    browser.network = sound
    server.passTime(29)
    expect(await tab.client.refresh()).toMatchObject({ status: 'active', generation: 1 })
    browser.network = loseReply
    await tab.client.refresh()
    browser.network = sound
    server.passTime(31)
    expect(await tab.client.refresh()).toEqual({ status: 'signed-out', reason: 'replay' })
  })

  test('a store that hangs is done without after 2 s', async () => {
    const { browser, tab } = await signedIn({ attempts: { ...brokenStore, claim: () => new Promise(() => {}) } })
    const timeout = AbortSignal.timeout.bind(AbortSignal)
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((milliseconds) =>
      milliseconds === 2_000 ? AbortSignal.abort() : timeout(milliseconds),
    )
    try {
      expect(await tab.client.refresh()).toMatchObject({ status: 'active' })
    } finally {
      vi.restoreAllMocks()
    }
    expect(browser.sent).toEqual(['POST /auth/refresh'])
  })

  test('the id is made for the generation that is presented, even if another tab moves the session meanwhile', async () => {
    const claimed: number[] = []
    let other: Tab | undefined
    const attempts: AttemptStore = {
      claim: async ({ generation }, candidate) => {
        claimed.push(generation)
        if (generation === 0) await other?.client.refresh()
        return candidate
      },
      forget: async () => {},
    }
    const { browser, tab } = await signedIn({ attempts, access: 'memory' })
    other = browser.openTab()
    expect(await tab.client.refresh()).toMatchObject({ status: 'active', generation: 2 })
    expect(claimed).toEqual([0, 1])
  })
})

describe('several tabs of one browser', () => {
  test('T1.1: tabs that refresh at once end with one successor', async () => {
    const { browser, tab } = await signedIn()
    const tabs = [tab, ...Array.from({ length: 9 }, () => browser.openTab())]
    const sessions = await Promise.all(tabs.map(({ client }) => client.refresh()))
    expect(sessions.map((session) => session.status)).toEqual(tabs.map(() => 'active'))
    expect(await tab.client.session()).toMatchObject({ status: 'active', generation: 1 })
  })

  test('superseded is no sign-out: what the other tab fetched is taken up', async () => {
    const { browser, tab } = await signedIn()
    const other = browser.openTab()
    let refreshed = false
    browser.network = async (_request, proceed) => {
      if (refreshed) return proceed()
      refreshed = true
      await other.client.refresh()
      return Response.json({ error: 'invalid_grant', reason: 'superseded' }, { status: 400 })
    }
    expect(await tab.client.refresh()).toMatchObject({ status: 'active', generation: 2 })
  })

  test("another tab's renewal is used: no second one, neither before sending nor after a 401", async () => {
    const { server, browser, tab } = await signedIn()
    const other = browser.openTab()
    await other.client.session()
    server.passTime(900)
    tab.passTime(900)
    other.passTime(900)
    expect((await other.client.fetch('/api/notes')).status).toBe(200)
    expect((await tab.client.fetch('/api/notes')).status).toBe(200)
    expect(countSent(browser, 'POST /auth/refresh')).toBe(1)
  })

  test('T2.4: a jar that a late reply turned back is healed by the next request, once', async () => {
    const { server, browser, tab } = await signedIn()
    const early = browser.cookies().map(String)
    await tab.client.refresh()
    expect(await tab.client.refresh()).toMatchObject({ generation: 2 })
    for (const cookie of early) browser.jar.setCookieSync(cookie, 'https://app.example/auth/refresh')
    expect(browser.readableCookies()).toContain('.0.')
    expect((await tab.client.fetch('/api/notes')).status).toBe(200)
    await until(() => browser.readableCookies().includes('.2.'))
    expect(await tab.client.session()).toMatchObject({ status: 'active', generation: 2 })
    await tab.client.fetch('/api/notes')
    expect(countSent(browser, 'POST /auth/refresh')).toBe(3)
    server.passTime(60)
    expect(await tab.client.refresh()).toMatchObject({ status: 'active', generation: 3 })
  })

  test("T2.4: a tab's own late reply that turns the jar back is healed, too", async () => {
    const { browser, tab } = await signedIn()
    const other = browser.openTab()
    await other.client.session()
    const late = Promise.withResolvers<void>()
    browser.network = async (request, proceed) => {
      const response = await proceed()
      if (request.url.endsWith('/auth/refresh')) await late.promise
      return response
    }
    const refreshing = tab.client.refresh()
    await until(() => countSent(browser, 'POST /auth/refresh') === 1)
    browser.network = sound
    expect(await other.client.refresh()).toMatchObject({ generation: 1 })
    expect(await other.client.refresh()).toMatchObject({ generation: 2 })
    expect(await tab.client.session()).toMatchObject({ generation: 2 })
    late.resolve()
    await refreshing
    expect(browser.readableCookies()).toContain('.1.')
    expect((await tab.client.fetch('/api/notes')).status).toBe(200)
    await until(() => browser.readableCookies().includes('.2.'))
    expect(await tab.client.session()).toMatchObject({ status: 'active', generation: 2 })
  })

  test('T2.4: a jar that cannot be healed does not cause a refresh per request', async () => {
    const { browser, tab } = await signedIn()
    const early = browser.cookies().map(String)
    await tab.client.refresh()
    for (const cookie of early) browser.jar.setCookieSync(cookie, 'https://app.example/auth/refresh')
    browser.network = async (_request, proceed) => {
      const response = await proceed()
      response.headers.delete('Set-Cookie')
      return response
    }
    for (let call = 0; call < 5; call += 1) {
      expect((await tab.client.fetch('/api/notes')).status).toBe(200)
      await until(() => countSent(browser, 'POST /auth/refresh') === 2)
      expect(await tab.client.session()).toMatchObject({ status: 'active' })
    }
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    expect(countSent(browser, 'POST /auth/refresh')).toBe(2)
  })
})
