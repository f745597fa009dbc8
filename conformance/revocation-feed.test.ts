import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from './running-server/eventually.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { entriesOf, isQuiet, named, readFeed } from './running-server/read-feed.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { clientCredentialsReply } from './running-server/replies.ts'
import { alice, engines, lastingEngine, type StartedServer, startServer } from './running-server/started-server.ts'

const feedOf = (server: StartedServer) => `${server.origin}/revocations`

/** What makes something end, and the entries that it owes. */
type End = (server: StartedServer) => Promise<readonly string[]>

const ends: Readonly<Record<string, End>> = {
  'a sign-out': async (server) => {
    const { session_id, refresh_token } = await signIn(server)
    await server.send('/auth/logout', { json: { refresh_token } })
    return [`session ${session_id}`]
  },
  'a sign-out everywhere': async (server) => {
    const [one, two] = [await signIn(server), await signIn(server)]
    await server.send('/auth/logout-everywhere', { method: 'POST', bearer: one.access_token })
    return [`session ${one.session_id}`, `session ${two.session_id}`]
  },
  'a session that its user ends from another one': async (server) => {
    const [one, two] = [await signIn(server), await signIn(server)]
    await server.send(`/auth/sessions/${two.session_id}`, { method: 'DELETE', bearer: one.access_token })
    return [`session ${two.session_id}`]
  },
  'a revoked token (RFC 7009)': async (server) => {
    const { session_id, refresh_token } = await signIn(server)
    await server.send('/oauth/revoke', { form: { client_id: 'first-party', token: refresh_token } })
    return [`session ${session_id}`]
  },
  'a theft': async (server) => {
    const { session_id, refresh_token } = await signIn(server)
    await refresh(server, refresh_token)
    server.clock.advanceSeconds(60)
    expectRefusal(await tryRefresh(server, refresh_token), 'invalid_grant', 'replay')
    return [`session ${session_id}`]
  },
  'another sign-in in the same browser': async (server) => {
    const { session_id, refresh_token } = await signIn(server)
    const headers = { cookie: `pawl_refresh=${refresh_token}`, origin: server.origin }
    expect((await server.send('/auth/login', { json: alice, headers })).status).toBe(200)
    return [`session ${session_id}`]
  },
  'a new password': async (server) => {
    const [one, two] = [await signIn(server), await signIn(server)]
    const json = { current_password: alice.password, new_password: 'copper-meadow-forty-one' }
    expect((await server.send('/auth/password', { json, bearer: one.access_token })).status).toBe(204)
    return [`session ${two.session_id}`]
  },
  'an administrator who ends a session': async (server) => {
    const { session_id } = await signIn(server)
    await server.pawl.administration.revokeSession(session_id)
    return [`session ${session_id}`]
  },
  'a disabled user': async (server) => {
    const { session_id, user } = await signIn(server)
    await server.pawl.administration.disableUser(alice.username)
    return [`session ${session_id}`, `user ${user.id}`]
  },
  'a removed client': async (server) => {
    await addClient(server, { id: 'robot', type: 'confidential', grants: ['client_credentials'] })
    await server.pawl.administration.removeClient('robot')
    return ['client robot']
  },
  'T13.3 a killed key': async (server) => {
    const { kid } = await server.pawl.administration.rotateKey()
    await server.pawl.administration.killKey(kid)
    return [`key ${kid}`]
  },
  'T22.1 roles that count at once': async (server) => {
    const { user } = await signIn(server)
    await server.pawl.administration.setRoles(alice.username, ['ops'], { applyNow: true })
    return [`claims ${user.id}`]
  },
  'T22.1 claims of the application that have changed': async (server) => {
    const { user } = await signIn(server)
    expect(await server.pawl.administration.claimsChanged(user.id)).toBe('told')
    return [`claims ${user.id}`]
  },
}

describe.each(engines)('GET /revocations on %s', (engine) => {
  test.each(Object.entries(ends))(
    'T6.1 tells of %s at once, to who reads already and to who comes later',
    async (_, end) => {
      await using server = await startServer({ engine })
      await using reading = await readFeed(feedOf(server))
      await reading.until(isQuiet)
      const owed = (await end(server)).toSorted()
      const events = await reading.until((seen) => entriesOf(seen).length === owed.length)
      expect(named(events).toSorted()).toEqual(owed)
      expect(events.map(({ event }) => event).filter((event) => event === 'entries')).toHaveLength(1)
      for (const { at } of entriesOf(events)) expect(at).toBe(server.clock.now())
      await using later = await readFeed(feedOf(server))
      expect(named(await later.until(isQuiet)).toSorted()).toEqual(owed)
    },
  )

  test('a refresh, a sign-in and roles that count with the next token take no step', async () => {
    await using server = await startServer({ engine })
    const { refresh_token } = await signIn(server)
    await refresh(server, refresh_token)
    await refresh(server, refresh_token)
    await server.pawl.administration.setRoles(alice.username, ['ops'])
    await server.pawl.administration.rotateKey()
    await using reading = await readFeed(feedOf(server))
    const [snapshot] = await reading.until(isQuiet)
    expect(snapshot).toMatchObject({ event: 'snapshot', entries: [], id: expect.stringMatching(/^[\w-]{1,32}\.0$/) })
  })

  test('T6.4 an entry lasts as long as the longest access token that can be under way, and 90 s', async () => {
    await using server = await startServer({ engine, configuration: { accessSeconds: 120 } })
    await using reading = await readFeed(feedOf(server))
    const end = async () => {
      const seen = entriesOf(reading.events).length
      await server.pawl.administration.revokeSession((await signIn(server)).session_id)
      const entry = entriesOf(await reading.until((events) => entriesOf(events).length > seen)).at(-1)
      return (entry?.until ?? 0) - server.clock.now()
    }
    expect(await end()).toBe(210_000)
    await addClient(server, { id: 'patient', type: 'public', accessSeconds: 3600 })
    expect(await end()).toBe(3_690_000)
  })

  test('a reader that comes back goes on behind the last event that it knows', async () => {
    await using server = await startServer({ engine })
    await ends['a sign-out']?.(server)
    await using first = await readFeed(feedOf(server))
    const known = (await first.until(isQuiet)).at(-1)?.id ?? ''
    const missed = await ends['a sign-out']?.(server)
    await using again = await readFeed(feedOf(server), { 'last-event-id': known })
    const events = await again.until(isQuiet)
    expect(events.map(({ event }) => event)).toEqual(['entries', 'heartbeat'])
    expect(named(events)).toEqual(missed)
  })

  test('T6.1 another node tells its own readers of what this one ends', async () => {
    const configuration = { secrets: 'hJ3kVq0Zt5Ry8Ub1Nc4Md6Pf9Gs2Kw7Xa1Lb3Ee5Rr8' }
    await using server = await startServer({ engine, configuration })
    await using other = await startServer({ engine, configuration, besides: server, issuer: server.issuer })
    await using reading = await readFeed(feedOf(other))
    await reading.until(isQuiet)
    const owed = await ends['a sign-out']?.(server)
    expect(named(await reading.until((events) => entriesOf(events).length > 0))).toEqual(owed)
  })

  test('F8 everybody begins anew when a store is dealt with that was put back', async () => {
    await using server = await startServer({ engine })
    await using reading = await readFeed(feedOf(server))
    const known = (await reading.until(isQuiet)).at(-1)?.id ?? ''
    const lostSince = server.clock.now() - 1000
    await server.pawl.administration.restore({ lostSince, otherSessions: 'keep' })
    await reading.ended
    await using again = await readFeed(feedOf(server), { 'last-event-id': known })
    const [snapshot] = await again.until(isQuiet)
    expect(snapshot?.event).toBe('snapshot')
    expect(snapshot?.id.split('.')[0]).not.toBe(known.split('.')[0])
  })
})

describe('the answer', () => {
  test('is an event stream that nobody in between keeps, gathers or compresses', async () => {
    await using server = await startServer()
    await using reading = await readFeed(feedOf(server))
    const { headers } = reading
    expect(headers.get('content-type')).toBe('text/event-stream')
    expect(headers.get('cache-control')).toBe('private, no-store, no-transform')
    expect(headers.get('cdn-cache-control')).toBe('no-store')
    expect(headers.get('x-accel-buffering')).toBe('no')
    expect(headers.get('content-length')).toBeNull()
    expect(headers.get('content-encoding')).toBeNull()
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('HEAD is answered and reads nothing; other methods are refused', async () => {
    await using server = await startServer()
    const head = await server.send('/revocations', { method: 'HEAD' })
    expect([head.status, head.headers.get('content-type'), head.text]).toEqual([200, 'text/event-stream', ''])
    for (const method of ['POST', 'PUT', 'DELETE'] as const) {
      const refused = await server.send('/revocations', { method })
      expectRefusal(refused, 'method_not_allowed')
      expect(refused.headers.get('allow')).toBe('GET, HEAD')
    }
    expect(await metric(server, 'pawl_revocation_readers')).toBe(0)
  })

  test('lies below the path of the issuer', async () => {
    await using server = await startServer({ basePath: '/id' })
    await using reading = await readFeed(`${server.origin}/id/revocations`)
    await reading.until(isQuiet)
  })

  test('a reader that breaks off is noticed, and counted no more', async () => {
    await using server = await startServer()
    {
      await using _ = await readFeed(feedOf(server))
      expect(await metric(server, 'pawl_revocation_readers')).toBe(1)
    }
    await eventually(async () => expect(await metric(server, 'pawl_revocation_readers')).toBe(0))
    await using reading = await readFeed(feedOf(server))
    await ends['a sign-out']?.(server)
    await reading.until((events) => entriesOf(events).length > 0)
    expect(await metric(server, 'pawl_revocation_entries_total')).toBe(1)
    expect(await metric(server, 'pawl_revocation_age_seconds_count')).toBe(1)
  })

  test('ends when the server drains, which then refuses new readers', async () => {
    await using server = await startServer()
    await using reading = await readFeed(feedOf(server))
    await reading.until(isQuiet)
    server.pawl.drain()
    await reading.ended
    const refused = await server.send('/revocations')
    expectRefusal(refused, 'temporarily_unavailable', 'draining')
    expect(refused.headers.get('retry-after')).toBe('1')
  })

  test('is 503 while the store does not answer, and says when to come back', async () => {
    await using server = await startServer({ engine: lastingEngine, faultsExpected: true })
    await server.storage.close()
    const refused = await server.send('/revocations')
    expectRefusal(refused, 'temporarily_unavailable', 'storage_unavailable')
    expect(refused.headers.get('retry-after')).toBe('1')
  })
})

describe('with PAWL_REVOCATIONS=token', () => {
  const configuration = { revocations: 'token' } as const
  const scope = 'revocations:read'

  async function startGuarded() {
    const server = await startServer({ configuration })
    const registration = {
      id: 'api',
      type: 'confidential',
      grants: ['client_credentials'],
      scopes: [scope, 'other'],
      resources: [server.issuer, 'https://api.example'],
      accessSeconds: 60,
    }
    const headers = basic('api', await addClient(server, registration))
    const tokenWith = async (form: Readonly<Record<string, string>>) => {
      const reply = await server.send('/oauth/token', { form: { grant_type: 'client_credentials', ...form }, headers })
      return reply.read(clientCredentialsReply).access_token
    }
    return { server, tokenWith }
  }

  test('rfc6750-3: who brings no token is asked for one, with the scope', async () => {
    const { server } = await startGuarded()
    await using _ = server
    const asked = await server.send('/revocations')
    expectRefusal(asked, 'authentication_required')
    expect(asked.headers.get('www-authenticate')).toBe(`Bearer realm="${server.issuer}", scope="${scope}"`)
    const session = await signIn(server)
    const cookie = await server.send('/revocations', { headers: { cookie: `pawl_access=${session.access_token}` } })
    expectRefusal(cookie, 'authentication_required')
  })

  test('rfc6750-3.1: a token that is none, has expired, is for another resource or of a removed client is refused', async () => {
    const { server, tokenWith } = await startGuarded()
    await using _ = server
    const read = (bearer: string) => server.send('/revocations', { bearer })
    const resource = server.issuer
    const good = await tokenWith({ scope, resource })
    expectRefusal(await read('nonsense'), 'invalid_token', 'malformed')
    expectRefusal(
      await read(await tokenWith({ scope, resource: 'https://api.example' })),
      'invalid_token',
      'wrong_audience',
    )
    server.clock.advanceSeconds(60)
    expectRefusal(await read(good), 'invalid_token', 'expired')
    const orphan = await tokenWith({ scope, resource })
    await server.pawl.administration.removeClient('api')
    expectRefusal(await read(orphan), 'invalid_token', 'client_removed')
  })

  test('rfc6750-3.1: a token without the scope is 403, told which scope', async () => {
    const { server, tokenWith } = await startGuarded()
    await using _ = server
    const narrow = await tokenWith({ scope: 'other', resource: server.issuer })
    const refused = await server.send('/revocations', { bearer: narrow })
    expectRefusal(refused, 'insufficient_scope', 'missing_scope')
    expect(refused.headers.get('www-authenticate')).toContain(`error="insufficient_scope"`)
    expect(refused.headers.get('www-authenticate')).toContain(`scope="${scope}"`)
    const user = await signIn(server)
    expectRefusal(
      await server.send('/revocations', { bearer: user.access_token }),
      'insufficient_scope',
      'missing_scope',
    )
  })

  test('a token with the scope reads, until it expires', async () => {
    const { server, tokenWith } = await startGuarded()
    await using _ = server
    const token = await tokenWith({ scope, resource: server.issuer })
    await using reading = await readFeed(feedOf(server), { authorization: `Bearer ${token}` })
    await reading.until(isQuiet)
    server.clock.advanceSeconds(60)
    await reading.ended
  })
})

const line = z.coerce.number()

/** A figure of `/metrics`, without labels. */
async function metric(server: StartedServer, name: string): Promise<number> {
  const { text } = await server.send('/metrics')
  const found = text.split('\n').find((each) => each.startsWith(`${name} `))
  return line.parse(found?.slice(name.length + 1))
}
