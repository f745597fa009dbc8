import { errorTable } from '@pawl/protocol'
import { describe, expect, test } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { sessionStatus, signIn } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { clientCredentialsReply } from './running-server/replies.ts'
import { startServer } from './running-server/started-server.ts'

const guarded = [
  ['GET', '/auth/session'],
  ['GET', '/auth/sessions'],
  ['DELETE', '/auth/sessions/AAAAAAAAAAAAAAAAAAAAAA'],
  ['POST', '/auth/logout-everywhere'],
] as const

describe('rfc6750-3: challenges', () => {
  test.each(guarded)('%s %s without credentials: 401, a realm, no error (BR-2)', async (method, path) => {
    await using server = await startServer()
    const reply = await server.send(path, { method })
    expectRefusal(reply, 'authentication_required')
    expect(parametersOf(reply)).toEqual([['realm', server.issuer]])
  })

  test.each(guarded)(
    '%s %s with a bad token: 401, error invalid_token, each parameter once (BR-3)',
    async (method, path) => {
      await using server = await startServer()
      const session = await signIn(server)
      server.clock.advanceSeconds(901)
      for (const bearer of [session.access_token, 'a.b.c']) {
        const reply = await server.send(path, { method, bearer })
        expect(reply.status).toBe(401)
        expect(parametersOf(reply)).toEqual([
          ['realm', server.issuer],
          ['error', 'invalid_token'],
          ['error_description', errorTable.invalid_token.description],
        ])
      }
    },
  )

  test('a good token that does not allow it: 403, error insufficient_scope (BR-3)', async () => {
    await using server = await startServer()
    const secret = await addClient(server, { id: 'robot', type: 'confidential', grants: ['client_credentials'] })
    const form = { grant_type: 'client_credentials' }
    const granted = await server.send('/oauth/token', { form, headers: basic('robot', secret) })
    const bearer = granted.read(clientCredentialsReply).access_token
    for (const [method, path] of guarded) {
      const reply = await server.send(path, { method, bearer })
      expectRefusal(reply, 'insufficient_scope')
      expect(parametersOf(reply).slice(0, 2)).toEqual([
        ['realm', server.issuer],
        ['error', 'insufficient_scope'],
      ])
    }
  })
})

describe('rfc6750-2: where the token stands', () => {
  test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('the scheme %s is taken in any case (BR-1)', async (scheme) => {
    await using server = await startServer()
    const { access_token } = await signIn(server)
    const reply = await server.send('/auth/session', { headers: { authorization: `${scheme} ${access_token}` } })
    expect(reply.status).toBe(200)
  })

  test('anything else in the Authorization header is refused', async () => {
    await using server = await startServer()
    const { access_token } = await signIn(server)
    const values = [
      'Bearer',
      'Bearer ',
      `Bearer${access_token}`,
      `Bearer ${access_token} ${access_token}`,
      `Bearer ${access_token},`,
    ]
    for (const authorization of [
      ...values,
      access_token,
      `Basic ${access_token}`,
      `DPoP ${access_token}`,
      `Bearer "${access_token}"`,
    ]) {
      const reply = await server.send('/auth/session', { headers: { authorization } })
      expect({ authorization, status: reply.status }).toEqual({ authorization, status: 401 })
      expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer /)
    }
  })

  test('a token in the URL or in a body is not looked at (BR-1)', async () => {
    await using server = await startServer()
    const { access_token } = await signIn(server)
    expectRefusal(await server.send(`/auth/session?access_token=${access_token}`), 'authentication_required')
    const form = await server.send('/auth/logout-everywhere', { json: { access_token } })
    expectRefusal(form, 'authentication_required')
    expect(await sessionStatus(server, access_token)).toBe(200)
  })
})

/** The parameters of the one challenge of a reply, in their order. */
function parametersOf(reply: Reply): readonly (readonly [string, string])[] {
  const challenge = reply.headers.get('www-authenticate') ?? ''
  expect(challenge).toMatch(/^Bearer [a-z_]+="[^"\\]*"(?:, [a-z_]+="[^"\\]*")*$/)
  return [...challenge.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value])
}
