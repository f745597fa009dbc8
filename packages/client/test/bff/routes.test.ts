import { createBff } from '@pawl/client/bff'
import { memorySessions } from '@pawl/client/bff/memory-sessions'
import { describe, expect, test } from 'vitest'
import { issuer, startIssuer } from '../started-issuer.ts'
import { type StartedBff, sentTo, shopOrigin, startBff } from './started-bff.ts'

const api = 'https://api.example'

/** An application whose API answers with whatever the test wants. */
async function withApi(answer: (request: Request) => Response | Promise<Response>): Promise<StartedBff> {
  const app = startBff(await startIssuer(), {
    routes: [
      { path: '/api/', to: `${api}/v1/`, methods: ['GET', 'POST', 'DELETE'] },
      { path: '/api/reports/', to: `${api}/reports/` },
      { path: '/health', to: `${api}/internal/health` },
    ],
  })
  await app.signIn()
  app.network = async (request, proceed) => (request.url.startsWith(api) ? answer(request) : proceed())
  app.sent.length = 0
  return app
}

describe('BF-3 the cross-site rule', () => {
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, number])[] = [
    ['a page of the application', { 'Sec-Fetch-Site': 'same-origin' }, 200],
    ['and with its Origin', { 'Sec-Fetch-Site': 'same-origin', Origin: shopOrigin }, 200],
    ['a sibling subdomain', { 'Sec-Fetch-Site': 'same-site', Origin: 'https://blog.shop.example' }, 403],
    ['another site', { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://elsewhere.example' }, 403],
    ['an address typed by the user', { 'Sec-Fetch-Site': 'none' }, 403],
    ['a sandboxed frame', { 'Sec-Fetch-Site': 'same-origin', Origin: 'null' }, 403],
    ['an origin that only begins alike', { 'Sec-Fetch-Site': '', Origin: `${shopOrigin}.elsewhere.example` }, 403],
    ['the plain http twin', { 'Sec-Fetch-Site': '', Origin: 'http://shop.example' }, 403],
    ['an old browser, by its Origin', { 'Sec-Fetch-Site': '', Origin: shopOrigin }, 200],
    ['neither header', { 'Sec-Fetch-Site': '' }, 403],
  ]

  test('BF-3 CS-1 CS-2 only pages of the application’s own origin may ask, and read', async () => {
    const app = await withApi(() => Response.json({}))
    const cookie = app.cookie()
    const ask = async (path: string, method: string, headers: Readonly<Record<string, string>>) => {
      const request = new Request(shopOrigin + path, { method, headers: { ...headers, Cookie: cookie } })
      if (headers['Sec-Fetch-Site'] === '') request.headers.delete('Sec-Fetch-Site')
      const answer = await app.bff.fetch(request)
      expect(answer.headers.getSetCookie()).toEqual([])
      return answer
    }
    for (const [who, headers, status] of rows) {
      app.sent.length = 0
      const answers = [
        await ask('/bff/api/notes', 'GET', headers),
        await ask('/bff/api/notes', 'POST', headers),
        await ask('/bff/auth/session', 'GET', headers),
        await ask('/bff/auth/refresh', 'POST', headers),
      ]
      expect([who, ...answers.map((answer) => answer.status)]).toEqual([who, status, status, status, status])
      if (status !== 403) continue
      expect(await answers[0]?.json()).toMatchObject({ error: 'csrf_rejected' })
      expect(app.sent).toEqual([])
    }
  })

  test('BF-3 nobody is signed out or signed in from elsewhere', async () => {
    const app = await withApi(() => Response.json({}))
    const cross = { 'Sec-Fetch-Site': 'cross-site', 'Content-Type': 'application/json' }
    expect((await app.ask('/bff/auth/logout', { method: 'POST', headers: cross })).status).toBe(403)
    expect((await app.ask('/bff/auth/login', { method: 'POST', headers: cross, body: '{}' })).status).toBe(403)
    expect((await app.ask('/bff/auth/logout')).status).toBe(405)
    expect((await app.ask('/bff/auth/session')).status).toBe(200)
  })

  test('BF-3 a header may be demanded on top, which forces a preflight on every stranger', async () => {
    const app = startBff(await startIssuer(), { requiredHeader: 'X-Requested-By' })
    expect((await app.ask('/bff/auth/session')).status).toBe(403)
    expect((await app.ask('/bff/auth/session', { headers: { 'X-Requested-By': 'shop' } })).status).toBe(401)
  })
})

describe('BF-4 the allow-list', () => {
  test('BF-4 leads to the address that it names, query included, and nowhere else', async () => {
    const app = await withApi(() => Response.json({}))
    const asked = async (path: string, method = 'GET') => {
      app.sent.length = 0
      const { status } = await app.ask(path, { method })
      return [status, ...app.sent.map(({ url }) => url)]
    }
    expect(await asked('/bff/api/notes/1?q=%2F..%2F&x=//')).toEqual([200, `${api}/v1/notes/1?q=%2F..%2F&x=//`])
    expect(await asked('/bff/api/')).toEqual([200, `${api}/v1/`])
    expect(await asked('/bff/api/reports/may')).toEqual([200, `${api}/reports/may`])
    expect(await asked('/bff/health')).toEqual([200, `${api}/internal/health`])
    expect(await asked('/bff/api/caf%C3%A9%20noir')).toEqual([200, `${api}/v1/caf%C3%A9%20noir`])
    expect(await asked('/bff/health/more')).toEqual([404])
    expect(await asked('/bff/healthy')).toEqual([404])
    expect(await asked('/bff/api')).toEqual([404])
    expect(await asked('/bff/other')).toEqual([404])
    expect(await asked('/other')).toEqual([404])
    expect(await asked('/bff/api/notes', 'PUT')).toEqual([405])
    expect(await asked('/bff/api/reports/may', 'DELETE')).toEqual([405])
    expect(await asked('/bff/api/notes', 'HEAD')).toEqual([200, `${api}/v1/notes`])
  })

  /** Each as it would stand in the request line. */
  const attacks = [
    '/bff/api/../internal/health',
    '/bff/api/%2e%2e/internal/health',
    '/bff/api/%2E%2e/internal/health',
    '/bff/api/.%2e/internal/health',
    '/bff/api/..%2finternal/health',
    '/bff/api/..%2Finternal/health',
    '/bff/api/%2e%2e%2finternal',
    '/bff/api/..\\internal\\health',
    '/bff/api/..%5cinternal%5chealth',
    '/bff/api/%252e%252e/internal',
    '/bff/api/%252e%252e%252finternal',
    '/bff/api/..;/internal/health',
    '/bff/api/.%3b/internal',
    '/bff/api/..%00/internal',
    '/bff/api/notes%0d%0aHost:%20internal',
    '/bff/api//elsewhere.example/',
    '/bff/api///elsewhere.example/',
    '/bff/api/\\\\elsewhere.example/',
    '/bff/api/%2f%2felsewhere.example/',
    '/bff/api//@elsewhere.example',
    '/bff/api/notes/./../../internal',
    '/bff/api/notes%',
    '/bff/api/%c0%ae%c0%ae/internal%zz',
    '/bff/api/notes/..%c0%af..%25/',
  ]

  test('BF-4 no spelling of a path leaves the list', async () => {
    const app = await withApi(() => Response.json({}))
    const statuses = new Map<string, number>()
    for (const path of attacks) statuses.set(path, (await app.ask(path)).status)
    expect([...statuses].filter(([, status]) => status !== 400 && status !== 404)).toEqual([])
    expect(app.sent).toEqual([])
  })

  test('BF-4 a whole URL in the path, or a Host of another server, changes nothing', async () => {
    const app = await withApi(() => Response.json({}))
    await app.ask('/bff/api/https://elsewhere.example/', { headers: { Host: 'elsewhere.example' } })
    await app.ask('/bff/api/@elsewhere.example/', { headers: { 'X-Forwarded-Host': 'elsewhere.example' } })
    for (const { url, headers } of app.sent) {
      expect(new URL(url).origin).toBe(api)
      expect(headers.has('X-Forwarded-Host')).toBe(false)
    }
  })

  test.each([
    [{ path: 'api/', to: api }, 'begins with a slash'],
    [{ path: '/api/../', to: `${api}/` }, 'plain path'],
    [{ path: '/auth/', to: `${api}/` }, 'belongs to the BFF'],
    [{ path: '/api/', to: `${api}/v1` }, 'end in a slash'],
    [{ path: '/api/', to: 'ftp://api.example/' }, 'https URL'],
    [{ path: '/api/', to: 'https://user:pw@api.example/' }, 'credentials'],
    [{ path: '/api/', to: '/v1/' }, 'absolute URL'],
    [{ path: '/api/', to: `${api}/`, methods: ['GTE'] }, 'unknown method'],
  ])('BF-4 an entry that cannot be right is refused at once: %j', (route, text) => {
    const make = () => createBff({ issuer, origin: shopOrigin, sessions: memorySessions(), routes: [route] })
    expect(make).toThrow(text)
  })
})

describe('what passes through', () => {
  test('BF-1 the request goes without cookies and foreign credentials, with the access token', async () => {
    const app = await withApi(() => Response.json({}))
    await app.ask('/bff/api/notes', {
      method: 'POST',
      body: '{"text":"hello"}',
      headers: {
        Accept: 'application/json',
        Authorization: 'Bearer of-somebody-else',
        Connection: 'keep-alive, X-Hop',
        'Content-Type': 'application/json',
        'Keep-Alive': 'timeout=5',
        Origin: shopOrigin,
        'Proxy-Authorization': 'Basic eDp5',
        TE: 'trailers',
        'X-Forwarded-For': '10.0.0.1',
        'X-Hop': 'this connection only',
        'X-Note': 'kept',
      },
    })
    const [request] = sentTo(app, '/v1/notes')
    const [token] = app.tokens
    expect(Object.fromEntries(request?.headers ?? [])).toEqual({
      accept: 'application/json',
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'x-note': 'kept',
    })
  })

  test('BF-1 the answer comes without cookies and orders for the origin, and is nobody else’s to keep', async () => {
    const app = await withApi(
      () =>
        new Response('{}', {
          headers: [
            ['Access-Control-Allow-Origin', '*'],
            ['Clear-Site-Data', '"cookies"'],
            ['Connection', 'X-Hop'],
            ['Content-Type', 'application/json'],
            ['ETag', '"1"'],
            ['Set-Cookie', '__Host-pawl_session=planted; Secure; Path=/'],
            ['X-Hop', 'this connection only'],
          ],
        }),
    )
    const before = app.cookie()
    const answer = await app.ask('/bff/api/notes')
    expect(Object.fromEntries(answer.headers)).toEqual({
      'cache-control': 'no-store',
      'content-type': 'application/json',
      etag: '"1"',
      vary: 'Cookie',
    })
    expect(app.cookie()).toBe(before)
  })

  test.each([
    [null, 'no-store'],
    ['max-age=60', 'max-age=60, private'],
    ['public, max-age=60', 'public, max-age=60'],
    ['no-store', 'no-store'],
  ])('T14.1 Cache-Control %s of an API becomes %s', async (given, told) => {
    const app = await withApi(() => new Response('{}', { headers: given === null ? {} : { 'Cache-Control': given } }))
    expect((await app.ask('/bff/api/notes')).headers.get('Cache-Control')).toBe(told)
  })

  test('BF-4 a redirection is followed by the browser, within the list; the token goes nowhere else', async () => {
    let location = `${api}/v1/notes/2?x=1`
    const app = await withApi(() => new Response(null, { status: 302, headers: { Location: location } }))
    const answer = await app.ask('/bff/api/notes')
    expect([answer.status, answer.headers.get('Location')]).toEqual([302, '/bff/api/notes/2?x=1'])
    for (location of ['https://elsewhere.example/', `${api}/internal/`, '//elsewhere.example', `${api}/v1`]) {
      expect((await app.ask('/bff/api/notes')).headers.get('Location')).toBeNull()
    }
    expect(new Set(app.sent.map(({ url }) => url))).toEqual(new Set([`${api}/v1/notes`]))
  })

  test('T8.1 bodies stream both ways, before they are whole', async () => {
    const app = await withApi(
      (request) => new Response(request.body, { headers: { 'Content-Type': 'application/x-stream' } }),
    )
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body: readable, duplex: 'half' }
    const asked = app.ask('/bff/api/notes', init)
    const reader = (await asked).body?.getReader()
    for (const word of ['one', 'two']) {
      void writer.write(new TextEncoder().encode(word))
      expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(word)
    }
    await writer.close()
    expect((await reader?.read())?.done).toBe(true)
  })

  test('T5.1 an API that answers 503 is 503, one that is away is 502', async () => {
    const app = await withApi(() => new Response('busy', { status: 503, headers: { 'Retry-After': '9' } }))
    const busy = await app.ask('/bff/api/notes')
    expect([busy.status, busy.headers.get('Retry-After'), await busy.text()]).toEqual([503, '9', 'busy'])
    app.network = () => Promise.reject(new TypeError('connection refused'))
    const away = await app.ask('/bff/api/notes')
    expect([away.status, await away.json()]).toEqual([502, expect.objectContaining({ error: 'api_unavailable' })])
  })

  test('T8.1 T8.2 T8.3 an access token that the API refuses is renewed once; other refusals come as they are', async () => {
    let refuse: (request: Request) => boolean = () => true
    const challenge = (error: string) => ({ 'WWW-Authenticate': `Bearer realm="notes", error="${error}"` })
    let error = 'invalid_token'
    const app = await withApi((request) =>
      refuse(request) ? new Response(null, { status: 401, headers: challenge(error) }) : Response.json({}),
    )
    app.server.passTime(60)
    const [first = ''] = app.tokens
    refuse = (request) => request.headers.get('Authorization') === `Bearer ${first}`
    expect((await app.ask('/bff/api/notes')).status).toBe(200)
    expect(sentTo(app, '/auth/refresh')).toHaveLength(1)
    // An API that refuses whatever it gets does not move the session on and on.
    refuse = () => true
    for (let n = 0; n < 5; n += 1) expect((await app.ask('/bff/api/notes')).status).toBe(401)
    expect(sentTo(app, '/auth/refresh')).toHaveLength(1)
    app.server.passTime(60)
    // A body that is gone cannot be sent twice: the browser asks again, and the new token is there by then.
    expect((await app.ask('/bff/api/notes', { method: 'POST', body: 'x' })).status).toBe(401)
    expect(sentTo(app, '/auth/refresh')).toHaveLength(2)
    error = 'insufficient_user_authentication'
    app.server.passTime(60)
    expect((await app.ask('/bff/api/notes')).status).toBe(401)
    expect(sentTo(app, '/auth/refresh')).toHaveLength(2)
  })
})
