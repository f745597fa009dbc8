import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signIn } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { clientCredentialsReply } from './running-server/replies.ts'
import { type StartedExample, startExample } from './running-server/started-example.ts'
import { type StartedServer, startServer } from './running-server/started-server.ts'

const examples = ['express-api', 'fastify-api', 'hono-api'] as const
const secret = 'c2VjcmV0LW9mLXRoZS1leGFtcGxlLWNsaWVudA'
const elsewhere = 'https://elsewhere.example'

let server: StartedServer
let stranger: StartedServer
let twin: StartedServer

/** The example processes go by the real time, so the servers' clocks are set to it. */
async function startNow(wishes: Parameters<typeof startServer>[0] = {}): Promise<StartedServer> {
  const started = await startServer(wishes)
  started.clock.advanceMilliseconds(Date.now() - started.clock.now())
  return started
}

/** A token of the client `reporter`, which has no user behind it. */
async function clientToken(scope: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const authorization = `Basic ${Buffer.from(`reporter:${secret}`).toString('base64')}`
  const form = { grant_type: 'client_credentials', scope, ...more }
  const reply = await server.send('/oauth/token', { form, headers: { authorization } })
  expect(reply.status, reply.text).toBe(200)
  return reply.read(clientCredentialsReply).access_token
}

beforeAll(async () => {
  server = await startNow()
  stranger = await startNow()
  // Calls itself by the same name, but has keys of its own.
  twin = await startNow({ issuer: server.issuer })
  const registered = await server.pawl.administration.addClient({
    id: 'reporter',
    type: 'confidential',
    secret,
    redirectUris: [],
    grants: ['client_credentials'],
    scopes: ['reports:read', 'reports:write'],
    resources: [server.issuer, elsewhere],
  })
  expect(registered).toMatchObject({ ok: true })
})

afterAll(async () => {
  for (const started of [server, stranger, twin]) await started[Symbol.asyncDispose]()
})

test('every API of examples/ is tested here', () => {
  const apis = readdirSync(new URL('../examples', import.meta.url)).filter((folder) => folder.endsWith('-api'))
  expect(apis.sort()).toEqual(examples)
})

describe.each(examples)('examples/%s', (name) => {
  let api: StartedExample

  beforeAll(async () => {
    api = await startExample(name, server.issuer)
  })

  afterAll(() => api[Symbol.asyncDispose]())

  /** What RFC 6750 section 3 asks of a refusal. */
  const expectInvalidToken = (reply: Reply, reason: string) => {
    expect(reply.status).toBe(401)
    expect(reply.headers.get('www-authenticate')).toMatch(
      /^Bearer realm="[^"]+", error="invalid_token", error_description="[^"]+"/,
    )
    expect(JSON.parse(reply.text)).toMatchObject({ error: 'invalid_token', reason })
  }

  test('200 with a token, and the API knows whose it is', async () => {
    const { access_token, user } = await signIn(server)
    const reply = await api.send('/me', { bearer: access_token })
    expect(reply.status).toBe(200)
    expect(JSON.parse(reply.text)).toEqual({ user: user.id })
  })

  test('BR-2 401 without a token, and a challenge without an error', async () => {
    const reply = await api.send('/me')
    expect(reply.status).toBe(401)
    expect(reply.headers.get('www-authenticate')).toBe(`Bearer realm="${server.issuer}"`)
  })

  test('401 with an expired token', async () => {
    server.clock.advanceSeconds(-3600)
    const { access_token } = await signIn(server)
    server.clock.advanceSeconds(3600)
    expectInvalidToken(await api.send('/me', { bearer: access_token }), 'expired')
  })

  test('401 with the token of another server, also of one that calls itself by the same name', async () => {
    expectInvalidToken(await api.send('/me', { bearer: (await signIn(stranger)).access_token }), 'wrong_issuer')
    expectInvalidToken(await api.send('/me', { bearer: (await signIn(twin)).access_token }), 'unknown_key')
  })

  test('401 with a token for another audience', async () => {
    const token = await clientToken('reports:read', { resource: elsewhere })
    expectInvalidToken(await api.send('/reports', { bearer: token }), 'wrong_audience')
  })

  test('AT-4 401 with a token of another type, also with a refresh token', async () => {
    const { access_token, refresh_token } = await signIn(server)
    const [header = '', ...rest] = access_token.split('.')
    const retyped = Buffer.from(header, 'base64url').toString().replace('"at+jwt"', '"JWT"')
    const token = [Buffer.from(retyped).toString('base64url'), ...rest].join('.')
    expectInvalidToken(await api.send('/me', { bearer: token }), 'wrong_type')
    expectInvalidToken(await api.send('/me', { bearer: refresh_token }), 'malformed')
  })

  test('BR-3 403 insufficient_scope names the scope; with it 200', async () => {
    const lacking = await api.send('/reports', { bearer: await clientToken('reports:write') })
    expect(lacking.status).toBe(403)
    expect(lacking.headers.get('www-authenticate')).toMatch(/ error="insufficient_scope".* scope="reports:read"$/)
    const holding = await api.send('/reports', { bearer: await clientToken('reports:read') })
    expect(holding.status).toBe(200)
  })

  test('BR-1 400 with two methods at once; a token in the query alone counts for nothing', async () => {
    const { access_token } = await signIn(server)
    expect((await api.send(`/me?access_token=${access_token}`, { bearer: access_token })).status).toBe(400)
    expect((await api.send(`/me?access_token=${access_token}`)).status).toBe(401)
  })
})
