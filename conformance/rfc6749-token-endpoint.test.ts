import type { ErrorCode, RefusalReason } from '@pawl/protocol'
import { describe, expect, test } from 'vitest'
import { expectNotStored, expectRefusal } from './running-server/expectations.ts'
import { sessionStatus, signIn } from './running-server/first-party-calls.ts'
import type { RequestLine } from './running-server/http-request.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { clientCredentialsReply, errorReply, refreshGrantReply } from './running-server/replies.ts'
import { engines, type StartedServer, startServer } from './running-server/started-server.ts'
import { storedState } from './running-server/stored-state.ts'

const post = { id: 'poster', type: 'confidential', auth: 'client_secret_post', grants: ['client_credentials'] } as const
const wellFormed = { grant_type: 'client_credentials', client_id: 'poster', client_secret: 'x'.repeat(30) }

function refreshForm(refreshToken: string): Record<string, string> {
  return { grant_type: 'refresh_token', client_id: 'first-party', refresh_token: refreshToken }
}

describe.each(engines)('rfc6749-6: the refresh grant on %s', (engine) => {
  test('200 with everything that RFC 6749 section 5.1 and RT-13 want, printable ASCII only (TK-1, TK-9)', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const reply = await server.send('/oauth/token', { form: refreshForm(session.refresh_token) })
    expect(reply.status).toBe(200)
    expect(reply.headers.get('content-type')).toMatch(/^application\/json\b/)
    expectNotStored(reply)
    const tokens = reply.read(refreshGrantReply)
    expect(reply.text).toMatch(/^[\x20-\x7e]+$/)
    expect(await sessionStatus(server, tokens.access_token)).toBe(200)
    const again = await server.send('/oauth/token', { form: refreshForm(session.refresh_token) })
    expect(again.read(refreshGrantReply).refresh_token).toBe(tokens.refresh_token)
  })

  test('attempt_id is one more parameter of it', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const form = { ...refreshForm(session.refresh_token), attempt_id: 'a'.repeat(22) }
    const first = (await server.send('/oauth/token', { form })).read(refreshGrantReply)
    server.clock.advanceSeconds(600)
    const again = (await server.send('/oauth/token', { form })).read(refreshGrantReply)
    expect(again.refresh_token).toBe(first.refresh_token)
    const malformed = await server.send('/oauth/token', { form: { ...form, attempt_id: 'short' } })
    expectRefusal(malformed, 'invalid_request', 'malformed_attempt_id')
  })

  test('a scope or a resource beyond what was granted is refused and nothing moves (RT-5)', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const before = await storedState(server)
    for (const scope of ['admin', 'a b', '"', 'caf\u00e9', '  ']) {
      const form = { ...refreshForm(session.refresh_token), scope }
      expectRefusal(await server.send('/oauth/token', { form }), 'invalid_scope')
    }
    for (const resource of ['https://api.example', 'no uri', `${server.issuer}/`]) {
      const form = { ...refreshForm(session.refresh_token), resource }
      expectRefusal(await server.send('/oauth/token', { form }), 'invalid_target')
    }
    expect(await storedState(server)).toEqual(before)
  })

  test('a refresh token that has ended or never was is invalid_grant with its reason', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    expectRefusal(
      await server.send('/oauth/token', { form: refreshForm('nonsense') }),
      'invalid_grant',
      'unknown_token',
    )
    await server.send('/auth/logout', { json: { refresh_token: session.refresh_token } })
    const ended = await server.send('/oauth/token', { form: refreshForm(session.refresh_token) })
    expectRefusal(ended, 'invalid_grant', 'logout')
    const missing = { grant_type: 'refresh_token', client_id: 'first-party' }
    expectRefusal(await server.send('/oauth/token', { form: missing }), 'invalid_request', 'missing_parameter')
  })
})

describe('rfc6749-5.2: what is refused at the token endpoint', () => {
  type Row = readonly [string, RequestLine, ErrorCode, RefusalReason?]
  const rows: readonly Row[] = [
    ['no parameter at all (TK)', { form: {} }, 'invalid_client'],
    ['a client and nothing else', { form: { client_id: 'first-party' } }, 'invalid_request', 'missing_parameter'],
    [
      'an empty grant_type counts as absent (G-2)',
      { form: { ...wellFormed, grant_type: '' } },
      'invalid_request',
      'missing_parameter',
    ],
    [
      'a parameter sent twice (G-2)',
      { form: [...Object.entries(wellFormed), ['grant_type', 'client_credentials']] },
      'invalid_request',
      'repeated_parameter',
    ],
    [
      'client_id sent twice (G-2)',
      { form: [...Object.entries(wellFormed), ['client_id', 'poster']] },
      'invalid_request',
      'repeated_parameter',
    ],
    [
      'scope sent twice (G-2)',
      { form: [...Object.entries(wellFormed), ['scope', 'a'], ['scope', 'a']] },
      'invalid_request',
      'repeated_parameter',
    ],
    ['an unknown grant type', { form: { ...wellFormed, grant_type: 'urn:example:none' } }, 'unsupported_grant_type'],
    [
      'the password grant (TK-8)',
      { form: { ...wellFormed, grant_type: 'password', username: 'a', password: 'b' } },
      'unsupported_grant_type',
    ],
    ['the implicit grant (TK-8)', { form: { ...wellFormed, grant_type: 'implicit' } }, 'unsupported_grant_type'],
    [
      'a grant the client has not',
      { form: { ...wellFormed, grant_type: 'refresh_token', refresh_token: 'x' } },
      'unauthorized_client',
    ],
    [
      'client_credentials of a public client (TK-7)',
      { form: { grant_type: 'client_credentials', client_id: 'first-party' } },
      'unauthorized_client',
    ],
    ['an unknown client', { form: { ...wellFormed, client_id: 'nobody' } }, 'invalid_client'],
    ['a wrong secret', { form: { ...wellFormed, client_secret: 'y'.repeat(30) } }, 'invalid_client'],
    ['no secret', { form: { grant_type: 'client_credentials', client_id: 'poster' } }, 'invalid_client'],
    ['an empty secret', { form: { ...wellFormed, client_secret: '' } }, 'invalid_client'],
    [
      'the other method than the registered one (CA-2)',
      { form: { grant_type: 'client_credentials' }, headers: basic('poster', 'x'.repeat(30)) },
      'invalid_client',
    ],
    ['a secret of a client without one', { form: { ...refreshForm('x'), client_secret: 'x' } }, 'invalid_client'],
    [
      'two methods at once (CA-1)',
      { form: wellFormed, headers: basic('poster', 'x'.repeat(30)) },
      'invalid_request',
      'conflicting_authentication',
    ],
    [
      'two client ids (TK-6)',
      { form: { grant_type: 'client_credentials', client_id: 'poster' }, headers: basic('basic', 'x'.repeat(30)) },
      'invalid_request',
      'conflicting_authentication',
    ],
    ['an unknown scope', { form: { ...wellFormed, scope: 'everything' } }, 'invalid_scope'],
    ['an unknown resource', { form: { ...wellFormed, resource: 'https://unknown.example' } }, 'invalid_target'],
    ['a JSON body (G-3)', { json: wellFormed }, 'invalid_request', 'malformed_body'],
    [
      'a text body (G-3)',
      { body: new URLSearchParams(wellFormed).toString(), headers: { 'content-type': 'text/plain' } },
      'invalid_request',
      'malformed_body',
    ],
    [
      'a body without a type (G-3)',
      { body: new URLSearchParams(wellFormed).toString() },
      'invalid_request',
      'malformed_body',
    ],
    [
      'bytes that are no UTF-8',
      { body: Uint8Array.from([0x61, 0x3d, 0xff]), headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      'invalid_request',
      'malformed_body',
    ],
    [
      'escapes that are no UTF-8',
      { body: 'grant_type=%ff%fe', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      'invalid_request',
      'malformed_body',
    ],
    ['a NUL', { form: { ...wellFormed, client_id: 'a\0b' } }, 'invalid_request', 'malformed_body'],
    ['more than 64 KiB', { form: { ...wellFormed, note: 'x'.repeat(70_000) } }, 'payload_too_large'],
  ]

  const cases = rows.map(([name, request, error, reason]) => ({ name, request, error, reason }))

  test.each(cases)('$name', async ({ request, error, reason }) => {
    await using server = await prepared()
    const reply = await server.send('/oauth/token', request)
    expectRefusal(reply, error, reason)
    // RFC 6749 section 5.2: 401 and a challenge where the client tried by the Authorization header, none elsewhere.
    const tried = request.headers?.['authorization'] !== undefined && error === 'invalid_client'
    expect(reply.headers.get('www-authenticate')).toBe(tried ? `Basic realm="${server.issuer}"` : null)
  })

  test('credentials in the URL are refused, right or wrong (G-3)', async () => {
    await using server = await prepared()
    for (const name of [
      'client_id',
      'client_secret',
      'refresh_token',
      'grant_type',
      'token',
      'access_token',
      'password',
    ]) {
      const reply = await server.send(`/oauth/token?${name}=x`, { form: wellFormed })
      expectRefusal(reply, 'invalid_request', 'malformed_parameter')
    }
  })

  test('other methods are 405 (G-3)', async () => {
    await using server = await prepared()
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH'] as const) {
      const reply = await server.send('/oauth/token', { method })
      expectRefusal(reply, 'method_not_allowed')
      expect(reply.headers.get('allow')).toBe('POST')
    }
  })

  test('a cookie is no credential here', async () => {
    await using server = await prepared()
    const session = await signIn(server)
    const headers = { cookie: `pawl_refresh=${session.refresh_token}; pawl_access=${session.access_token}` }
    const form = { grant_type: 'refresh_token', client_id: 'first-party' }
    expectRefusal(await server.send('/oauth/token', { form, headers }), 'invalid_request', 'missing_parameter')
  })

  test('unknown parameters, repeated or not, are ignored, and prototypes stay whole (G-2)', async () => {
    await using server = await prepared()
    const form = [...Object.entries(wellFormed), ['__proto__', 'x'], ['constructor', 'y'], ['colour', 'blue']] as const
    expect((await server.send('/oauth/token', { form })).status).toBe(200)
  })

  test('no description breaks the character rule, whatever the request held (G-5)', async () => {
    await using server = await prepared()
    for (const value of ['"', '\\', '\r\n', '\t', '\u00e9', '<script>']) {
      const reply = await server.send('/oauth/token', { form: { ...wellFormed, grant_type: value, scope: value } })
      expect(reply.read(errorReply).error_description).not.toContain(value)
    }
  })
})

describe.each(engines)('rfc6749-2.3: client authentication on %s', (engine) => {
  test('client_secret_basic takes ids and secrets form-urlencoded, every printable character (CA-2)', async () => {
    await using server = await startServer({ engine })
    const secret = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('')
    await addClient(server, { id: 'basic~client.one', type: 'confidential', secret, grants: ['client_credentials'] })
    const form = { grant_type: 'client_credentials' }
    const headers = basic('basic~client.one', secret)
    ;(await server.send('/oauth/token', { form, headers })).read(clientCredentialsReply)
    const named = { ...form, client_id: 'basic~client.one' }
    expect((await server.send('/oauth/token', { form: named, headers })).status).toBe(200)
    const raw = { authorization: `Basic ${btoa(`basic~client.one:${secret}`)}` }
    expectRefusal(await server.send('/oauth/token', { form, headers: raw }), 'invalid_client')
  })

  test.each(['Basic', 'Basic !!!', 'Basic bm9jb2xvbg==', 'Basic YTpi Yzpk', 'Bearer abc', 'Digest a="b"', 'basic'])(
    'a header like %j is 401 with the challenge',
    async (authorization) => {
      await using server = await startServer({ engine })
      const form = { grant_type: 'client_credentials' }
      const reply = await server.send('/oauth/token', { form, headers: { authorization } })
      expectRefusal(reply, 'invalid_client')
      expect(reply.headers.get('www-authenticate')).toBe(`Basic realm="${server.issuer}"`)
    },
  )

  test('a secret is kept nowhere but as a digest (CA-3)', async () => {
    await using server = await startServer({ engine })
    const secret = await addClient(server, { id: 'made', type: 'confidential', grants: ['client_credentials'] })
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(JSON.stringify(await server.storage.listClients())).not.toContain(secret)
    const form = { grant_type: 'client_credentials' }
    expect((await server.send('/oauth/token', { form, headers: basic('made', secret) })).status).toBe(200)
  })

  test('a removed client is unknown from then on', async () => {
    await using server = await startServer({ engine })
    await addClient(server, { ...post, secret: 'x'.repeat(30) })
    expect((await server.send('/oauth/token', { form: wellFormed })).status).toBe(200)
    await server.pawl.administration.removeClient('poster')
    expectRefusal(await server.send('/oauth/token', { form: wellFormed }), 'invalid_client')
  })
})

/** A server with a client of each kind. */
async function prepared(): Promise<StartedServer> {
  const server = await startServer()
  await addClient(server, { ...post, secret: 'x'.repeat(30) })
  await addClient(server, { id: 'basic', type: 'confidential', secret: 'x'.repeat(30), grants: ['client_credentials'] })
  return server
}
