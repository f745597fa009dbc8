import { describe, expect, test } from 'vitest'
import { addApp, callback, challengeOf, claimsOf, codeFor, redeem, sitDown } from './running-server/authorization.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { codeGrantReply, errorReply } from './running-server/replies.ts'
import { engines, type StartedServer, startServer } from './running-server/started-server.ts'

async function liveSessions(server: StartedServer): Promise<number> {
  const { sessions } = await server.storage.listSessions(100)
  return sessions.filter(({ clientId }) => clientId === 'app').length
}

function isActive(server: StartedServer, token: string): Promise<boolean> {
  return server.send('/oauth/userinfo', { bearer: token }).then(({ status }) => status === 200)
}

describe.each(engines)('the code grant on %s (RFC 6749 section 4.1)', (engine) => {
  test('TK-1 a code becomes an ordinary session, with all that a token response holds', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const code = await codeFor(sitDown(server), { nonce: 'once' })
    const reply = await redeem(server, code)
    expect(reply.status).toBe(200)
    expect(reply.headers.get('cache-control')).toContain('no-store')
    const tokens = reply.read(codeGrantReply)
    expect(tokens.scope).toBe('openid read')
    const access = claimsOf(tokens.access_token)
    expect(access).toMatchObject({
      iss: server.issuer,
      aud: ['https://api.example', 'https://files.example'],
      client_id: 'app',
      scope: 'openid read',
      amr: ['pwd'],
    })
    const form = { grant_type: 'refresh_token', client_id: 'app', refresh_token: tokens.refresh_token }
    const refreshed = (await server.send('/oauth/token', { form })).read(codeGrantReply)
    expect(await isActive(server, refreshed.access_token)).toBe(true)
    expect(claimsOf(refreshed.access_token)).toMatchObject({ sid: access['sid'], scope: 'openid read' })
    await server.send('/oauth/revoke', { form: { token: refreshed.refresh_token, client_id: 'app' } })
    expect(await isActive(server, refreshed.access_token)).toBe(false)
  })

  test('TK-2 TK-3 of 50 redemptions of one code at once one succeeds, and its session is ended by the others', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const code = await codeFor(sitDown(server))
    const replies = await Promise.all(Array.from({ length: 50 }, () => redeem(server, code)))
    const good = replies.filter(({ status }) => status === 200)
    expect(good).toHaveLength(1)
    for (const reply of replies.filter(({ status }) => status !== 200)) {
      expect(reply.status).toBe(400)
      expect(reply.read(errorReply)).toMatchObject({ error: 'invalid_grant', reason: 'unknown_code' })
    }
    expect(await liveSessions(server)).toBe(0)
  })

  test('TK-3 a second use that would have been good ends what came of the first: reason code_replayed', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const code = await codeFor(sitDown(server))
    const tokens = (await redeem(server, code)).read(codeGrantReply)
    server.clock.advanceSeconds(120)
    const again = await redeem(server, code)
    expect(again.status).toBe(400)
    expect(again.read(errorReply)).toMatchObject({ error: 'invalid_grant', reason: 'unknown_code' })
    const form = { grant_type: 'refresh_token', client_id: 'app', refresh_token: tokens.refresh_token }
    const refused = (await server.send('/oauth/token', { form })).read(errorReply)
    expect(refused).toMatchObject({ error: 'invalid_grant', reason: 'code_replayed' })
  })

  test('TK-3 a second use that is wrong in anything changes nothing', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    await addClient(server, { ...other, id: 'other' })
    const code = await codeFor(sitDown(server))
    const tokens = (await redeem(server, code)).read(codeGrantReply)
    const wrong = [
      { code_verifier: 'x'.repeat(43) },
      { code_verifier: undefined },
      { client_id: 'other' },
      { redirect_uri: 'https://app.example/other' },
    ]
    for (const more of wrong) expect((await redeem(server, code, more)).read(errorReply).error).toBe('invalid_grant')
    const form = { grant_type: 'refresh_token', client_id: 'app', refresh_token: tokens.refresh_token }
    expect((await server.send('/oauth/token', { form })).status).toBe(200)
  })

  test('TK-4 TK-5 TK-6 a first use that is wrong leaves the code good, and says what was wrong', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    await addClient(server, { ...other, id: 'other' })
    const code = await codeFor(sitDown(server))
    const wrong: readonly (readonly [Readonly<Record<string, string | undefined>>, string])[] = [
      [{ code_verifier: undefined }, 'wrong_code_verifier'],
      [{ code_verifier: 'x'.repeat(43) }, 'wrong_code_verifier'],
      [{ code_verifier: 'short' }, 'wrong_code_verifier'],
      [{ code_verifier: challengeOf('x') }, 'wrong_code_verifier'],
      [{ redirect_uri: `${callback}/` }, 'wrong_redirect_uri'],
      [{ redirect_uri: callback.toUpperCase() }, 'wrong_redirect_uri'],
      [{ client_id: 'other' }, 'wrong_client'],
      [{ code: code.slice(1) }, 'unknown_code'],
      [{ code: `${code.slice(1)}A` }, 'unknown_code'],
    ]
    for (const [more, reason] of wrong) {
      const reply = await redeem(server, code, more)
      expect(reply.status, reason).toBe(400)
      expect(reply.read(errorReply), JSON.stringify(more)).toMatchObject({ error: 'invalid_grant', reason })
    }
    // OAuth 2.1 section 10.2: a client may leave the redirect URI out.
    expect((await redeem(server, code, { redirect_uri: undefined })).status).toBe(200)
  })

  test('AZ-8 a code counts for 60 seconds', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    const [early, late] = [await codeFor(person), await codeFor(person)]
    server.clock.advanceSeconds(59)
    expect((await redeem(server, early)).status).toBe(200)
    server.clock.advanceSeconds(1)
    expect((await redeem(server, late)).read(errorReply).reason).toBe('unknown_code')
  })

  test('T18.2 RI-1 rfc8707-2.2 a resource asked for is the audience, exactly, and a token for another is refused by introspection', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    const one = await codeFor(person, { resource: 'https://files.example' })
    const beyond = await redeem(server, one, { resource: 'https://api.example' })
    expect(beyond.status).toBe(400)
    expect(beyond.read(errorReply).error).toBe('invalid_target')
    const tokens = (await redeem(server, one)).read(codeGrantReply)
    expect(claimsOf(tokens.access_token)['aud']).toBe('https://files.example')
    const both = await redeem(server, await codeFor(person), { resource: 'https://api.example' })
    expect(claimsOf(both.read(codeGrantReply).access_token)['aud']).toBe('https://api.example')

    const api = { id: 'api', type: 'confidential', resources: ['https://api.example'] }
    const headers = basic('api', await addClient(server, api))
    const asked = await server.send('/oauth/introspect', { form: { token: tokens.access_token }, headers })
    expect(asked.text).toBe('{"active":false}')
  })

  test('a code is worth nothing once its user signed out, was disabled, or took his consent back', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    const code = await codeFor(person)
    const [session] = (await server.storage.listSessions(10)).sessions
    await server.storage.endUserSessions({
      userId: session?.userId ?? '',
      now: server.clock.now(),
      reason: 'password_changed',
      event: { type: 'password_changed', at: server.clock.now(), actor: 'user' },
    })
    expect((await redeem(server, code)).read(errorReply).reason).toBe('unknown_code')

    const other = await codeFor(sitDown(server))
    await server.pawl.administration.disableUser('alice@example.com')
    expect((await redeem(server, other)).read(errorReply).error).toBe('invalid_grant')
    expect(await liveSessions(server)).toBe(0)
  })
})

const other = {
  id: 'other',
  type: 'public',
  redirectUris: [callback],
  grants: ['authorization_code', 'refresh_token'],
}

describe('the code grant', () => {
  test('CA-1 TK-6 a confidential client must prove itself, and a wrong proof costs nothing', async () => {
    await using server = await startServer()
    const secret = await addApp(server, { type: 'confidential' })
    const person = sitDown(server)
    const code = await codeFor(person)
    const unproven = await redeem(server, code)
    expect(unproven.status).toBe(401)
    expect(unproven.read(errorReply).error).toBe('invalid_client')
    const wrong = await redeem(server, code, { client_id: undefined }, basic('app', 'x'.repeat(43)))
    expect(wrong.status).toBe(401)
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Basic /)
    expect((await redeem(server, code, { client_id: undefined }, basic('app', secret))).status).toBe(200)
  })

  test('a client without the refresh grant gets no refresh token, and its session ends with the access token', async () => {
    await using server = await startServer()
    await addApp(server, { grants: ['authorization_code'] })
    const reply = await redeem(server, await codeFor(sitDown(server), { scope: 'read' }))
    const body = JSON.parse(reply.text)
    expect(new Set(Object.keys(body))).toEqual(new Set(['access_token', 'expires_in', 'scope', 'token_type']))
    expect(await liveSessions(server)).toBe(1)
    server.clock.advanceSeconds(900)
    expect(await liveSessions(server)).toBe(0)
  })

  test('TK table: a missing code is invalid_request, and a client without the grant is unauthorized_client', async () => {
    await using server = await startServer()
    await addApp(server)
    await addClient(server, { id: 'other', type: 'public', redirectUris: [callback], grants: ['refresh_token'] })
    const missing = await redeem(server, '', { code: undefined })
    expect([missing.status, missing.read(errorReply).error]).toEqual([400, 'invalid_request'])
    const unknown = await redeem(server, '', { code: 'x', client_id: 'other' })
    expect([unknown.status, unknown.read(errorReply).error]).toEqual([400, 'unauthorized_client'])
    const repeated = await server.send('/oauth/token', {
      form: [
        ['grant_type', 'authorization_code'],
        ['client_id', 'app'],
        ['code', 'a'],
        ['code', 'b'],
      ],
    })
    expect([repeated.status, repeated.read(errorReply).error]).toEqual([400, 'invalid_request'])
  })

  test('a code given to a client that was removed and registered anew is worth nothing', async () => {
    await using server = await startServer()
    await addApp(server)
    const code = await codeFor(sitDown(server))
    server.clock.advanceSeconds(1)
    await server.pawl.administration.removeClient('app')
    await addApp(server)
    expect((await redeem(server, code)).read(errorReply).reason).toBe('unknown_code')
  })

  test('SE-1 no code stands in a log line', async () => {
    await using server = await startServer()
    await addApp(server)
    const code = await codeFor(sitDown(server))
    await redeem(server, code)
    expect(server.log.length).toBeGreaterThan(3)
    expect(server.log.join('\n')).not.toContain(code)
  })
})
