import { describe, expect, test, vi } from 'vitest'
import { type Browser, countSent, openBrowser, sound, until } from './browser.ts'
import { signedIn } from './signed-in.ts'
import { ada, apiOrigin, issuer, type StartedIssuer, startIssuer } from './started-issuer.ts'

const accessSeconds = 900
const refreshes = (browser: Browser) => countSent(browser, 'POST /auth/refresh')

/** The server's time runs (30 s of skew included), the page's does not, as in a page that slept: only a 401 tells it. */
function sleep(server: StartedIssuer): void {
  server.passTime(accessSeconds + 31)
}

describe('renewing after a 401', () => {
  test('T8.1: of 20 parallel requests without a good access cookie one refreshes, and each is sent again once', async () => {
    const { server, browser, tab } = await signedIn()
    sleep(server)
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        tab.client.fetch('/api/notes', { method: 'POST', body: `note ${index}` }),
      ),
    )
    const replies = await Promise.all(responses.map((response) => response.json()))
    expect(replies).toMatchObject(Array.from({ length: 20 }, (_, index) => ({ body: `note ${index}` })))
    expect(refreshes(browser)).toBe(1)
    expect(countSent(browser, 'POST /api/notes')).toBe(40)
  })

  test('T8.1: of 20 parallel requests with an expired bearer token one refreshes', async () => {
    const { server, browser, tab } = await signedIn({ access: 'memory', allowedOrigins: [issuer, apiOrigin] })
    sleep(server)
    const calls = Array.from({ length: 20 }, () => tab.client.fetch(`${apiOrigin}/api/notes`))
    const statuses = (await Promise.all(calls)).map((response) => response.status)
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 200))
    expect(refreshes(browser)).toBe(1)
  })

  test('T8.1: a request that is refused after somebody else renewed is sent again without another refresh', async () => {
    const { server, browser, tab } = await signedIn()
    sleep(server)
    const held = Promise.withResolvers<void>()
    browser.network = async (request, proceed) => {
      const response = await proceed()
      if (request.headers.get('x-slow') !== null) await held.promise
      return response
    }
    const slow = tab.client.fetch('/api/notes', { headers: { 'x-slow': '1' } })
    expect((await tab.client.fetch('/api/notes')).status).toBe(200)
    held.resolve()
    expect((await slow).status).toBe(200)
    expect(refreshes(browser)).toBe(1)
  })

  const bodies: readonly [string, () => NonNullable<RequestInit['body']>, string][] = [
    ['text', () => 'hello', 'hello'],
    ['parameters', () => new URLSearchParams({ a: 'b c' }), 'a=b+c'],
    ['a blob', () => new Blob(['hel', 'lo']), 'hello'],
    ['bytes', () => new TextEncoder().encode('hello'), 'hello'],
  ]
  test.each(bodies)('T8.1: a body that is %s is replayed', async (_name, body, text) => {
    const { server, tab } = await signedIn()
    sleep(server)
    const response = await tab.client.fetch('/api/notes', { method: 'POST', body: body() })
    expect(await response.json()).toMatchObject({ body: text })
  })

  test('T8.1: the body of a Request is replayed, also when it is a stream', async () => {
    const { server, tab } = await signedIn()
    sleep(server)
    const request = new Request(`${issuer}/api/notes`, { method: 'POST', body: streamOf('hello'), duplex: 'half' })
    expect(await (await tab.client.fetch(request)).json()).toMatchObject({ body: 'hello' })
  })

  test('T8.2: a 401 or 403 for another reason causes no refresh', async () => {
    const { browser, tab } = await signedIn()
    const vault = await tab.client.fetch('/api/vault')
    expect([vault.status, vault.headers.get('WWW-Authenticate')]).toEqual([
      403,
      expect.stringContaining('insufficient_scope'),
    ])
    const login = await tab.client.fetch('/auth/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...ada, password: 'wrong' }),
    })
    expect(login.status).toBe(401)
    for (const challenge of [
      'Basic realm="x"',
      'Bearer error="insufficient_user_authentication"',
      'Digest error="invalid_token"',
    ]) {
      browser.network = async () => new Response(null, { status: 401, headers: { 'WWW-Authenticate': challenge } })
      expect((await tab.client.fetch('/api/notes')).status).toBe(401)
    }
    expect(refreshes(browser)).toBe(0)
  })

  test('T8.2: where nobody is signed in a 401 is only passed on', async () => {
    const browser = openBrowser(await startIssuer())
    const { client } = browser.openTab()
    expect((await client.fetch('/api/notes')).status).toBe(401)
    expect(browser.sent).toEqual(['GET /api/notes'])
  })

  test('T8.3: a 401 after a good refresh is the answer, and the API that gives it gets no refresh per request', async () => {
    const { browser, tab } = await signedIn()
    browser.network = async (request, proceed) =>
      request.url.endsWith('/api/notes')
        ? new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } })
        : proceed()
    expect((await tab.client.fetch('/api/notes')).status).toBe(401)
    expect(browser.sent).toEqual(['GET /api/notes', 'POST /auth/refresh', 'GET /api/notes'])
    for (let call = 0; call < 10; call += 1) expect((await tab.client.fetch('/api/notes')).status).toBe(401)
    expect(refreshes(browser)).toBe(1)
    tab.passTime(60)
    await tab.client.fetch('/api/notes')
    expect(refreshes(browser)).toBe(2)
  })
})

describe('renewing before sending', () => {
  test('T20.2: with timers that never fire, an expired access token is renewed by the next request', async () => {
    const { server, browser, tab } = await signedIn()
    sleep(server)
    tab.passTime(accessSeconds)
    const before = vi.getTimerCount()
    expect((await tab.client.fetch('/api/notes')).status).toBe(200)
    expect(vi.getTimerCount()).toBe(before)
    expect(browser.sent).toEqual(['POST /auth/refresh', 'GET /api/notes'])
  })

  test('T20.2: an access token that is merely due is renewed beside the request, which does not wait', async () => {
    const { server, browser, tab } = await signedIn()
    server.passTime(850)
    tab.passTime(850)
    const hung = Promise.withResolvers<void>()
    browser.network = async (request, proceed) => {
      if (request.url.endsWith('/auth/refresh')) await hung.promise
      return proceed()
    }
    expect((await tab.client.fetch('/api/notes')).status).toBe(200)
    await until(() => refreshes(browser) === 1)
    hung.resolve()
    await tab.client.refresh()
    expect(refreshes(browser)).toBe(1)
  })

  test('an access token that is not due is left alone', async () => {
    const { browser, tab } = await signedIn()
    tab.passTime(400)
    await tab.client.fetch('/api/notes')
    expect(browser.sent).toEqual(['GET /api/notes'])
  })

  test('T8.1: a stream is sent once, after a renewal unless the access token is known to be fresh', async () => {
    const { server, browser, tab } = await signedIn()
    const send = () => tab.client.fetch('/api/notes', { method: 'POST', body: streamOf('hello'), duplex: 'half' })
    expect(await (await send()).json()).toMatchObject({ body: 'hello' })
    expect(browser.sent).toEqual(['POST /api/notes'])
    server.passTime(850)
    tab.passTime(850)
    expect(await (await send()).json()).toMatchObject({ body: 'hello' })
    expect(browser.sent.slice(1)).toEqual(['POST /auth/refresh', 'POST /api/notes'])
  })

  test('T8.1: a stream that could only end in a 401 is refused before anything is sent', async () => {
    const { browser, tab } = await signedIn()
    tab.passTime(accessSeconds)
    browser.network = async () => new Response('<h1>Bad gateway</h1>', { status: 502 })
    const sending = tab.client.fetch('/api/notes', { method: 'POST', body: streamOf('hello'), duplex: 'half' })
    await expect(sending).rejects.toMatchObject({ name: 'ClientError', code: 'body_not_replayable' })
    expect(browser.sent).toEqual(['POST /auth/refresh'])
  })

  test('a request whose caller gives up does not wait for the renewal', async () => {
    const { browser, tab } = await signedIn()
    tab.passTime(accessSeconds)
    browser.network = () => new Promise(() => {})
    const controller = new AbortController()
    const sending = tab.client.fetch('/api/notes', { signal: controller.signal })
    controller.abort(new Error('no longer wanted'))
    await expect(sending).rejects.toThrow('no longer wanted')
    expect(browser.sent).not.toContain('GET /api/notes')
  })
})

describe('which requests the session is for', () => {
  test('the access token goes to allowed origins and to no other, nor does their 401 cause a refresh', async () => {
    const { browser, tab } = await signedIn({ access: 'memory', allowedOrigins: [apiOrigin] })
    const authorizations: (string | null)[] = []
    browser.network = async (request) => {
      authorizations.push(request.headers.get('Authorization'))
      return new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } })
    }
    for (const url of [
      'https://evil.example/',
      'https://api.example.evil.example/',
      'http://api.example/',
      `${issuer}/api/notes`,
    ]) {
      expect((await tab.client.fetch(url)).status).toBe(401)
      expect((await tab.client.fetch(new Request(url))).status).toBe(401)
    }
    expect(new Set(authorizations)).toEqual(new Set([null]))
    expect(refreshes(browser)).toBe(0)
    browser.network = sound
    expect((await tab.client.fetch(new Request(`${apiOrigin}/api/notes`))).status).toBe(200)
  })

  test("a request with a credential of the application's own passes untouched", async () => {
    const { browser, tab } = await signedIn({ access: 'memory', allowedOrigins: [apiOrigin] })
    let seen: string | null = null
    browser.network = async (request) => {
      seen = request.headers.get('Authorization')
      return new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } })
    }
    await tab.client.fetch(`${apiOrigin}/api/notes`, { headers: { authorization: 'Bearer of the application' } })
    expect(seen).toBe('Bearer of the application')
    expect(refreshes(browser)).toBe(0)
  })

  test('what is no URL fails as with fetch', async () => {
    const { tab } = await signedIn()
    await expect(tab.client.fetch('http://')).rejects.toThrow(TypeError)
  })
})

function streamOf(text: string): ReadableStream<Uint8Array> {
  return new Blob([text]).stream()
}
