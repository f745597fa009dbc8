import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { addApp, answerOf, authorizationQuery, callback, redeem, sitDown } from './running-server/authorization.ts'
import { addClient, basic } from './running-server/registered-clients.ts'
import { errorReply } from './running-server/replies.ts'
import { alice, engines, type StartedServer, startServer } from './running-server/started-server.ts'

const pushed = z.strictObject({
  request_uri: z.string().regex(/^urn:ietf:params:oauth:request_uri:[A-Za-z0-9_-]{43}$/),
  expires_in: z.int().min(1).max(599),
})

function formOf(more: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(authorizationQuery(more).split('?')[1]))
}

async function push(server: StartedServer, more: Readonly<Record<string, string | undefined>> = {}): Promise<string> {
  const reply = await server.send('/oauth/par', { form: formOf(more) })
  expect(reply.status).toBe(201)
  expect(reply.headers.get('cache-control')).toContain('no-store')
  return reply.read(pushed).request_uri
}

const visit = (requestUri: string, client = 'app') =>
  `/oauth/authorize?${new URLSearchParams({ client_id: client, request_uri: requestUri })}`

describe.each(engines)('rfc9126 pushed authorization requests on %s', (engine) => {
  test('PA-1 PA-3 a request_uri survives reloads before and after signing in, and is used once', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const path = visit(await push(server, { resource: 'https://api.example' }))
    const person = sitDown(server)
    for (let load = 0; load < 3; load += 1) expect((await person.open(path)).reply.text).toContain('name="password"')
    const signedIn = await person.send(await person.open(path), alice)
    for (const again of [signedIn.path, path])
      expect((await person.open(again)).reply.text).toContain('https://api.example')
    const answers = await Promise.all(Array.from({ length: 5 }, () => person.send(signedIn, { allow: 'yes' })))
    const codes = answers.filter(({ reply }) => reply.headers.get('location')?.includes('code='))
    expect(codes).toHaveLength(1)
    const [good] = codes
    const answer = answerOf(good?.reply ?? answers[0]?.reply ?? fail())
    expect(Object.fromEntries(answer)).toMatchObject({ state: 'a state', iss: server.issuer })
    expect((await redeem(server, answer.get('code') ?? '')).status).toBe(200)

    const used = await person.open(path)
    expect([used.reply.status, used.reply.headers.get('location')]).toEqual([400, null])
    expect(used.reply.text).toContain('invalid_request_uri')
  })

  test('PA-2 it is bound to its client, and worth nothing once its time is up', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    await addClient(server, { id: 'other', type: 'public', redirectUris: [callback], grants: ['authorization_code'] })
    const requestUri = await push(server)
    server.clock.advanceSeconds(589)
    expect((await server.send(visit(requestUri), { method: 'GET' })).status).toBe(200)
    for (const path of [
      visit(requestUri, 'other'),
      visit(`${requestUri.slice(0, -1)}!`),
      visit(`${requestUri.slice(0, -9)}AAAAAAAAA`),
      `/oauth/authorize?request_uri=${requestUri}`,
    ]) {
      const reply = await server.send(path, { method: 'GET' })
      expect([reply.status, reply.headers.get('location')], path).toEqual([400, null])
    }
    server.clock.advanceSeconds(1)
    expect((await server.send(visit(requestUri), { method: 'GET' })).text).toContain('invalid_request_uri')
  })
})

function fail(): never {
  throw new Error('no answer')
}

describe('rfc9126 the endpoint', () => {
  test.each([
    ['invalid_request', { request_uri: 'urn:ietf:params:oauth:request_uri:x' }],
    ['invalid_request', { redirect_uri: 'https://evil.example' }],
    ['invalid_request', { code_challenge_method: 'plain' }],
    ['invalid_scope', { scope: 'admin' }],
    ['invalid_target', { resource: 'https://other.example' }],
    ['unsupported_response_type', { response_type: 'token' }],
    ['request_not_supported', { request: 'eyJhbGciOiJub25lIn0.e30.' }],
  ])('PA-1 answers %s at once, as JSON and with 400, for %j', async (error, more) => {
    await using server = await startServer()
    await addApp(server)
    const reply = await server.send('/oauth/par', { form: formOf(more) })
    expect(reply.status).toBe(400)
    expect(reply.read(errorReply).error).toBe(error)
  })

  test('PA-1 CA-1 a confidential client authenticates as at the token endpoint, and its secret is not kept', async () => {
    await using server = await startServer()
    const secret = await addApp(server, { type: 'confidential', auth: 'client_secret_post' })
    const unproven = await server.send('/oauth/par', { form: formOf() })
    expect([unproven.status, unproven.read(errorReply).error]).toEqual([401, 'invalid_client'])
    const reply = await server.send('/oauth/par', { form: { ...formOf(), client_secret: secret } })
    expect(reply.status).toBe(201)
    const basicClient = basic('two', await addApp(server, { id: 'two', type: 'confidential' }))
    const byHeader = { form: formOf({ client_id: undefined }), headers: basicClient }
    const requestUri = (await server.send('/oauth/par', byHeader)).read(pushed).request_uri
    expect((await server.send(visit(requestUri, 'two'), { method: 'GET' })).text).toContain('to go on to two')
    expect((await server.send('/oauth/par', { method: 'GET' })).status).toBe(405)
  })

  test('G-11 of one client so many may be pending, and the next is told too_many_pending', async () => {
    await using server = await startServer({ through: (storage) => ({ ...storage, addTicket: async () => false }) })
    await addApp(server)
    const reply = await server.send('/oauth/par', { form: formOf() })
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, '60'])
    expect(reply.read(errorReply)).toMatchObject({ error: 'too_many_requests', reason: 'too_many_pending' })
  })
})
