import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { expectNotStored, expectRefusal } from './running-server/expectations.ts'
import { signIn } from './running-server/first-party-calls.ts'
import { sendTo } from './running-server/http-request.ts'
import { basic } from './running-server/registered-clients.ts'
import { refreshGrantReply } from './running-server/replies.ts'
import { engines, type ServerWishes, type StartedServer, startServer } from './running-server/started-server.ts'

const day = 86_400

/** What the reply to a registration holds (RFC 7591 section 3.2.1, RFC 7592 section 3). */
const registrationReply = z.strictObject({
  client_id: z.string().regex(/^dyn_[\w-]{22}$/),
  client_id_issued_at: z.int(),
  client_secret: z
    .string()
    .regex(/^[\w-]{43}$/)
    .optional(),
  client_secret_expires_at: z.literal(0).optional(),
  registration_access_token: z.string().regex(/^pawl_reg_[\w-]{43}$/),
  registration_client_uri: z.url(),
  client_name: z.string().optional(),
  redirect_uris: z.array(z.string()),
  grant_types: z.array(z.string()),
  response_types: z.array(z.string()),
  token_endpoint_auth_method: z.string(),
  scope: z.string(),
})

const metadata = {
  client_name: 'Notes',
  redirect_uris: ['https://app.example/back'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
}

const configuration = { clientRegistration: true, openClientScopes: ['read', 'write'] }

function open(wishes: ServerWishes = {}): Promise<StartedServer> {
  return startServer({ configuration, ...wishes })
}

function register(server: StartedServer, more: Readonly<Record<string, unknown>> = {}) {
  return server.send('/oauth/register', { json: { ...metadata, ...more } })
}

async function registered(server: StartedServer, more: Readonly<Record<string, unknown>> = {}) {
  const reply = await register(server, more)
  expect(reply.status, reply.text).toBe(201)
  return reply.read(registrationReply)
}

/** Whether somebody is still a client: any endpoint tells. */
async function isKnown(server: StartedServer, id: string): Promise<boolean> {
  return (await server.send('/oauth/revoke', { form: { token: 'x', client_id: id } })).status === 200
}

describe.each(engines)('DC-1 rfc7591-3: registering oneself on %s', (engine) => {
  test('gives an id, a secret where the method has one, and what holds from now on', async () => {
    await using server = await open({ engine, basePath: '/id' })
    const reply = await register(server, { scope: 'read admin' })
    expect(reply.status).toBe(201)
    expectNotStored(reply)
    const made = reply.read(registrationReply)
    expect(made).toMatchObject({
      client_id_issued_at: Math.floor(server.clock.now() / 1000),
      client_secret_expires_at: 0,
      registration_client_uri: `${server.issuer}/oauth/register/${made.client_id}`,
      client_name: 'Notes',
      redirect_uris: metadata.redirect_uris,
      grant_types: expect.arrayContaining(['refresh_token']),
      token_endpoint_auth_method: 'client_secret_basic',
      scope: 'read',
    })
    const form = { token: 'x' }
    const right = await server.send('/oauth/revoke', { form, headers: basic(made.client_id, made.client_secret ?? '') })
    expect(right.status).toBe(200)
    expectRefusal(await server.send('/oauth/revoke', { form, headers: basic(made.client_id, 'x') }), 'invalid_client')
    // What is secret is neither kept nor logged.
    const written = server.log.join() + JSON.stringify(await server.storage.listClients())
    expect(written).not.toContain(made.client_secret)
    expect(written).not.toContain(made.registration_access_token)
  })

  test('DC-2 rfc7592-2: its token reads and withdraws it, and ends its sessions; nothing else does', async () => {
    let id = ''
    await using server = await open({ engine, through: forClient(() => id) })
    const made = await registered(server, { token_endpoint_auth_method: 'none' })
    id = made.client_id
    expect(made).not.toHaveProperty('client_secret')
    const path = `/oauth/register/${id}`
    const bearer = made.registration_access_token
    const { registration_access_token: _, registration_client_uri: __, ...shown } = made
    expect((await server.send(path, { bearer })).read(z.unknown())).toEqual(shown)
    const session = await signIn(server)

    const other = await registered(server, { token_endpoint_auth_method: 'none' })
    const wrong = await server.send(path, { bearer: other.registration_access_token })
    expectRefusal(wrong, 'invalid_token')
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/)
    expectRefusal(await server.send('/oauth/register/nobody', { bearer }), 'invalid_token')
    expectRefusal(await server.send('/oauth/register/first-party', { bearer }), 'invalid_token')
    expectRefusal(await server.send(path), 'authentication_required')
    expectRefusal(await server.send(path, { method: 'DELETE', bearer: 'x' }), 'invalid_token')
    expectRefusal(
      await server.send(path, { method: 'PUT', json: metadata, headers: { authorization: `Bearer ${bearer}` } }),
      'method_not_allowed',
    )

    expect((await server.send(path, { method: 'DELETE', bearer })).status).toBe(204)
    expect((await server.storage.readSession(session.session_id)).session).toMatchObject({
      revokedReason: 'client_removed',
    })
    expectRefusal(await server.send(path, { bearer }), 'invalid_token')
    expect(await isKnown(server, id)).toBe(false)
    expect(await isKnown(server, other.client_id)).toBe(true)
  })

  test('T18.4 one that nothing came of is forgotten after 24 hours, and its row goes', async () => {
    const beats: (() => Promise<void> | undefined)[] = []
    const repeat = (_: number, task: () => Promise<void> | undefined) => {
      beats.push(task)
      return () => undefined
    }
    await using server = await open({ engine, configuration: { ...configuration, repeat } })
    const { client_id } = await registered(server, { token_endpoint_auth_method: 'none' })
    server.clock.advanceSeconds(day - 1)
    expect(await isKnown(server, client_id)).toBe(true)
    server.clock.advanceSeconds(1)
    expect(await isKnown(server, client_id)).toBe(false)
    expect(await server.storage.listClients()).toHaveLength(1)
    for (const beat of beats) await beat()
    expect(await server.storage.listClients()).toEqual([])
  })

  test('T18.4 one that is used stays for 30 days after its last use, and so do its sessions', async () => {
    let id = ''
    await using server = await open({ engine, through: forClient(() => id) })
    const made = await registered(server, { token_endpoint_auth_method: 'none' })
    id = made.client_id
    let { refresh_token } = await signIn(server)
    const refresh = async () => {
      const form = { grant_type: 'refresh_token', refresh_token, client_id: id }
      refresh_token = (await server.send('/oauth/token', { form })).read(refreshGrantReply).refresh_token
    }
    for (const days of [0.9, 29, 29]) {
      server.clock.advanceSeconds(days * day)
      await refresh()
    }
    server.clock.advanceSeconds(30 * day)
    expect(await isKnown(server, id)).toBe(true)
    server.clock.advanceSeconds(day)
    expect(await isKnown(server, id)).toBe(false)
  })

  test('T18.4 a flood from one address is spaced out, and nobody else waits for it', async () => {
    await using server = await open({ engine, configuration: { ...configuration, trustedProxies: '127.0.0.1' } })
    const from = (address: string) =>
      server.send('/oauth/register', { json: metadata, headers: { 'x-forwarded-for': address } })
    for (let index = 0; index < 30; index += 1) expect((await from('198.51.100.7')).status).toBe(201)
    const refused = await from('198.51.100.7')
    expectRefusal(refused, 'too_many_requests', 'too_many_registrations')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await from('198.51.100.8')).status).toBe(201)
    server.clock.advanceSeconds(Number(refused.headers.get('retry-after')))
    expect((await from('198.51.100.7')).status).toBe(201)
    expectRefusal(await from('198.51.100.7'), 'too_many_requests', 'too_many_registrations')
  })
})

/** Has every sign-in open a session of a client that is known later only. */
function forClient(id: () => string): NonNullable<ServerWishes['through']> {
  return (storage) => ({
    ...storage,
    openSession: (session, event) => storage.openSession({ ...session, clientId: id() }, event),
  })
}

describe('DC-1 rfc7591-3.2.2: what is refused', () => {
  test('metadata that does not do, each by its code; nothing is stored', async () => {
    await using server = await open()
    const refusals = [
      [{ redirect_uris: ['http://app.example/back'] }, 'invalid_redirect_uri'],
      [{ redirect_uris: ['https://app.example/#part'] }, 'invalid_redirect_uri'],
      [{ redirect_uris: 'https://app.example/back' }, 'invalid_redirect_uri'],
      [{ grant_types: ['client_credentials'] }, 'invalid_client_metadata'],
      [{ grant_types: ['refresh_token'] }, 'invalid_client_metadata'],
      [{ response_types: ['token'] }, 'invalid_client_metadata'],
      [{ token_endpoint_auth_method: 'tls_client_auth' }, 'invalid_client_metadata'],
      [{ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://localhost/' }, 'invalid_client_metadata'],
    ] as const
    for (const [more, error] of refusals) expectRefusal(await register(server, more), error)
    expectRefusal(await server.send('/oauth/register', { json: [metadata] }), 'invalid_request', 'malformed_body')
    expectRefusal(await server.send('/oauth/register', { form: { a: 'b' } }), 'unsupported_media_type')
    expectRefusal(await server.send('/oauth/register', { json: { x: 'x'.repeat(65_536) } }), 'payload_too_large')
    expect(await server.storage.listClients()).toEqual([])
  })

  test('T18.4 everything, by default: the endpoint is not there, and the metadata does not name it', async () => {
    await using closed = await startServer()
    expectRefusal(await register(closed), 'not_found')
    expectRefusal(await closed.send('/oauth/register/dyn_x', { bearer: 'x' }), 'not_found')
    expectRefusal(await closed.send('/oauth/register/dyn_x', { method: 'DELETE', bearer: 'x' }), 'not_found')
    await using server = await open()
    const endpoint = async ({ issuer, origin }: StartedServer) => {
      const reply = await sendTo(`${origin}/.well-known/oauth-authorization-server`)
      return {
        issuer,
        endpoint: reply.read(z.looseObject({ registration_endpoint: z.url().optional() })).registration_endpoint,
      }
    }
    expect(await endpoint(closed)).toEqual({ issuer: closed.issuer, endpoint: undefined })
    expect(await endpoint(server)).toEqual({ issuer: server.issuer, endpoint: `${server.issuer}/oauth/register` })
  })

  test('G-7 no origin: a page anywhere may register itself, without credentials', async () => {
    await using server = await open()
    const headers = { origin: 'https://app.example', 'access-control-request-method': 'DELETE' }
    const preflight = await server.send('/oauth/register/x', { method: 'OPTIONS', headers })
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    expect(preflight.headers.get('access-control-allow-methods')).toContain('DELETE')
    expect(preflight.headers.has('access-control-allow-credentials')).toBe(false)
  })
})
