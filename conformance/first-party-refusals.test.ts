import { request as rawRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { type BodyReply, errorReply } from './running-server/replies.ts'
import { alice, engines, faultsIn, type StartedServer, startServer } from './running-server/started-server.ts'
import { storedState } from './running-server/stored-state.ts'

const bodies = [
  '/auth/login',
  '/auth/register',
  '/auth/refresh',
  '/auth/logout',
  '/auth/password',
  '/auth/logout-everywhere',
]

const malformed: readonly (readonly [string, string | Uint8Array<ArrayBuffer>])[] = [
  ['an open brace', '{'],
  ['half an object', '{"username":"alice@example.com","password":'],
  ['null', 'null'],
  ['an array', '[{"username":"alice@example.com"}]'],
  ['a string', '"username"'],
  ['a number', '42'],
  ['true', 'true'],
  ['a form', 'username=alice&password=x'],
  ['XML', '<login/>'],
  ['blanks', '   '],
  ['a trailing comma', '{"username":"a",}'],
  ['a comment', '{/* */}'],
  ['single quotes', "{'username':'a'}"],
  ['two documents', '{}{}'],
  ['a bare NUL', '\0'],
  ['a NUL inside a string', '{"username":"a\0b","password":"c"}'],
  ['a lone continuation byte', Uint8Array.from([0x7b, 0x22, 0x80, 0x22, 0x7d])],
  ['an overlong slash', Uint8Array.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d])],
  ['a surrogate in UTF-8', Uint8Array.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d])],
  ['UTF-16', Uint8Array.from([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00])],
  ['30,000 open brackets', '['.repeat(30_000)],
  ['30,000 nested arrays', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
]

/** Values that no member of ours takes; put in place of every known one in turn. */
const wrongValues: readonly unknown[] = [7, -1, 1.5, true, {}, [], [[]], { $gt: '' }, [null], null]

/** Strings of the right type that have driven stores and parsers mad. */
const hostileStrings = [
  '\0',
  'a\0b',
  '\ud800',
  '\udfff\ud800',
  '\u202ealice',
  "' OR 1=1 --",
  '"; DROP TABLE users; --',
  '%00',
  '../../etc/passwd',
  '{{7*7}}',
  '\r\nSet-Cookie: a=b',
  '\u{10ffff}'.repeat(2000),
  'NaN',
  '__proto__',
]

const members: Readonly<Record<string, readonly string[]>> = {
  '/auth/login': ['username', 'password', 'delivery', 'access'],
  '/auth/register': ['username', 'password', 'delivery', 'access'],
  '/auth/refresh': ['refresh_token', 'attempt_id', 'resource', 'access'],
  '/auth/logout': ['refresh_token'],
  '/auth/password': ['current_password', 'new_password'],
}

describe.each(engines)('hostile bodies on %s', (engine) => {
  let server: StartedServer
  let session: BodyReply
  let before: unknown

  beforeAll(async () => {
    server = await startServer({ engine, configuration: { registration: true }, faultsExpected: true })
    session = await signIn(server)
    before = await storedState(server)
  })

  afterAll(async () => {
    // Nothing of all this changed anything, and nothing was logged as a fault.
    expect(await storedState(server)).toEqual(before)
    expect((await tryRefresh(server, session.refresh_token)).status).toBe(200)
    await server[Symbol.asyncDispose]()
    expect(faultsIn(server.log)).toEqual([])
  })

  test.each(malformed)('%s is 400 invalid_request everywhere', async (_, body) => {
    for (const path of bodies) {
      const headers = { 'content-type': 'application/json' }
      expectRefusal(await server.send(path, { body, headers }), 'invalid_request', 'malformed_body')
    }
  })

  test.each(Object.entries(members))('%s: a member of another type is refused, never a fault', async (path, names) => {
    const valid: Record<string, Record<string, string>> = {
      '/auth/login': { ...alice },
      '/auth/register': { username: 'carol', password: 'marble-orchard-twelve' },
      '/auth/password': { current_password: alice.password, new_password: 'marble-orchard-twelve' },
    }
    for (const name of names) {
      for (const value of wrongValues) {
        const reply = await server.send(path, { json: { ...valid[path], [name]: value } })
        expectRefusal(reply, 'invalid_request', 'malformed_parameter')
      }
    }
  })

  test.each(Object.entries(members))(
    '%s: strings that hurt other servers are answered from the table',
    async (path, names) => {
      for (const name of names) {
        for (const value of hostileStrings) {
          const rest = path === '/auth/login' ? { username: 'nobody', password: 'wrong' } : {}
          const json = {
            ...rest,
            ...(path === '/auth/register' && { username: ' x', password: 'short' }),
            [name]: value,
          }
          const reply = await server.send(path, { json })
          if (path !== '/auth/logout' || reply.status !== 204)
            expectFromTable(reply.status, reply.read(errorReply).error)
        }
      }
    },
  )

  test('keys of prototypes are members like any other: unknown, ignored', async () => {
    const keys =
      '"__proto__":{"delivery":"body","username":"x"},"constructor":{"prototype":{"access":"memory"}},"toString":1'
    const headers = { 'content-type': 'application/json' }
    const wrong = await server.send('/auth/login', { body: `{${keys},"username":"nobody","password":"x"}`, headers })
    expectRefusal(wrong, 'invalid_credentials')
    const alone = await server.send('/auth/login', { body: `{${keys}}`, headers })
    expectRefusal(alone, 'invalid_request', 'missing_parameter')
    expect(Object.hasOwn(Object.prototype, 'delivery')).toBe(false)
  })

  test('numbers beyond every range are refused like other numbers', async () => {
    for (const number of ['1e999', '-1e999', '9'.repeat(400), '0.1e-999']) {
      const body = `{"username":${number},"password":"x"}`
      const reply = await server.send('/auth/login', { body, headers: { 'content-type': 'application/json' } })
      expectRefusal(reply, 'invalid_request', 'malformed_parameter')
    }
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json-patch+json',
    'application/jsonp',
    'application/xml',
    'text/json',
    'nonsense',
  ])('content type %s is 415', async (type) => {
    for (const path of bodies) {
      const reply = await server.send(path, { body: JSON.stringify(alice), headers: { 'content-type': type } })
      expectRefusal(reply, 'unsupported_media_type')
    }
  })

  test('a body without a content type is 415', async () => {
    expectRefusal(await server.send('/auth/login', { body: JSON.stringify(alice) }), 'unsupported_media_type')
  })

  test.each(['application/json;charset=utf-8', 'APPLICATION/JSON', 'application/json ; charset="utf-8"'])(
    'content type %s is JSON',
    async (type) => {
      const body = JSON.stringify({ username: 'nobody', password: 'x' })
      const reply = await server.send('/auth/login', { body, headers: { 'content-type': type } })
      expectRefusal(reply, 'invalid_credentials')
    },
  )

  test('64 KiB are read, one byte more is 413, with or without a declared length', async () => {
    const frame = JSON.stringify({ username: 'nobody', password: 'x', note: '' }).length
    const json = (bytes: number) => ({ username: 'nobody', password: 'x', note: 'x'.repeat(bytes - frame) })
    expectRefusal(await server.send('/auth/login', { json: json(65_536) }), 'invalid_credentials')
    expectRefusal(await server.send('/auth/login', { json: json(65_537) }), 'payload_too_large')
    expect(await sendInChunks(server, JSON.stringify(json(65_536)))).toBe(401)
    expect(await sendInChunks(server, JSON.stringify(json(65_537)))).toBe(413)
  })

  test('methods that an address does not answer are 405 with Allow, unknown addresses 404', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH'] as const) {
      const reply = await server.send('/auth/login', { method })
      expectRefusal(reply, 'method_not_allowed')
      expect(reply.headers.get('allow')).toBe('POST')
    }
    const reply = await server.send('/auth/session', { method: 'POST', json: {} })
    expectRefusal(reply, 'method_not_allowed')
    expect(reply.headers.get('allow')).toBe('GET, HEAD')
    for (const path of [
      '/auth',
      '/auth/',
      '/auth/login/',
      '/auth/Login',
      '/',
      '/auth/__proto__',
      '/auth/session/x',
      '//auth/login',
    ]) {
      expectRefusal(await server.send(path), 'not_found')
    }
  })

  test('Host is not looked at', async () => {
    for (const host of ['evil.example', 'localhost:1', '127.0.0.1', 'x'.repeat(200)]) {
      expect(await statusWithHost(server, host)).toBe(200)
    }
  })
})

function expectFromTable(status: number, error: string): void {
  expect({ status, error }).toEqual({
    status: expect.toSatisfy((code: number) => code >= 400 && code < 500),
    error: expect.stringMatching(/^[a-z_]+$/),
  })
}

/** Sends a body in chunks, so that its length is not told beforehand. */
async function sendInChunks(server: StartedServer, body: string): Promise<number> {
  const { port } = new URL(server.origin)
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
    const request = rawRequest(
      { host: '127.0.0.1', port, path: '/auth/login', method: 'POST', headers },
      (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

async function statusWithHost(server: StartedServer, host: string): Promise<number> {
  const { port } = new URL(server.origin)
  return new Promise((resolve, reject) => {
    const request = rawRequest({ host: '127.0.0.1', port, path: '/health/live', headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('error', reject)
    request.end()
  })
}
