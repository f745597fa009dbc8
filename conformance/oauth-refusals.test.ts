import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { signIn, tryRefresh } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { type BodyReply, errorReply, inactiveReply } from './running-server/replies.ts'
import { engines, faultsIn, type StartedServer, startServer } from './running-server/started-server.ts'
import { storedState } from './running-server/stored-state.ts'

const paths = ['/oauth/token', '/oauth/revoke', '/oauth/introspect']
const formType = { 'content-type': 'application/x-www-form-urlencoded' }
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const secret = 'x'.repeat(30)

const malformed: readonly (readonly [string, string | Uint8Array<ArrayBuffer>])[] = [
  ['a lone continuation byte', Uint8Array.from([0x61, 0x3d, 0x80])],
  ['an overlong slash', Uint8Array.from([0x61, 0x3d, 0xc0, 0xaf])],
  ['a surrogate in UTF-8', Uint8Array.from([0x61, 0x3d, 0xed, 0xa0, 0x80])],
  ['UTF-16', Uint8Array.from([0xff, 0xfe, 0x61, 0x00, 0x3d, 0x00])],
  ['an escaped continuation byte', 'token=%80'],
  ['an escaped overlong slash', 'token=%c0%af'],
  ['an escaped surrogate', 'token=%ed%a0%80'],
  ['an escaped byte in a name', 'to%ffken=x'],
  ['an escaped NUL', 'token=a%00b'],
  ['a bare NUL', 'token=a\0b'],
]

/** Values that have driven stores and parsers mad. */
const hostileValues = [
  ' ',
  'x'.repeat(60_000),
  '\ufeff',
  '\u202e',
  "' OR 1=1 --",
  '"; DROP TABLE sessions; --',
  '../../etc/passwd',
  '%00',
  '%',
  '\r\nSet-Cookie: a=b',
  '{"$gt":""}',
  '[object Object]',
  '-1',
  '1e999',
  'NaN',
  'null',
  '__proto__',
  'constructor',
  'pawl_rt_',
  `pawl_rt_${'A'.repeat(92)}`,
  'a.b.c',
  `${'A'.repeat(20_000)}.${'A'.repeat(20_000)}.${'A'.repeat(10_000)}`,
  `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.`,
  `${Buffer.from(`{"alg":${'['.repeat(15_000)}`).toString('base64url')}.e30.AA`,
  `${Buffer.from('{"alg":"ES256","typ":"at+jwt","kid":"__proto__"}').toString('base64url')}.e30.AA`,
]

const parameters: Readonly<Record<string, readonly string[]>> = {
  '/oauth/token': [
    'grant_type',
    'client_id',
    'client_secret',
    'refresh_token',
    'attempt_id',
    'scope',
    'resource',
    'subject_token',
    'subject_token_type',
    'requested_token_type',
    'actor_token',
    'audience',
    'client_assertion',
    'client_assertion_type',
  ],
  '/oauth/revoke': ['token', 'token_type_hint', 'client_id', 'client_secret'],
  '/oauth/introspect': ['token', 'token_type_hint', 'client_id', 'client_secret'],
}

describe.each(engines)('hostile requests of clients on %s', (engine) => {
  let server: StartedServer
  let session: BodyReply
  let before: unknown

  beforeAll(async () => {
    server = await startServer({ engine, configuration: { trustedProxies: ['127.0.0.1'] }, faultsExpected: true })
    for (const auth of ['client_secret_basic', 'client_secret_post'] as const) {
      await addClient(server, {
        id: auth,
        type: 'confidential',
        auth,
        secret,
        grants: ['refresh_token', exchange],
        redirectUris: ['https://app.example/callback'],
        scopes: ['read'],
        resources: [server.issuer],
      })
    }
    session = await signIn(server)
    before = await storedState(server)
  })

  afterAll(async () => {
    // Nothing of all this changed anything, and nothing was logged as a fault.
    expect(await storedState(server)).toEqual(before)
    expect(faultsIn(server.log)).toEqual([])
    expect((await tryRefresh(server, session.refresh_token)).status).toBe(200)
    await server[Symbol.asyncDispose]()
  })

  test.each(malformed)(
    '%s is 400 invalid_request everywhere, for clients that are known and that are not',
    async (_, body) => {
      for (const path of paths) {
        for (const credentials of [basic('client_secret_basic', secret), basic('nobody', secret), {}]) {
          const reply = await server.send(path, { body, headers: { ...formType, ...credentials } })
          expectRefusal(reply, 'invalid_request', 'malformed_body')
        }
      }
    },
  )

  test.each(Object.entries(parameters))(
    'G-2 %s: each parameter twice is refused but `resource` and `audience`',
    async (path, names) => {
      for (const name of names) {
        const pairs = [...Object.entries(valid(path)).filter(([given]) => given !== name), [name, 'a'], [name, 'a']]
        const form = pairs.map(([key = '', value = '']) => [key, value] as const)
        const reply = await server.send(path, { form, headers: basic('client_secret_basic', secret) })
        if (name === 'resource') expectRefusal(reply, 'invalid_request', 'unknown_token')
        else if (name === 'audience') expectRefusal(reply, 'invalid_target')
        else expectRefusal(reply, 'invalid_request', 'repeated_parameter')
      }
    },
  )

  test.each(Object.entries(parameters))(
    '%s: hostile values of each parameter are answered from the table',
    async (path, names) => {
      for (const name of names) {
        for (const [index, value] of hostileValues.entries()) {
          // From another address each time, for a wrong secret is a failure.
          const address = { 'x-forwarded-for': `10.1.${index}.${names.indexOf(name)}` }
          const named = name === 'client_id' || name === 'client_secret'
          const credentials = named ? { client_id: 'client_secret_post', client_secret: secret } : {}
          const form = { ...valid(path), ...credentials, [name]: value }
          const headers = { ...address, ...(named ? {} : basic('client_secret_basic', secret)) }
          expectAnswered(path, await server.send(path, { form, headers }))
        }
      }
    },
  )

  test.each(hostileValues.map((value, index) => ({ value, index })))(
    'hostile value $index as client id, secret and whole of an Authorization header',
    async ({ value, index }) => {
      const address = { 'x-forwarded-for': `10.2.${index}.1` }
      const printable = /^[\x21-\x7e]+$/.test(value) && value.length < 10_000
      const headers = [
        ...(value.length < 5000 ? [basic(value, secret), basic('client_secret_basic', value)] : []),
        ...(printable ? [{ authorization: value }, { authorization: `Basic ${value}` }] : []),
      ]
      for (const path of paths) {
        for (const credentials of headers) {
          const reply = await server.send(path, { form: valid(path), headers: { ...address, ...credentials } })
          expectRefusal(reply, 'invalid_client')
        }
      }
    },
  )

  test('names of prototypes and of nested parameters are unknown ones: ignored', async () => {
    const hostile = [
      ['__proto__', 'x'],
      ['constructor', 'x'],
      ['toString', 'x'],
      ['hasOwnProperty', 'x'],
      ['token[]', session.access_token],
      ['token[a]', session.access_token],
      ['', 'x'],
    ] as const
    const form = [...Object.entries(valid('/oauth/introspect')), ...hostile]
    const reply = await server.send('/oauth/introspect', { form, headers: basic('client_secret_basic', secret) })
    expect(reply.read(inactiveReply)).toEqual({ active: false })
    const alone = await server.send('/oauth/introspect', {
      form: hostile,
      headers: basic('client_secret_basic', secret),
    })
    expectRefusal(alone, 'invalid_request', 'missing_parameter')
    expect(Object.hasOwn(Object.prototype, 'token')).toBe(false)
  })

  test('thousands of parameters, and thousands of resources, are read in no time', async () => {
    const headers = { ...formType, ...basic('client_secret_basic', secret) }
    const many = Array.from({ length: 7000 }, (_, index) => `p${index}=`).join('&')
    for (const path of paths) {
      const body = `${many}&${new URLSearchParams(valid(path))}`
      expectAnswered(path, await server.send(path, { body, headers }))
    }
    const resources = Array.from({ length: 6000 }, () => 'resource=a').join('&')
    const body = `${resources.slice(0, 60_000)}&${new URLSearchParams(valid('/oauth/token'))}`
    expectRefusal(await server.send('/oauth/token', { body, headers }), 'invalid_request', 'unknown_token')
  })

  test('1 MB is 413 at every address, whoever sends it', async () => {
    const body = `token=${'x'.repeat(1024 * 1024)}`
    for (const path of [...paths, '/auth/login', '/auth/refresh', '/auth/logout', '/auth/password']) {
      expectRefusal(await server.send(path, { body, headers: formType }), 'payload_too_large')
    }
  })

  test('hostile access tokens are 401 with a challenge at /auth/session', async () => {
    for (const value of hostileValues.filter(
      (hostile) => /^[A-Za-z0-9._~+/-]+$/.test(hostile) && hostile.length < 15_000,
    )) {
      const reply = await server.send('/auth/session', { bearer: value })
      expect(reply.read(errorReply).error).toBe('invalid_token')
      expect(reply.status).toBe(401)
      expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer /)
    }
  })

  function valid(path: string): Record<string, string> {
    if (path !== '/oauth/token') return { token: 'unknown' }
    const subject_token = `pawl_rt_${'A'.repeat(92)}`
    return { grant_type: exchange, subject_token, subject_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }
  }
})

/** Refused from the error table; where garbage is no error (RFC 7009 section 2.2, RFC 7662 section 2.2), 200. */
function expectAnswered(path: string, reply: Reply): void {
  if (reply.status === 200 && path !== '/oauth/token') return
  expect([400, 401, 403]).toContain(reply.status)
  expect(reply.read(errorReply).error).toMatch(/^[a-z_]+$/)
}
