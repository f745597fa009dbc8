import { describe, expect, test } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { forgeRefreshToken } from './running-server/refresh-token-form.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { clientCredentialsReply } from './running-server/replies.ts'
import { engines, type StartedServer, startServer } from './running-server/started-server.ts'
import { storedState } from './running-server/stored-state.ts'

describe.each(engines)('rfc7009-2: POST /oauth/revoke on %s', (engine) => {
  test.each([
    ['refresh_token', undefined],
    ['refresh_token', 'refresh_token'],
    ['refresh_token', 'access_token'],
    ['refresh_token', 'nonsense'],
    ['access_token', undefined],
    ['access_token', 'access_token'],
    ['access_token', 'refresh_token'],
  ] as const)('a %s with the hint %s: 200, both tokens are dead at once (RV-1, RV-2)', async (kind, hint) => {
    await using server = await startServer({ engine })
    const [session, other] = [await signIn(server), await signIn(server)]
    const reply = await revoke(server, session[kind], hint === undefined ? {} : { token_type_hint: hint })
    expect({ status: reply.status, text: reply.text }).toEqual({ status: 200, text: '' })
    expectRefusal(await tryRefresh(server, session.refresh_token), 'invalid_grant', 'logout')
    expect(await sessionStatus(server, session.access_token)).toBe(401)
    expect(await sessionStatus(server, other.access_token)).toBe(200)
  })

  test('any genuine generation ends the session, as a sign-out and not as theft (RV-1)', async () => {
    await using server = await startServer({ engine })
    const first = await signIn(server)
    const second = await refresh(server, first.refresh_token)
    const third = await refresh(server, second.refresh_token)
    server.clock.advanceSeconds(600)
    expect((await revoke(server, first.refresh_token)).status).toBe(200)
    expectRefusal(await tryRefresh(server, third.refresh_token), 'invalid_grant', 'logout')
  })

  test('unknown, forged, expired and ended tokens are 200 like all others and end nothing (RV-1)', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const ended = await signIn(server)
    expect((await revoke(server, ended.refresh_token)).status).toBe(200)
    const before = await storedState(server)
    const tokens = [
      'nonsense',
      'a.b.c',
      `pawl_rt_${'A'.repeat(92)}`,
      forgeRefreshToken(session.refresh_token),
      forgeRefreshToken(session.refresh_token, 7n),
      session.access_token.replace(/.{8}$/, 'AAAAAAAA'),
      ended.refresh_token,
      ended.access_token,
    ]
    for (const token of tokens) {
      const reply = await revoke(server, token)
      expect({ status: reply.status, text: reply.text }).toEqual({ status: 200, text: '' })
    }
    expect(await storedState(server)).toEqual(before)
  })

  test('a token of another client is refused and stays as it was (RV-1)', async () => {
    await using server = await startServer({ engine })
    const secret = await addClient(server, { id: 'other', type: 'confidential', grants: ['client_credentials'] })
    const session = await signIn(server)
    for (const token of [session.refresh_token, session.access_token]) {
      const reply = await server.send('/oauth/revoke', { form: { token }, headers: basic('other', secret) })
      expectRefusal(reply, 'invalid_grant', 'wrong_client')
    }
    expect(await sessionStatus(server, session.access_token)).toBe(200)
    expect((await tryRefresh(server, session.refresh_token)).status).toBe(200)
  })

  test('an access token that no session stands behind cannot be revoked, and the client is told (rfc7009-2.2.1)', async () => {
    await using server = await startServer({ engine })
    const secret = await addClient(server, { id: 'robot', type: 'confidential', grants: ['client_credentials'] })
    const headers = basic('robot', secret)
    const granted = await server.send('/oauth/token', { form: { grant_type: 'client_credentials' }, headers })
    const { access_token: token } = granted.read(clientCredentialsReply)
    expectRefusal(await server.send('/oauth/revoke', { form: { token }, headers }), 'unsupported_token_type')
  })

  test('without a client, with a wrong one or without a token it is refused', async () => {
    await using server = await startServer({ engine })
    await addClient(server, { id: 'other', type: 'confidential' })
    const { refresh_token: token } = await signIn(server)
    expectRefusal(await server.send('/oauth/revoke', { form: { token } }), 'invalid_client')
    expectRefusal(await server.send('/oauth/revoke', { form: { token, client_id: 'nobody' } }), 'invalid_client')
    const wrong = await server.send('/oauth/revoke', { form: { token }, headers: basic('other', 'wrong') })
    expectRefusal(wrong, 'invalid_client')
    expect(wrong.headers.get('www-authenticate')).toBe(`Basic realm="${server.issuer}"`)
    const empty = await server.send('/oauth/revoke', { form: { client_id: 'first-party', token: '' } })
    expectRefusal(empty, 'invalid_request', 'missing_parameter')
    expectRefusal(await server.send('/oauth/revoke', { json: { token } }), 'invalid_request', 'malformed_body')
    expectRefusal(await server.send(`/oauth/revoke?token=${token}`), 'method_not_allowed')
    const inUrl = await server.send(`/oauth/revoke?token=${token}`, { form: { client_id: 'first-party' } })
    expectRefusal(inUrl, 'invalid_request', 'malformed_parameter')
    expect((await tryRefresh(server, token)).status).toBe(200)
  })

  test('no refresh that runs beside a revocation leaves a living token (B3)', async () => {
    await using server = await startServer({ engine })
    for (let round = 0; round < 10; round += 1) {
      const session = await signIn(server)
      const calls = Array.from({ length: 6 }, () => () => tryRefresh(server, session.refresh_token))
      calls.splice(round % 7, 0, () => revoke(server, session.refresh_token))
      const replies = await Promise.all(calls.map((call) => call()))
      const issued = replies.flatMap(({ text }) => /pawl_rt_[A-Za-z0-9_-]{92}/.exec(text)?.[0] ?? [])
      for (const token of [session.refresh_token, ...new Set(issued)]) {
        expectRefusal(await tryRefresh(server, token), 'invalid_grant', 'logout')
      }
    }
  })
})

async function revoke(
  server: StartedServer,
  token: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  return server.send('/oauth/revoke', { form: { client_id: 'first-party', token, ...more } })
}
