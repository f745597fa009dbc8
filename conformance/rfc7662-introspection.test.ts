import { describe, expect, test } from 'vitest'
import { expectNotStored, expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { activeReply, clientCredentialsReply, inactiveReply } from './running-server/replies.ts'
import { alice, engines, type StartedServer, startServer } from './running-server/started-server.ts'

describe.each(engines)('rfc7662-2: POST /oauth/introspect on %s', (engine) => {
  test('an active access token of one of its resources: what RFC 7662 section 2.2 lists (IN-1)', async () => {
    await using server = await startServer({ engine })
    const ask = await api(server)
    const session = await signIn(server)
    const reply = await ask(session.access_token)
    expect(reply.status).toBe(200)
    expectNotStored(reply)
    const now = Math.floor(server.clock.now() / 1000)
    expect(reply.read(activeReply)).toEqual({
      active: true,
      token_type: 'Bearer',
      iss: server.issuer,
      sub: session.user.id,
      username: alice.username,
      client_id: 'first-party',
      aud: server.issuer,
      sid: session.session_id,
      iat: now,
      iat_ms: server.clock.now() % 1000,
      exp: now + 900,
      auth_time: now,
      amr: ['pwd'],
      roles: ['admin'],
      jti: expect.any(String),
    })
  })

  test('a token of a client without a session is active until it expires or the client is removed', async () => {
    await using server = await startServer({ engine })
    const ask = await api(server)
    const registration = {
      id: 'robot',
      type: 'confidential',
      grants: ['client_credentials'],
      resources: [server.issuer],
    }
    const headers = basic('robot', await addClient(server, registration))
    const form = { grant_type: 'client_credentials' }
    const granted = (await server.send('/oauth/token', { form, headers })).read(clientCredentialsReply)
    expect((await ask(granted.access_token)).read(activeReply)).toMatchObject({ sub: 'robot', client_id: 'robot' })
    await server.pawl.administration.removeClient('robot')
    expect((await ask(granted.access_token)).read(inactiveReply)).toEqual({ active: false })
    server.clock.advanceMilliseconds(1)
    await addClient(server, registration)
    // Another client by the same id.
    expect((await ask(granted.access_token)).read(inactiveReply)).toEqual({ active: false })
    server.clock.advanceSeconds(900)
    expect((await ask(granted.access_token)).read(inactiveReply)).toEqual({ active: false })
  })

  const ends: Readonly<
    Record<string, (server: StartedServer, session: { session_id: string; refresh_token: string }) => Promise<unknown>>
  > = {
    'sign-out': (server, { refresh_token }) => server.send('/auth/logout', { json: { refresh_token } }),
    'an administrator': (server, { session_id }) => server.pawl.administration.revokeSession(session_id),
    'disabling the user': (server) => server.pawl.administration.disableUser(alice.username),
    'a new password': (server) => server.pawl.administration.setPassword(alice.username, 'copper-meadow-forty-one'),
    theft: async (server, { refresh_token }) => {
      await refresh(server, refresh_token)
      server.clock.advanceSeconds(30)
      await server.send('/auth/refresh', { json: { refresh_token } })
    },
    expiry: async (server) => server.clock.advanceSeconds(900),
    'roles that count at once (T22.1)': (server) =>
      server.pawl.administration.setRoles(alice.username, ['ops'], { applyNow: true }),
    'killing the key': async (server) => {
      const { signingKeys } = await server.pawl.administration.listKeys()
      for (const { kid } of signingKeys) await server.pawl.administration.killKey(kid)
    },
  }

  test.each(Object.entries(ends))('after %s it is exactly {"active":false} (IN-1, RV-2)', async (_, end) => {
    await using server = await startServer({ engine })
    const ask = await api(server)
    const session = await signIn(server)
    ;(await ask(session.access_token)).read(activeReply)
    await end(server, session)
    const reply = await ask(session.access_token)
    expect({ status: reply.status, text: reply.text }).toEqual({ status: 200, text: '{"active":false}' })
  })

  test('what is no access token for this caller is exactly {"active":false}, without a reason (IN-1)', async () => {
    await using server = await startServer({ engine })
    const ask = await api(server)
    const elsewhere = await api(server, 'stranger', ['https://stranger.example'])
    const nowhere = await api(server, 'nowhere', [])
    const session = await signIn(server)
    const [header = '', payload = ''] = session.access_token.split('.')
    const unsigned = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${payload}.`
    const replies = [
      ask(session.refresh_token),
      ask('nonsense'),
      ask('a.b.c'),
      ask(unsigned),
      ask(`${header}.${payload}.${'A'.repeat(86)}`),
      ask(`${session.access_token}\n`),
      elsewhere(session.access_token),
      nowhere(session.access_token),
    ]
    for (const reply of await Promise.all(replies)) {
      expect({ status: reply.status, text: reply.text }).toEqual({ status: 200, text: '{"active":false}' })
    }
  })

  test('only confidential clients may ask; everyone else is refused (IN-1)', async () => {
    await using server = await startServer({ engine })
    const { access_token: token } = await signIn(server)
    await addClient(server, { id: 'spa', type: 'public', resources: [server.issuer] })
    const secret = await addClient(server, { id: 'api', type: 'confidential', resources: [server.issuer] })
    const send = (form: Record<string, string>, headers = {}) => server.send('/oauth/introspect', { form, headers })
    expectRefusal(await send({ token }), 'invalid_client')
    expectRefusal(await send({ token, client_id: 'first-party' }), 'invalid_client')
    expectRefusal(await send({ token, client_id: 'spa' }), 'invalid_client')
    expectRefusal(await send({ token, client_id: 'api' }), 'invalid_client')
    expectRefusal(await send({ token }, { authorization: `Bearer ${token}` }), 'invalid_client')
    const wrong = await send({ token }, basic('api', 'wrong'))
    expectRefusal(wrong, 'invalid_client')
    expect(wrong.headers.get('www-authenticate')).toBe(`Basic realm="${server.issuer}"`)
    expectRefusal(await send({}, basic('api', secret)), 'invalid_request', 'missing_parameter')
    const inUrl = await server.send(`/oauth/introspect?token=${token}`, { form: {}, headers: basic('api', secret) })
    expectRefusal(inUrl, 'invalid_request', 'malformed_parameter')
  })

  test('asking changes nothing, however often', async () => {
    await using server = await startServer({ engine })
    const ask = await api(server)
    const session = await signIn(server)
    const before = await server.storage.readSession(session.session_id)
    for (let times = 0; times < 5; times += 1) await ask(session.refresh_token)
    for (let times = 0; times < 5; times += 1) await ask(session.access_token)
    expect(await server.storage.readSession(session.session_id)).toEqual(before)
  })
})

/** A resource server that may introspect tokens of its resources. */
async function api(
  server: StartedServer,
  id = 'api',
  resources: readonly string[] = [server.issuer],
): Promise<(token: string) => Promise<Reply>> {
  const headers = basic(id, await addClient(server, { id, type: 'confidential', resources }))
  return (token) => server.send('/oauth/introspect', { form: { token }, headers })
}
