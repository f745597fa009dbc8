import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  addApp,
  answerOf,
  authorizationQuery,
  callback,
  codeFor,
  formOf,
  pkce,
  redeem,
  sitDown,
} from './running-server/authorization.ts'
import { addClient } from './running-server/registered-clients.ts'
import { alice, engines, startServer } from './running-server/started-server.ts'

/** A request, and the code that its client is answered with. */
const refusals: readonly (readonly [string, string, Readonly<Record<string, string | undefined>>])[] = [
  ['AZ-4 a missing response_type', 'invalid_request', { response_type: undefined }],
  ['AZ-10 the implicit grant', 'unsupported_response_type', { response_type: 'token' }],
  ['AZ-10 a hybrid response', 'unsupported_response_type', { response_type: 'code id_token' }],
  ['AZ-5 no challenge', 'invalid_request', { code_challenge: undefined, code_challenge_method: undefined }],
  [
    'AZ-5 a challenge without its method, which would mean plain',
    'invalid_request',
    { code_challenge_method: undefined },
  ],
  ['AZ-5 the method plain', 'invalid_request', { code_challenge_method: 'plain' }],
  ['AZ-5 a challenge that no digest is', 'invalid_request', { code_challenge: pkce.challenge.slice(1) }],
  ['AZ-4 an unknown scope', 'invalid_scope', { scope: 'openid admin' }],
  ['AZ-4 a resource of another client', 'invalid_target', { resource: 'https://other.example' }],
  ['RI-1 rfc8707-2 a resource that is no URI', 'invalid_target', { resource: 'files' }],
  ['AZ-4 an unknown prompt', 'invalid_request', { prompt: 'create' }],
  ['oidc-core-3.1.2.1 prompt=none beside another', 'invalid_request', { prompt: 'none login' }],
  ['AZ-4 a max_age that is no number', 'invalid_request', { max_age: '-1' }],
  ['oidc-core-6.1 a request object', 'request_not_supported', { request: 'eyJhbGciOiJub25lIn0.e30.' }],
  ['AZ-4 a request_uri that this server did not give', 'invalid_request_uri', { request_uri: 'https://app.example/r' }],
  ['AZ-4 a response mode that this server has not', 'invalid_request', { response_mode: 'fragment' }],
  [
    'SU-1 rfc9470-5 acr_values that no sign-in reaches',
    'unmet_authentication_requirements',
    { acr_values: 'urn:example:gold' },
  ],
]

describe('the authorization endpoint (RFC 6749 section 4.1, OAuth 2.1)', () => {
  test.each(refusals)(
    '%s is answered %s, with state and iss, once the user has signed in (AZ-6 AZ-7)',
    async (_, error, more) => {
      await using server = await startServer()
      await addApp(server)
      const person = sitDown(server)
      const path = authorizationQuery(more)
      const before = await person.open(path)
      expect(before.reply.status).toBe(200)
      expect(before.reply.text).toContain('name="password"')
      const after = await person.send(before, alice)
      const answer = Object.fromEntries(answerOf(after.reply))
      expect(answer).toEqual({ error, error_description: expect.any(String), state: 'a state', iss: server.issuer })
    },
  )

  test('AZ-4 a parameter that is repeated is invalid_request, and a repeated state is not sent back', async () => {
    await using server = await startServer()
    await addApp(server)
    const person = sitDown(server)
    await codeFor(person)
    for (const name of ['scope', 'nonce', 'code_challenge', 'response_type', 'prompt', 'max_age']) {
      const { reply } = await person.open(`${authorizationQuery({ [name]: 'a' })}&${name}=b`)
      expect(answerOf(reply).get('error'), name).toBe('invalid_request')
    }
    const answer = answerOf((await person.open(`${authorizationQuery()}&state=b`)).reply)
    expect([answer.get('error'), answer.has('state')]).toEqual(['invalid_request', false])
    // G-2: an empty parameter counts as absent, an unknown one is passed over.
    const fine = answerOf((await person.open(`${authorizationQuery({ prompt: '' })}&strange=1&strange=2`)).reply)
    expect(fine.has('code')).toBe(true)
  })

  test('AZ-4 a client that is not registered for the grant is unauthorized_client, but only once somebody signed in', async () => {
    await using server = await startServer()
    await addClient(server, { id: 'app', type: 'public', redirectUris: [callback], grants: ['refresh_token'] })
    const answer = await sitDown(server).authorize(authorizationQuery({ scope: undefined }))
    expect(answer.get('error')).toBe('unauthorized_client')
  })

  test('AZ-3 an unknown client or redirect URI gets a page of its own, status 400, and no redirect', async () => {
    await using server = await startServer()
    await addApp(server)
    await addApp(server, { id: 'two', redirectUris: [callback, `${callback}/two`] })
    for (const more of [
      { client_id: undefined },
      { client_id: 'nobody' },
      { client_id: 'first-party' },
      { client_id: 'pages' },
      { client_id: '\0' },
      { redirect_uri: 'https://evil.example/' },
      { client_id: 'two', redirect_uri: undefined },
      { redirect_uri: 'https://evil.example/', prompt: 'none' },
    ]) {
      const reply = await server.send(authorizationQuery(more), { method: 'GET' })
      expect(reply.status, JSON.stringify(more)).toBe(400)
      expect(reply.headers.get('location')).toBeNull()
      expect(reply.headers.get('content-type')).toMatch(/^text\/html/)
      expect(reply.text).toContain('invalid_request')
      expect(reply.text).not.toContain('evil.example')
    }
    for (const name of ['client_id', 'redirect_uri']) {
      const reply = await server.send(`${authorizationQuery()}&${name}=app`, { method: 'GET' })
      expect([reply.status, reply.headers.get('location')]).toEqual([400, null])
    }
  })

  test('AZ-2 a client with one redirect URI need not name it, and its query is kept', async () => {
    await using server = await startServer()
    await addApp(server, { redirectUris: [`${callback}?tenant=a%2Fb`] })
    const person = sitDown(server)
    const page = await person.open(authorizationQuery({ redirect_uri: undefined }))
    const { reply } = await person.send(await person.send(page, alice), { allow: 'yes' })
    expect(reply.headers.get('location')).toMatch(/^https:\/\/app\.example\/callback\?tenant=a%2Fb&code=/)
  })

  test.each(['http://127.0.0.1/back', 'http://[::1]:7000/back?x=1'])(
    'AZ-2 rfc8252-7.3 the port of the loopback address %s may be any',
    async (registered) => {
      await using server = await startServer()
      await addApp(server, { redirectUris: [registered] })
      const person = sitDown(server)
      for (const port of ['', ':1', ':49152', ':65535']) {
        const asked = registered.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::\d+)?/, `$1${port}`)
        let page = await person.open(authorizationQuery({ redirect_uri: asked }))
        if (page.reply.text.includes('name="password"')) page = await person.send(page, alice)
        const { reply } = await person.send(page, { allow: 'yes' })
        expect(answerOf(reply, asked).has('code')).toBe(true)
      }
    },
  )

  test('AZ-1 G-8 a request by POST becomes one by GET, with 303, whoever sent it', async () => {
    await using server = await startServer()
    await addApp(server)
    const path = authorizationQuery()
    const form = Object.fromEntries(new URLSearchParams(path.split('?')[1]))
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://app.example' }
    const reply = await server.send('/oauth/authorize', { form, headers })
    expect([reply.status, reply.headers.get('location')]).toEqual([303, server.issuer + path])
    expect((await server.send('/oauth/authorize', { json: form })).status).toBe(400)
    expect((await server.send(authorizationQuery({ state: 'x'.repeat(9000) }), { method: 'GET' })).status).toBe(400)
  })

  test('AZ-4 a refusal by the user is access_denied', async () => {
    await using server = await startServer()
    await addApp(server)
    const answer = await sitDown(server).authorize(authorizationQuery(), { deny: true })
    expect(Object.fromEntries(answer)).toMatchObject({ error: 'access_denied', state: 'a state', iss: server.issuer })
  })

  test('rfc6749-3.3 a default scope stands for none that was asked', async () => {
    await using server = await startServer()
    await addApp(server)
    const code = await codeFor(sitDown(server), { scope: undefined })
    expect(JSON.parse((await redeem(server, code)).text).scope).toBe('openid profile read write')
  })

  test('AZ-7 AZ-9 success bears code, state and iss, and no challenge', async () => {
    await using server = await startServer({ basePath: '/id' })
    await addApp(server)
    const answer = await sitDown(server).authorize(authorizationQuery())
    expect(Object.fromEntries(answer)).toEqual({
      code: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      state: 'a state',
      iss: server.issuer,
    })
  })

  test('G-7 G-9 the pages have no CORS header, sit in no frame, run no script, and are not stored', async () => {
    await using server = await startServer()
    await addApp(server)
    const headers = { origin: 'https://evil.example' }
    for (const path of [authorizationQuery(), authorizationQuery({ client_id: 'nobody' })]) {
      const reply = await server.send(path, { method: 'GET', headers })
      expect([...reply.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
      const policy = reply.headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).toContain("base-uri 'none'")
      expect(policy).not.toMatch(/script-src|unsafe|\*/)
      expect(reply.headers.get('x-frame-options')).toBe('DENY')
      expect(reply.headers.get('referrer-policy')).toBe('no-referrer')
      expect(reply.headers.get('cache-control')).toContain('no-store')
    }
  })

  test('T19.3 a thousand aborted sign-ins leave no cookie behind, and a browser that signs in often holds one', async () => {
    await using server = await startServer()
    await addApp(server)
    const person = sitDown(server)
    for (let visit = 0; visit < 1000; visit += 1) {
      await person.browser.send(authorizationQuery({ state: String(visit) }), { method: 'GET' })
    }
    expect((await person.browser.jar.serialize()).cookies).toEqual([])
    for (let visit = 0; visit < 3; visit += 1) await codeFor(person, { prompt: 'login' })
    const { cookies } = await person.browser.jar.serialize()
    expect(cookies).toMatchObject([{ key: 'pawl_pages', path: '/oauth', httpOnly: true, sameSite: 'lax' }])
    const { sessions } = await server.storage.listSessions(10)
    expect(sessions.filter(({ clientId }) => clientId === 'pages')).toHaveLength(1)
  })

  test('CK-1 over https the cookie is Secure, and named so', async () => {
    await using server = await startServer({ issuer: 'https://id.example/base', basePath: '' })
    await addApp(server)
    const { parameters, proof } = await signInForm(server.send)
    const reply = await server.send(`/base${parameters}`, { form: { step: 'sign-in', proof, ...alice } })
    expect(reply.setCookies).toEqual([
      expect.stringMatching(/^__Secure-pawl_pages=.*; Path=\/base\/oauth; HttpOnly; Secure; SameSite=Lax$/),
    ])

    async function signInForm(send: typeof server.send) {
      const parameters = authorizationQuery()
      const page = await send(`/base${parameters}`, { method: 'GET' })
      return { parameters, proof: formOf(page.text).hidden['proof'] ?? '' }
    }
  })
})

describe.each(engines)('consent on %s', (engine) => {
  test('AZ-11 shows client, host, scopes, resource and lifetime, remembers the answer, and asks again for more', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    const signedIn = await person.send(await person.open(authorizationQuery()), alice)
    const page = signedIn.reply.text
    for (const shown of [
      'app',
      'app.example',
      'Know who you are',
      'read',
      'https://api.example',
      '90 days',
      alice.username,
    ]) {
      expect(page).toContain(shown)
    }
    const { buttons } = formOf(page)
    expect(buttons[0]).not.toContain('deny')
    expect(buttons[1]).toContain('name="deny"')
    await person.send(signedIn, { allow: 'yes' })

    const known = await person.open(authorizationQuery())
    expect(answerOf(known.reply).has('code')).toBe(true)
    for (const more of [{ scope: 'openid read write' }, { prompt: 'consent' }]) {
      expect((await person.open(authorizationQuery(more))).reply.text).toContain('name="deny"')
    }
    await server.pawl.administration.removeClient('app')
    server.clock.advanceSeconds(1)
    await addApp(server)
    expect((await person.open(authorizationQuery())).reply.text).toContain('name="deny"')
  })

  test('AZ-11 T18.4 a client that registered itself is called what it calls itself, and that nobody has checked it', async () => {
    const configuration = { clientRegistration: true, openClientScopes: ['read'] }
    await using server = await startServer({ engine, configuration })
    const json = { client_name: '<b>Notes</b>', redirect_uris: [callback], token_endpoint_auth_method: 'none' }
    const registered = await server.send('/oauth/register', { json })
    const { client_id } = z.looseObject({ client_id: z.string() }).parse(JSON.parse(registered.text))
    const person = sitDown(server)
    const asked = await person.open(authorizationQuery({ client_id, scope: 'read' }))
    const { text } = (await person.send(asked, alice)).reply
    for (const shown of ['Allow &lt;b&gt;Notes&lt;/b&gt;?', 'nobody here has checked it', client_id, 'app.example']) {
      expect(text).toContain(shown)
    }
  })

  test('AZ-11 is asked each time of a public client whose address any program could have', async () => {
    await using server = await startServer({ engine })
    for (const redirectUri of ['http://127.0.0.1/back', 'com.example.app:/back']) {
      const id = redirectUri.slice(0, 3)
      await addApp(server, { id, redirectUris: [redirectUri] })
      const person = sitDown(server)
      for (let visit = 0; visit < 2; visit += 1) {
        let page = await person.open(authorizationQuery({ client_id: id, redirect_uri: redirectUri }))
        if (page.reply.text.includes('name="password"')) page = await person.send(page, alice)
        const { reply } = await person.send(page, { allow: 'yes' })
        expect(answerOf(reply, redirectUri).has('code')).toBe(true)
      }
      const silent = await person.open(authorizationQuery({ client_id: id, redirect_uri: redirectUri, prompt: 'none' }))
      expect(answerOf(silent.reply, redirectUri).get('error')).toBe('consent_required')
    }
  })

  test('AZ-12 a consent form counts for its session and its request only, and never from another site', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    await addClient(server, {
      id: 'other',
      type: 'public',
      redirectUris: [callback],
      grants: ['authorization_code'],
      scopes: ['openid', 'read'],
    })
    await server.addUser('bob', 'a-long-enough-password')
    const person = sitDown(server)
    const signedIn = await person.send(await person.open(authorizationQuery()), alice)
    const proof = formOf(signedIn.reply.text).hidden['proof'] ?? ''
    const consents = async () => {
      const [session] = (await server.storage.listSessions(10)).sessions
      return (await server.storage.listConsents(session?.userId ?? '')).length
    }
    const send = (path: string, fields: Record<string, string>, headers = {}) =>
      person.browser.send(path, { form: { step: 'consent', allow: 'yes', ...fields }, headers })
    // Another request, no proof, a broken one: the page is shown again, and nothing was allowed.
    for (const [path, fields] of [
      [authorizationQuery({ client_id: 'other' }), { proof }],
      [authorizationQuery({ scope: 'openid read write' }), { proof }],
      [signedIn.path, {}],
      [signedIn.path, { proof: `${proof.slice(0, -1)}!` }],
    ] as const) {
      const reply = await send(path, fields)
      expect([reply.status, reply.headers.get('location')?.startsWith(`${server.issuer}/oauth/authorize?`)]).toEqual([
        303,
        true,
      ])
    }
    const foreign = await send(signedIn.path, {}, { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })
    expect(foreign.status).toBe(403)
    // Another person's session: the proof is alice's.
    const bob = sitDown(server)
    await bob.send(await bob.open(authorizationQuery()), { username: 'bob', password: 'a-long-enough-password' })
    const stolen = await bob.browser.send(signedIn.path, { form: { step: 'consent', allow: 'yes', proof } })
    expect(stolen.headers.get('location')).toMatch(/\/oauth\/authorize\?/)
    server.clock.advanceSeconds(3600)
    expect((await send(signedIn.path, { proof })).headers.get('location')).toMatch(/\/oauth\/authorize\?/)
    expect(await consents()).toBe(0)
  })

  test('ASVS 10.7.3 a user lists what he allowed and takes it back, and the client’s session ends: consent_withdrawn', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    const tokens = JSON.parse((await redeem(server, await codeFor(person))).text)
    const pending = await codeFor(person)
    await person.browser.send('/auth/login', { json: alice })
    const listed = JSON.parse((await person.browser.send('/auth/consents', { method: 'GET' })).text)
    expect(listed).toEqual({
      consents: [
        {
          client_id: 'app',
          scope: ['openid', 'read'],
          resources: ['https://api.example', 'https://files.example'],
          granted_at: expect.stringMatching(/Z$/),
        },
      ],
    })
    expect((await person.browser.send('/auth/consents/app', { method: 'DELETE' })).status).toBe(204)
    expect((await person.browser.send('/auth/consents/app', { method: 'DELETE' })).status).toBe(404)
    const form = { grant_type: 'refresh_token', client_id: 'app', refresh_token: tokens.refresh_token }
    expect((await server.send('/oauth/token', { form })).text).toContain('"consent_withdrawn"')
    expect((await redeem(server, pending)).text).toContain('"unknown_code"')
    expect((await person.open(authorizationQuery())).reply.text).toContain('name="deny"')
    const asClient = await server.send('/auth/consents', { bearer: tokens.access_token })
    expect(asClient.status).toBe(401)
  })

  test('G-11 wrong passwords are told on the page and slowed down, and tell nobody which users there are', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    const page = await person.open(authorizationQuery())
    const wrong = await person.send(page, { username: alice.username, password: 'wrong' })
    const nobody = await person.send(page, { username: 'nobody', password: 'wrong' })
    for (const { reply } of [wrong, nobody]) {
      expect(reply.status).toBe(401)
      expect(reply.text).toContain('The username or the password is wrong.')
      expect(reply.setCookies).toEqual([])
    }
    let last = wrong.reply
    for (let guess = 0; guess < 40 && last.status === 401; guess += 1) {
      last = (await person.send(page, { username: alice.username, password: `wrong ${guess}` })).reply
    }
    expect(last.status).toBe(429)
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0)
  })
})
