import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { expectNotStored, expectRefusal } from './running-server/expectations.ts'
import { signIn } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { forgeRefreshToken } from './running-server/refresh-token-form.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import {
  activeReply,
  type BodyReply,
  inactiveReply,
  refreshGrantReply,
  tokenExchangeReply,
} from './running-server/replies.ts'
import { sessionsOf } from './running-server/sessions-of-a-client.ts'
import { type Engine, engines, type StartedServer, startServer } from './running-server/started-server.ts'
import { sessionRow, storedState } from './running-server/stored-state.ts'

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessType = 'urn:ietf:params:oauth:token-type:access_token'
const refreshType = 'urn:ietf:params:oauth:token-type:refresh_token'
const accessSeconds = 300
const resources = ['https://api.example/', 'https://files.example/'] as const

type Policy = 'rotating' | 'strict' | 'shared-store'

/** An application with a server of its own, whose sessions are opened for it: what an authorization endpoint will do. */
interface Application extends AsyncDisposable {
  readonly server: StartedServer
  readonly session: BodyReply
  readonly headers: { readonly authorization: string }
  readonly peek: (token: string, more?: Readonly<Record<string, string>>) => Promise<Reply>
  readonly rotate: (token: string, more?: Readonly<Record<string, string>>) => Promise<Reply>
  readonly row: () => ReturnType<typeof sessionRow>
}

async function startApplication(engine: Engine, policy: Policy = 'rotating'): Promise<Application> {
  const through = sessionsOf('web', { scope: ['read', 'write'], resources })
  const server = await startServer({ engine, through })
  const registration = { id: 'web', type: 'confidential', grants: ['refresh_token', exchange], policy, accessSeconds }
  const scopes = ['read', 'write', 'admin']
  const known = [...resources, 'https://other.example/']
  const headers = basic('web', await addClient(server, { ...registration, scopes, resources: known }))
  const session = await signIn(server)
  return {
    server,
    session,
    headers,
    peek: (token, more = {}) => {
      const form = { grant_type: exchange, subject_token: token, subject_token_type: refreshType, ...more }
      return server.send('/oauth/token', { form, headers })
    },
    rotate: (token, more = {}) =>
      server.send('/oauth/token', { form: { grant_type: 'refresh_token', refresh_token: token, ...more }, headers }),
    row: () => sessionRow(server.store, session.session_id),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

const claims = z.looseObject({ aud: z.union([z.string(), z.array(z.string())]), scope: z.string(), sid: z.string() })

function claimsOf(reply: Reply): z.infer<typeof claims> {
  const { access_token } = reply.read(tokenExchangeReply)
  return claims.parse(JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString()))
}

describe.each(engines)('rfc8693-2: a peek on %s', (engine) => {
  test('T2.5 TX-1 gives an access token, no refresh token, and moves nothing but its own counter', async () => {
    await using web = await startApplication(engine)
    const { server, session } = web
    const before = await web.row()
    server.clock.advanceSeconds(10)
    const reply = await web.peek(session.refresh_token)
    expect(reply.status, reply.text).toBe(200)
    expectNotStored(reply)
    expect(reply.read(tokenExchangeReply)).toMatchObject({ expires_in: accessSeconds, scope: 'read write' })
    expect(claimsOf(reply)).toMatchObject({
      iss: server.issuer,
      sub: session.user.id,
      client_id: 'web',
      sid: session.session_id,
      iat: Math.floor(server.clock.now() / 1000),
      iat_ms: server.clock.now() % 1000,
      exp: Math.floor(server.clock.now() / 1000) + accessSeconds,
    })
    expect(await web.row()).toEqual({ ...before, peeks: engine === 'memory' ? 1 : '1' })
    expect((await web.rotate(session.refresh_token)).status).toBe(200)
  })

  test('T2.5 is refused rotation_required once the last rotation is older than two access lifetimes', async () => {
    await using web = await startApplication(engine)
    const { server, session } = web
    server.clock.advanceSeconds(2 * accessSeconds - 1)
    expect((await web.peek(session.refresh_token)).status).toBe(200)
    server.clock.advanceSeconds(1)
    const before = await web.row()
    // Not invalid_grant: on that a client forgets its credential, and this one is as good as ever.
    expectRefusal(await web.peek(session.refresh_token), 'invalid_request', 'rotation_required')
    expect(await web.row()).toEqual(before)
    const rotated = (await web.rotate(session.refresh_token)).read(refreshGrantReply)
    expect((await web.peek(rotated.refresh_token)).status).toBe(200)
    server.clock.advanceSeconds(2 * accessSeconds)
    expectRefusal(await web.peek(rotated.refresh_token), 'invalid_request', 'rotation_required')
  })

  test('T2.5 with a superseded token: answered within the race window, theft outside of it', async () => {
    await using web = await startApplication(engine)
    const { server, session } = web
    const rotated = (await web.rotate(session.refresh_token)).read(refreshGrantReply)
    server.clock.advanceSeconds(29)
    expect((await web.peek(session.refresh_token)).status).toBe(200)
    server.clock.advanceSeconds(1)
    expectRefusal(await web.peek(session.refresh_token), 'invalid_request', 'replay')
    expectRefusal(await web.rotate(rotated.refresh_token), 'invalid_grant', 'replay')
    expectRefusal(await web.peek(rotated.refresh_token), 'invalid_request', 'replay')
  })

  test('T2.5 the attempt id of the rotation explains a superseded token here, too', async () => {
    await using web = await startApplication(engine)
    const attempt_id = 'a'.repeat(22)
    const { session, server } = web
    await web.rotate(session.refresh_token, { attempt_id })
    server.clock.advanceSeconds(200)
    expect((await web.peek(session.refresh_token, { attempt_id })).status).toBe(200)
    expectRefusal(await web.peek(session.refresh_token, { attempt_id: 'b'.repeat(22) }), 'invalid_request', 'replay')
  })

  test('T2.5 strict has no window for peeks either; shared-store refuses a late one and ends nothing', async () => {
    await using strict = await startApplication(engine, 'strict')
    await strict.rotate(strict.session.refresh_token)
    expectRefusal(await strict.peek(strict.session.refresh_token), 'invalid_request', 'replay')

    await using shared = await startApplication(engine, 'shared-store')
    const rotated = (await shared.rotate(shared.session.refresh_token)).read(refreshGrantReply)
    shared.server.clock.advanceSeconds(299)
    expect((await shared.peek(shared.session.refresh_token)).status).toBe(200)
    shared.server.clock.advanceSeconds(1)
    expectRefusal(await shared.peek(shared.session.refresh_token), 'invalid_request', 'superseded')
    expect((await shared.peek(rotated.refresh_token)).status).toBe(200)
  })

  test('narrows what the session has and never adds to it (TX-2)', async () => {
    await using web = await startApplication(engine)
    const { refresh_token } = web.session
    expect(claimsOf(await web.peek(refresh_token))).toMatchObject({ scope: 'read write', aud: resources })
    const narrowed = await web.peek(refresh_token, { scope: 'read', resource: resources[1] })
    expect(claimsOf(narrowed)).toMatchObject({ scope: 'read', aud: resources[1] })
    expect(narrowed.read(tokenExchangeReply).scope).toBe('read')
    const before = await web.row()
    // The client may have both, but this session was not granted them.
    expectRefusal(await web.peek(refresh_token, { scope: 'read admin' }), 'invalid_scope')
    expectRefusal(await web.peek(refresh_token, { resource: 'https://other.example/' }), 'invalid_target')
    expectRefusal(await web.peek(refresh_token, { audience: 'api' }), 'invalid_target')
    expect(await web.row()).toEqual(before)
  })

  test('mints nothing once the session has ended, and what it minted ends with it', async () => {
    await using web = await startApplication(engine)
    const { server, session, headers } = web
    await addClient(server, { id: 'api', type: 'confidential', secret: 's'.repeat(22), resources: [resources[0]] })
    const { access_token } = (await web.peek(session.refresh_token)).read(tokenExchangeReply)
    const ask = () =>
      server.send('/oauth/introspect', { form: { token: access_token }, headers: basic('api', 's'.repeat(22)) })
    ;(await ask()).read(activeReply)
    await server.send('/oauth/revoke', { form: { token: session.refresh_token }, headers })
    expectRefusal(await web.peek(session.refresh_token), 'invalid_request', 'logout')
    ;(await ask()).read(inactiveReply)
  })

  test('of a session that nobody used for too long says so', async () => {
    await using web = await startApplication(engine)
    web.server.clock.advanceSeconds(2_592_000)
    expectRefusal(await web.peek(web.session.refresh_token), 'invalid_request', 'idle_expired')
  })

  test('a hundred of them beside as many refreshes leave one living token and no verdict', async () => {
    await using web = await startApplication(engine)
    const { server, session } = web
    const calls = Array.from({ length: 200 }, (_, index) =>
      index % 2 === 0 ? web.peek(session.refresh_token) : web.rotate(session.refresh_token),
    )
    const replies = await Promise.all(calls)
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]))
    const { session: row } = await server.storage.readSession(session.session_id)
    expect(row).toMatchObject({ generation: 1, repeats: 99, revokedReason: null })
  })
})

describe.each(engines)('rfc8693-2.1: who and what is refused on %s', (engine) => {
  test('whoever does not prove to be the client of the session; the row stays bit-identical', async () => {
    await using web = await startApplication(engine)
    const { server, session } = web
    const form = { grant_type: exchange, subject_token: session.refresh_token, subject_token_type: refreshType }
    const registration = { type: 'confidential', scopes: ['read'] }
    const other = basic('other', await addClient(server, { ...registration, id: 'other', grants: [exchange] }))
    const poor = basic('poor', await addClient(server, { ...registration, id: 'poor', grants: ['refresh_token'] }))
    await addClient(server, { id: 'spa', type: 'public', grants: ['refresh_token'] })
    const before = await web.row()
    const send = (more: object, headers = {}) => server.send('/oauth/token', { form: { ...form, ...more }, headers })
    expectRefusal(await send({}, other), 'invalid_request', 'wrong_client')
    expectRefusal(await send({}, poor), 'unauthorized_client')
    expectRefusal(await send({ client_id: 'spa' }), 'unauthorized_client')
    expectRefusal(await send({ client_id: 'first-party' }), 'unauthorized_client')
    expectRefusal(await send({ client_id: 'web' }), 'invalid_client')
    expectRefusal(await send({}, basic('web', 'wrong')), 'invalid_client')
    expectRefusal(await send({}), 'invalid_client')
    expect(await web.row()).toEqual(before)
  })

  test('a public client: it cannot be registered for it, and one that got into the store is refused', async () => {
    await using web = await startApplication(engine)
    const { server, session } = web
    const registration = { id: 'spa', type: 'public', grants: [exchange] }
    expect(await server.pawl.administration.addClient(registration)).toMatchObject({ ok: false, field: 'grant' })
    await addClient(server, { id: 'spa', type: 'public', grants: ['refresh_token'] })
    const record = await server.storage.findClient('spa')
    if (record === undefined) throw new Error('the client was added')
    const event = { type: 'client_added', at: 0, actor: 'admin' } as const
    await server.storage.addClient({ ...record, id: 'planted', grants: [exchange] }, event)
    const form = { grant_type: exchange, subject_token: session.refresh_token, subject_token_type: refreshType }
    const reply = await server.send('/oauth/token', { form: { ...form, client_id: 'planted' } })
    expectRefusal(reply, 'unauthorized_client')
  })

  test('tokens that are none of the session’s own', async () => {
    await using web = await startApplication(engine)
    const { refresh_token, access_token } = web.session
    const before = await web.row()
    for (const token of [forgeRefreshToken(refresh_token), `${refresh_token}A`, access_token, 'x', ' ']) {
      expectRefusal(await web.peek(token), 'invalid_request', 'unknown_token')
    }
    expect(await web.row()).toEqual(before)
  })

  test('parameters that ask for something else', async () => {
    await using web = await startApplication(engine)
    const { server, session, headers } = web
    const before = await storedState(server)
    const subject = { subject_token: session.refresh_token, subject_token_type: refreshType }
    const refusals: readonly [Readonly<Record<string, string>>, 'missing_parameter' | 'malformed_parameter'][] = [
      [{}, 'missing_parameter'],
      [{ subject_token: session.refresh_token }, 'missing_parameter'],
      [{ subject_token_type: refreshType }, 'missing_parameter'],
      [{ ...subject, requested_token_type: refreshType }, 'malformed_parameter'],
      [{ ...subject, actor_token: session.access_token, actor_token_type: accessType }, 'malformed_parameter'],
      [{ ...subject, actor_token_type: accessType }, 'malformed_parameter'],
    ]
    for (const [form, reason] of refusals) {
      const reply = await server.send('/oauth/token', { form: { grant_type: exchange, ...form }, headers })
      expectRefusal(reply, 'invalid_request', reason)
    }
    expectRefusal(
      await web.peek(session.refresh_token, { attempt_id: 'short' }),
      'invalid_request',
      'malformed_attempt_id',
    )
    const twice = [['grant_type', exchange], ...Object.entries(subject), ...Object.entries(subject)] as const
    const repeated = await server.send('/oauth/token', { form: twice.map(([name, value]) => [name, value]), headers })
    expectRefusal(repeated, 'invalid_request', 'repeated_parameter')
    const path = `/oauth/token?subject_token=${session.refresh_token}`
    const inUrl = await server.send(path, { form: { grant_type: exchange, ...subject }, headers })
    expectRefusal(inUrl, 'invalid_request', 'malformed_parameter')
    expect(await storedState(server)).toEqual(before)
    expect(server.log.join('')).not.toContain(session.refresh_token)
    expect((await web.peek(session.refresh_token, { requested_token_type: accessType })).status).toBe(200)
  })

  test('what became of each is counted', async () => {
    await using web = await startApplication(engine)
    await web.peek(web.session.refresh_token)
    web.server.clock.advanceSeconds(2 * accessSeconds)
    await web.peek(web.session.refresh_token)
    const { text } = await web.server.send('/metrics')
    expect(text).toContain('pawl_peeks_total{outcome="peek"} 1')
    expect(text).toContain('pawl_peeks_total{outcome="rotation_required"} 1')
  })
})
