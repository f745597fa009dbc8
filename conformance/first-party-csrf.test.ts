import { beforeAll, describe, expect, test } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { sessionStatus, signIn } from './running-server/first-party-calls.ts'
import type { Reply, RequestLine } from './running-server/http-request.ts'
import { errorReply } from './running-server/replies.ts'
import { alice, faultsIn, type StartedServer, startServer } from './running-server/started-server.ts'

const trustedOrigin = 'http://app.localhost:5173'
const sites = [undefined, 'same-origin', 'none', 'same-site', 'cross-site'] as const
const origins = [undefined, 'own', 'trusted', 'untrusted', 'null'] as const
const jars = ['none', 'foreign', 'refresh', 'state'] as const
const places = ['cookie or none', 'header', 'body'] as const

interface Combination {
  readonly site: (typeof sites)[number]
  readonly origin: (typeof origins)[number]
  readonly jar: (typeof jars)[number]
  readonly place: (typeof places)[number]
}

const combinations: readonly Combination[] = sites.flatMap((site) =>
  origins.flatMap((origin) => jars.flatMap((jar) => places.map((place) => ({ site, origin, jar, place })))),
)

/** The rule as the contract words it, sentence by sentence; written down once more, apart from the server's. */
function mustBeRefused({ site, origin, jar, place }: Combination): boolean {
  // "… and so does any whose credential is in the Authorization header or the body."
  if (place !== 'cookie or none') return false
  const trusted = origin === 'own' || origin === 'trusted'
  // "refused when Sec-Fetch-Site is cross-site, or same-site from an origin not trusted,"
  if (site === 'cross-site') return true
  if (site === 'same-site') return !trusted
  if (site !== undefined) return false
  // "or, without that header, when Origin is present and not trusted."
  if (origin !== undefined) return !trusted
  // "A request that carries our cookies must have one of the two headers. One with neither and no cookie of ours passes."
  return jar === 'refresh' || jar === 'state'
}

/** A session whose newest refresh token is known, however it travels. */
async function attempt(server: StartedServer, held: { token: string }, combination: Combination): Promise<Reply> {
  const { site, origin, jar, place } = combination
  const spellings = { own: server.origin, trusted: trustedOrigin, untrusted: 'https://evil.example', null: 'null' }
  const cookies = {
    none: undefined,
    foreign: 'theme=dark; pawl=1; xpawl_refresh=1; pawl_refresh_=2',
    refresh: `theme=dark; pawl_refresh=${held.token}`,
    state: 'pawl_state=AAAAAAAAAAAAAAAAAAAAAA.0.1',
  }
  const cookie = cookies[jar]
  const reply = await server.send('/auth/refresh', {
    json: place === 'body' ? { refresh_token: held.token } : {},
    headers: {
      ...(site !== undefined && { 'sec-fetch-site': site }),
      ...(origin !== undefined && { origin: spellings[origin] }),
      ...(cookie !== undefined && { cookie }),
      ...(place === 'header' && { authorization: 'Bearer something' }),
    },
  })
  held.token = /pawl_rt_[A-Za-z0-9_-]{92}/.exec(reply.text + reply.setCookies.join())?.[0] ?? held.token
  return reply
}

describe('the cross-site rule at POST /auth/refresh', () => {
  let server: StartedServer
  let held: { token: string; readonly sessionId: string }

  beforeAll(async () => {
    server = await startServer({ configuration: { trustedOrigins: [trustedOrigin] }, faultsExpected: true })
    const session = await signIn(server)
    held = { token: session.refresh_token, sessionId: session.session_id }
    return async () => {
      await server[Symbol.asyncDispose]()
      expect(faultsIn(server.log)).toEqual([])
    }
  })

  test(`every one of ${combinations.length} combinations is decided as the contract says (T27.2, CS-1, CS-2)`, async () => {
    const differing: unknown[] = []
    for (const combination of combinations) {
      const before = await server.storage.readSession(held.sessionId)
      const reply = await attempt(server, held, combination)
      const refused = reply.status === 403 && reply.read(errorReply).error === 'csrf_rejected'
      if (refused !== mustBeRefused(combination)) differing.push({ ...combination, status: reply.status })
      if (!refused) continue
      // T27.3: 403 only; no cookie is touched, no session moves.
      expect(reply.setCookies).toEqual([])
      expect(await server.storage.readSession(held.sessionId)).toEqual(before)
    }
    expect(differing).toEqual([])
  })

  test('the same combination is decided alike every time, whatever the cookie is worth (T27.2)', async () => {
    for (const cookie of ['pawl_refresh=nonsense', `pawl_refresh=${held.token}`, 'pawl_access=', 'pawl_access=x']) {
      const crossSite = await server.send('/auth/refresh', {
        json: {},
        headers: { cookie, origin: 'https://evil.example' },
      })
      expectRefusal(crossSite, 'csrf_rejected', 'untrusted_origin')
    }
  })

  test('each refusal says which rule it was', async () => {
    const cases: readonly (readonly [RequestLine['headers'], 'cross_site' | 'untrusted_origin' | 'unproven_origin'])[] =
      [
        [{ 'sec-fetch-site': 'cross-site', origin: server.origin }, 'cross_site'],
        [{ 'sec-fetch-site': 'same-site', origin: 'https://evil.example' }, 'untrusted_origin'],
        [{ 'sec-fetch-site': 'same-site' }, 'untrusted_origin'],
        [{ origin: 'null' }, 'untrusted_origin'],
        [{ cookie: 'pawl_state=1' }, 'unproven_origin'],
      ]
    for (const [headers, reason] of cases) {
      expectRefusal(
        await server.send('/auth/refresh', { json: {}, ...(headers && { headers }) }),
        'csrf_rejected',
        reason,
      )
    }
  })

  test('origins are compared exactly', async () => {
    const { port } = new URL(server.origin)
    const lookalikes = [
      `https://localhost:${port}`,
      'http://localhost',
      `http://localhost:${port}.evil.example`,
      `http://evil.localhost:${port}`,
      `${trustedOrigin}0`,
      `${trustedOrigin}/`,
      trustedOrigin.toUpperCase(),
      `${server.origin}, ${trustedOrigin}`,
      '*',
      '',
    ]
    for (const origin of lookalikes) {
      const headers = { origin, cookie: `pawl_refresh=${held.token}` }
      const reply = await server.send('/auth/refresh', { json: {}, headers })
      expect({ origin, status: reply.status }).toEqual({ origin, status: 403 })
    }
  })
})

describe('the cross-site rule elsewhere', () => {
  const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  const unsafe = [
    ['POST', '/auth/login', alice],
    ['POST', '/auth/register', { username: 'mallory', password: alice.password }],
    ['POST', '/auth/refresh', {}],
    ['POST', '/auth/logout', {}],
    ['POST', '/auth/logout-everywhere', {}],
    ['POST', '/auth/password', { current_password: alice.password, new_password: 'copper-meadow-forty-one' }],
    ['DELETE', '/auth/sessions/{id}', undefined],
  ] as const

  test.each(unsafe)(
    '%s %s from a foreign page: 403, no cookie touched, nothing done (T27.3)',
    async (method, path, json) => {
      await using server = await startServer({ configuration: { registration: true } })
      const session = await signIn(server)
      const cookie = `pawl_refresh=${session.refresh_token}; pawl_access=${session.access_token}`
      const before = [await server.storage.listSessions(10), await server.storage.listUsers()]
      const target = path.replace('{id}', session.session_id)
      const reply = await server.send(target, { method, ...(json && { json }), headers: { ...foreign, cookie } })
      expectRefusal(reply, 'csrf_rejected', 'cross_site')
      expect(reply.setCookies).toEqual([])
      expect([await server.storage.listSessions(10), await server.storage.listUsers()]).toEqual(before)
    },
  )

  test('a foreign page learns nothing about the faults of its body', async () => {
    await using server = await startServer()
    for (const body of ['{', '', '[]', 'x'.repeat(1000)]) {
      const headers = { ...foreign, 'content-type': 'text/plain' }
      expectRefusal(await server.send('/auth/login', { method: 'POST', body, headers }), 'csrf_rejected', 'cross_site')
    }
  })

  test('where the credential stands in the header the rule does not apply (T27.2)', async () => {
    await using server = await startServer()
    const [here, there] = [await signIn(server), await signIn(server)]
    const remove = { method: 'DELETE', bearer: here.access_token, headers: foreign } as const
    expect((await server.send(`/auth/sessions/${there.session_id}`, remove)).status).toBe(204)
    const password = { current_password: alice.password, new_password: 'copper-meadow-forty-one' }
    const changed = await server.send('/auth/password', { json: password, bearer: here.access_token, headers: foreign })
    expect(changed.status).toBe(204)
    const out = { method: 'POST', bearer: here.access_token, headers: foreign } as const
    expect((await server.send('/auth/logout-everywhere', out)).status).toBe(204)
    expect(await sessionStatus(server, here.access_token)).toBe(401)
  })

  test('reading is no unsafe request', async () => {
    await using server = await startServer()
    const session = await signIn(server)
    const headers = { ...foreign, cookie: `pawl_access=${session.access_token}` }
    expect((await server.send('/auth/session', { headers })).status).toBe(200)
    expect((await server.send('/auth/sessions', { headers })).status).toBe(200)
  })

  test('a server that sends neither header nor cookie signs in and refreshes (curl)', async () => {
    await using server = await startServer()
    expect((await server.send('/auth/login', { json: alice })).status).toBe(200)
  })

  test('in development localhost, 127.0.0.1 and [::1] are one place (T27.4)', async () => {
    await using server = await startServer()
    const { port } = new URL(server.origin)
    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      const headers = { origin: `http://${host}:${port}` }
      expect((await server.send('/auth/login', { json: alice, headers })).status).toBe(200)
    }
  })
})
