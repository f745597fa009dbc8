import { describe, expect, test } from 'vitest'
import { expectNotStored, expectRefusal } from './running-server/expectations.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { clientCredentialsReply } from './running-server/replies.ts'
import { engines, type StartedServer, startServer } from './running-server/started-server.ts'

const resources = ['https://api.example', 'https://files.example']
const robot = {
  id: 'robot',
  type: 'confidential',
  grants: ['client_credentials'],
  scopes: ['read', 'write'],
  resources,
  accessSeconds: 120,
} as const

describe.each(engines)('rfc6749-4.4: client_credentials on %s', (engine) => {
  test('200 with an access token for the client itself and nothing to refresh (TK-7)', async () => {
    await using server = await startServer({ engine })
    const headers = basic('robot', await addClient(server, robot))
    const reply = await server.send('/oauth/token', { form: { grant_type: 'client_credentials' }, headers })
    expect(reply.status).toBe(200)
    expectNotStored(reply)
    const tokens = reply.read(clientCredentialsReply)
    expect(tokens).toMatchObject({ expires_in: 120, scope: 'read write' })
    const now = Math.floor(server.clock.now() / 1000)
    expect(claimsOf(tokens.access_token)).toEqual({
      iss: server.issuer,
      sub: 'robot',
      client_id: 'robot',
      aud: resources,
      scope: 'read write',
      iat: now,
      iat_ms: server.clock.now() % 1000,
      exp: now + 120,
      jti: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
    })
    expect((await server.storage.listSessions(10)).sessions).toEqual([])
  })

  test('its subject can never be that of a user (TK-7)', async () => {
    await using server = await startServer({ engine })
    const [user] = await server.storage.listUsers()
    const added = await server.pawl.administration.addClient({ ...robot, id: user?.id ?? '' })
    expect(added.ok).toBe(false)
    const free = await server.pawl.administration.addClient({ ...robot, id: 'usr_anything' })
    expect(free.ok).toBe(false)
  })

  test('scope and resource narrow what it gets, in the order asked for', async () => {
    await using server = await startServer({ engine })
    const ask = asking(server, await addClient(server, robot))
    expect(claimsOf((await ask([['scope', 'write']])).access_token)).toMatchObject({ scope: 'write', aud: resources })
    const one = await ask([['resource', resources[1] ?? '']])
    expect(claimsOf(one.access_token)).toMatchObject({ aud: resources[1] })
    const both = await ask(resources.toReversed().map((resource) => ['resource', resource] as const))
    expect(claimsOf(both.access_token)).toMatchObject({ aud: resources.toReversed() })
    expect((await ask([['scope', 'write read write']])).scope).toBe('write read')
  })

  test('beyond its registration it gets nothing', async () => {
    await using server = await startServer({ engine })
    const headers = basic('robot', await addClient(server, robot))
    const form = { grant_type: 'client_credentials' }
    for (const scope of ['read admin', 'READ', 'read  write', ' read']) {
      expectRefusal(await server.send('/oauth/token', { form: { ...form, scope }, headers }), 'invalid_scope')
    }
    for (const resource of ['https://api.example/', 'https://API.example', server.issuer]) {
      expectRefusal(await server.send('/oauth/token', { form: { ...form, resource }, headers }), 'invalid_target')
    }
  })

  test('a client without resources gets the default audience', async () => {
    await using server = await startServer({ engine, configuration: { audience: 'https://default.example' } })
    const secret = await addClient(server, { id: 'robot', type: 'confidential', grants: ['client_credentials'] })
    const reply = await asking(server, secret)([])
    expect(claimsOf(reply.access_token)).toMatchObject({ aud: 'https://default.example' })
    expect(reply.scope).toBeUndefined()
  })
})

function asking(server: StartedServer, secret: string) {
  return async (more: readonly (readonly [string, string])[]) => {
    const form = [['grant_type', 'client_credentials'] as const, ...more]
    const reply = await server.send('/oauth/token', { form, headers: basic('robot', secret) })
    return reply.read(clientCredentialsReply)
  }
}

function claimsOf(accessToken: string): unknown {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString())
}
