import type { PawlConfiguration } from '@pawl/server'
import { describe, expect, test } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import type { Reply, RequestLine } from './running-server/http-request.ts'
import { forgeRefreshToken } from './running-server/refresh-token-form.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { activeReply, errorReply } from './running-server/replies.ts'
import { alice, engines, lastingEngine, type StartedServer, startServer } from './running-server/started-server.ts'
import { storedRows } from './running-server/stored-state.ts'

const allowed = 30
const secrets = [Buffer.from('0123456789abcdef0123456789abcdef').toString('base64url')]
const wrong = { username: alice.username, password: 'not the password of alice' }

/** The application signs people in itself, so that a guess costs the test nothing and every one can be counted. */
function applicationUsers(): { readonly configuration: PawlConfiguration; readonly tried: string[] } {
  const tried: string[] = []
  return {
    tried,
    configuration: {
      trustedProxies: ['127.0.0.1'],
      authenticate: async ({ username, password }) => {
        tried.push(username)
        return password === alice.password ? { id: username.toLowerCase(), username: username.toLowerCase() } : null
      },
    },
  }
}

async function login(server: StartedServer, json: object, address?: string): Promise<Reply> {
  const headers = address === undefined ? {} : { 'x-forwarded-for': address }
  return server.send('/auth/login', { json: { delivery: 'body', ...json }, headers })
}

async function failTimes(times: number, send: () => Promise<Reply>): Promise<void> {
  for (let count = 0; count < times; count += 1) expect((await send()).status).toBe(401)
}

function expectWait(reply: Reply, seconds: number): void {
  expectRefusal(reply, 'too_many_requests', 'too_many_failures')
  expect(reply.headers.get('retry-after')).toBe(String(seconds))
  expect(reply.setCookies).toEqual([])
}

describe.each(engines)('G-11 6.3.1 wrong passwords on %s', (engine) => {
  test('thirty are answered, then there is a wait that grows, also for the right one; success resets it', async () => {
    await using server = await startServer({ engine })
    await failTimes(allowed, () => login(server, wrong))
    expectWait(await login(server, wrong), 5)
    expectWait(await login(server, alice), 5)
    server.clock.advanceSeconds(3)
    expectWait(await login(server, alice), 2)
    server.clock.advanceSeconds(2)
    expectRefusal(await login(server, wrong), 'invalid_credentials')
    expectWait(await login(server, alice), 10)
    server.clock.advanceSeconds(10)
    await signIn(server)
    expectRefusal(await login(server, wrong), 'invalid_credentials')
    expectRefusal(await login(server, wrong), 'invalid_credentials')
  })

  test('nobody else is touched: other users, other addresses, live sessions, clients', async () => {
    const { configuration } = applicationUsers()
    await using server = await startServer({ engine, configuration })
    const session = await signIn(server)
    const secret = await addClient(server, { id: 'api', type: 'confidential', resources: [server.issuer] })
    await failTimes(allowed, () => login(server, wrong))
    expectWait(await login(server, alice), 5)
    await signIn(server, { ...alice, username: 'bob@example.com' })
    expect((await login(server, alice, '203.0.113.9')).status).toBe(200)
    expect(await sessionStatus(server, session.access_token)).toBe(200)
    const refreshed = await refresh(server, session.refresh_token)
    const form = { token: refreshed.access_token }
    ;(await server.send('/oauth/introspect', { form, headers: basic('api', secret) })).read(activeReply)
    expect((await server.send('/auth/logout', { json: { refresh_token: refreshed.refresh_token } })).status).toBe(204)
  })

  test('a new node, and one that starts later, know of the wait', async () => {
    const { configuration } = applicationUsers()
    const wishes = { engine, configuration: { ...configuration, secrets } }
    await using one = await startServer(wishes)
    await using two = await startServer({ ...wishes, besides: one })
    await failTimes(allowed / 2, () => login(one, wrong))
    await failTimes(allowed / 2, () => login(two, wrong))
    expectWait(await login(one, wrong), 5)
    await using three = await startServer({ ...wishes, besides: one })
    expectWait(await login(three, alice), 5)
  })

  test('of a hundred wrong ones at once thirty are tried; a hundred right ones at once all sign in', async () => {
    const { configuration, tried } = applicationUsers()
    await using server = await startServer({ engine, configuration })
    const statuses = async (json: object) => {
      const replies = await Promise.all(Array.from({ length: 100 }, () => login(server, json)))
      return replies.map(({ status }) => status)
    }
    expect(new Set(await statuses(alice))).toEqual(new Set([200]))
    tried.length = 0
    expect((await statuses(wrong)).toSorted((left, right) => left - right)).toEqual([
      ...Array.from({ length: allowed }, () => 401),
      ...Array.from({ length: 100 - allowed }, () => 429),
    ])
    expect(tried).toHaveLength(allowed)
    server.clock.advanceSeconds(5)
    expect((await statuses(wrong)).filter((status) => status === 401)).toHaveLength(1)
    expect(tried).toHaveLength(allowed + 1)
  })
})

describe('G-11 whose failures are counted together', () => {
  test('a username in any case and width is one account', async () => {
    await using server = await startServer(applicationUsers())
    const spellings = ['alice@example.com', 'ALICE@example.com', '\uff21lice@example.com']
    for (let count = 0; count < allowed; count += 1) {
      expect((await login(server, { ...wrong, username: spellings[count % 3] })).status).toBe(401)
    }
    for (const username of spellings) expectWait(await login(server, { ...alice, username }), 5)
  })

  test('sign-in and change of password are one way of guessing, not two', async () => {
    await using server = await startServer()
    const { access_token } = await signIn(server)
    const change = (current_password: string): Promise<Reply> => {
      const json = { current_password, new_password: 'copper-meadow-forty-one' }
      return server.send('/auth/password', { json, bearer: access_token })
    }
    await failTimes(allowed / 2, () => login(server, wrong))
    await failTimes(allowed / 2, () => change('not the password of alice'))
    expectWait(await change(alice.password), 5)
    expectWait(await login(server, alice), 5)
    server.clock.advanceSeconds(5)
    expect((await change(alice.password)).status).toBe(204)
    await failTimes(2, () => login(server, wrong))
  })

  test('a new password that the rules refuse is no failure: the current one was right', async () => {
    await using server = await startServer()
    const { access_token } = await signIn(server)
    const json = { current_password: alice.password, new_password: 'short' }
    for (let count = 0; count <= allowed; count += 1) {
      expectRefusal(
        await server.send('/auth/password', { json, bearer: access_token }),
        'password_refused',
        'too_short',
      )
    }
  })

  test('an address is what the connection says, unless a listed proxy says better', async () => {
    const { configuration } = applicationUsers()
    await using direct = await startServer({ configuration: { ...configuration, trustedProxies: [] } })
    await using proxied = await startServer({ configuration })
    let address = 0
    const fromAnywhere = (server: StartedServer) => () => {
      address += 1
      return login(server, wrong, `203.0.113.${address}`)
    }
    await failTimes(allowed, fromAnywhere(direct))
    expectWait(await fromAnywhere(direct)(), 5)
    await failTimes(allowed + 10, fromAnywhere(proxied))
    await failTimes(allowed, () => login(proxied, wrong, '2001:db8:0:1::1'))
    expectWait(await login(proxied, alice, '2001:db8:0:1:ffff::1'), 5)
    expect((await login(proxied, alice, '2001:db8:0:2::1')).status).toBe(200)
  })

  test('a throttle tells nobody who has an account: unknown and disabled users wait as known ones do', async () => {
    await using server = await startServer()
    await server.addUser('gone@example.com', alice.password)
    await server.pawl.administration.disableUser('gone@example.com')
    const names = [alice.username, 'nobody@example.com', 'gone@example.com']
    const told = await Promise.all(
      names.map(async (username) => {
        const replies: string[] = []
        for (let count = 0; count < allowed + 2; count += 1)
          replies.push(faceOf(await login(server, { ...wrong, username })))
        return replies
      }),
    )
    expect(told[1]).toEqual(told[0])
    expect(told[2]).toEqual(told[0])
    expect(told[0]?.at(-1)).toContain('"retry-after":"5"')
  })

  test('malformed requests are no failures, and neither are passwords that nobody had time for', async () => {
    await using server = await startServer()
    const { username } = wrong
    const malformed: readonly RequestLine[] = [
      { json: { username } },
      { json: { username, password: 7 } },
      { json: { ...wrong, delivery: 'header' } },
      { body: '{', headers: { 'content-type': 'application/json' } },
      { json: wrong, headers: { 'sec-fetch-site': 'cross-site' } },
    ]
    for (let count = 0; count <= allowed; count += 1) {
      for (const request of malformed) expect([400, 403]).toContain((await server.send('/auth/login', request)).status)
    }
    await signIn(server)
    // More at once than there is room for: 503 for some, and no count of theirs.
    const flood = await Promise.all(Array.from({ length: 260 }, () => login(server, alice)))
    const statuses = new Set(flood.map(({ status }) => status))
    expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([])
    await signIn(server)
  })

  test('the store holds neither usernames nor addresses of failures', async () => {
    await using server = await startServer({ engine: lastingEngine, ...applicationUsers() })
    await login(server, wrong, '203.0.113.77')
    const rows = JSON.stringify(await storedRows(server.store, 'SELECT * FROM failures'))
    expect(rows).toMatch(/"count":"?1/)
    expect(rows).not.toMatch(/alice|203\.0\.113/)
  })
})

describe.each(engines)('G-11 wrong client secrets on %s', (engine) => {
  test('wrong ones wait from the thirtieth on, at all endpoints together; the right one never does', async () => {
    await using server = await startServer({ engine })
    const secret = await addClient(server, {
      id: 'api',
      type: 'confidential',
      grants: ['client_credentials'],
      resources: [server.issuer],
    })
    const ask = async (path: string, value: string): Promise<Reply> =>
      server.send(path, { form: { grant_type: 'client_credentials', token: 'x' }, headers: basic('api', value) })
    const paths = ['/oauth/token', '/oauth/revoke', '/oauth/introspect']
    for (let count = 0; count < allowed; count += 1) {
      const reply = await ask(paths[count % 3] ?? '', 'y'.repeat(30))
      expectRefusal(reply, 'invalid_client')
      expect(reply.headers.get('www-authenticate')).toMatch(/^Basic /)
    }
    for (const path of paths) expectWait(await ask(path, 'y'.repeat(30)), 5)
    server.clock.advanceSeconds(5)
    expectRefusal(await ask('/oauth/token', 'y'.repeat(30)), 'invalid_client')
    expectWait(await ask('/oauth/token', 'y'.repeat(30)), 10)
    for (const path of paths) expect((await ask(path, secret)).status).toBe(200)
    expectRefusal(await ask('/oauth/token', 'y'.repeat(30)), 'invalid_client')
  })

  test('an unknown client, a wrong secret and a wrong method are told the same, word for word', async () => {
    await using server = await startServer({ engine, configuration: { secrets } })
    await addClient(server, { id: 'known', type: 'confidential', grants: ['client_credentials'] })
    await addClient(server, { id: 'post', type: 'confidential', auth: 'client_secret_post' })
    await addClient(server, { id: 'public', type: 'public' })
    const told: string[][] = []
    for (const id of ['known', 'unknown', 'post', 'public']) {
      const replies: string[] = []
      for (let count = 0; count < allowed + 2; count += 1) {
        const headers = basic(id, 'y'.repeat(30))
        replies.push(faceOf(await server.send('/oauth/token', { form: { grant_type: 'client_credentials' }, headers })))
      }
      told.push(replies)
    }
    for (const replies of told) expect(replies).toEqual(told[0])
    expect(told[0]?.at(-1)).toContain('"retry-after":"5"')
  })

  test('malformed client authentication is no failure', async () => {
    await using server = await startServer({ engine })
    const headers = { authorization: 'Basic !!!' }
    for (let count = 0; count < allowed + 5; count += 1) {
      expectRefusal(await server.send('/oauth/token', { form: {}, headers }), 'invalid_client')
      expectRefusal(await server.send('/oauth/token', { form: { grant_type: 'refresh_token' } }), 'invalid_client')
    }
  })
})

test('refresh tokens that were made up are told so each time: nobody guesses 256 bits, and who lost a session must learn it', async () => {
  await using server = await startServer()
  const { refresh_token } = await signIn(server)
  for (let count = 0; count < 3 * allowed; count += 1) {
    expectRefusal(await tryRefresh(server, forgeRefreshToken(refresh_token)), 'invalid_grant', 'unknown_token')
  }
  await refresh(server, refresh_token)
})

/** Everything of a reply that a stranger sees, but what is new in each: the request id and the date. */
function faceOf(reply: Reply): string {
  const { request_id: id, ...body } = reply.read(errorReply)
  const headers = Object.fromEntries(reply.headers)
  expect(headers['x-request-id']).toBe(id)
  const { date: _, 'x-request-id': __, ...others } = headers
  return JSON.stringify({ status: reply.status, body, headers: others })
}
