import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  addApp,
  answerOf,
  authorizationQuery,
  claimsOf,
  codeFor,
  redeem,
  sitDown,
} from './running-server/authorization.ts'
import { codeGrantReply, errorReply } from './running-server/replies.ts'
import { alice, engines, type StartedServer, startServer } from './running-server/started-server.ts'

const jwks: z.ZodType<JSONWebKeySet> = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) })

async function idTokenFor(server: StartedServer, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const tokens = (await redeem(server, await codeFor(sitDown(server), more))).read(codeGrantReply)
  return tokens.id_token ?? ''
}

describe.each(engines)('OpenID Connect on %s', (engine) => {
  test.each(['oauth2.1', 'oidc'] as const)(
    'OI-1 OI-2 oidc-core-2 with the profile %s the id token verifies, and says who signed in, when, how, and for whom',
    async (profile) => {
      await using server = await startServer({ engine, configuration: { profile } })
      await addApp(server)
      const signedInAt = Math.floor(server.clock.now() / 1000)
      const idToken = await idTokenFor(server, { nonce: 'a nonce', scope: 'openid profile' })
      const keys = createLocalJWKSet((await server.send('/oauth/jwks')).read(jwks))
      const algorithm = profile === 'oidc' ? 'RS256' : 'ES256'
      const { payload, protectedHeader } = await jwtVerify(idToken, keys, {
        issuer: server.issuer,
        audience: 'app',
        algorithms: [algorithm],
        currentDate: new Date(server.clock.now()),
      })
      expect(protectedHeader).toMatchObject({ alg: algorithm, typ: 'JWT' })
      expect(payload).toMatchObject({
        nonce: 'a nonce',
        auth_time: signedInAt,
        amr: ['pwd'],
        preferred_username: alice.username,
        sid: expect.any(String),
      })
      const metadata = JSON.parse((await server.send('/.well-known/openid-configuration')).text)
      expect(metadata.id_token_signing_alg_values_supported).toEqual([algorithm])
    },
  )

  test('OI-3 oidc-core-3.1.2.1 prompt=none shows no page: login_required, consent_required, or a code', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    const silently = async (more = {}) =>
      answerOf((await person.open(authorizationQuery({ prompt: 'none', ...more }))).reply)
    expect((await silently()).get('error')).toBe('login_required')
    // AZ-6: an error of the request itself is the one thing that is sent on without anybody signed in.
    expect((await silently({ scope: 'admin' })).get('error')).toBe('invalid_scope')
    await codeFor(person)
    expect((await silently()).has('code')).toBe(true)
    expect((await silently({ scope: 'openid write' })).get('error')).toBe('consent_required')
    server.clock.advanceSeconds(61)
    expect((await silently({ max_age: '60' })).get('error')).toBe('login_required')
    server.clock.advanceSeconds(31 * 86_400)
    expect((await silently()).get('error')).toBe('login_required')
  })

  test('OI-3 SU-1 oidc-core-3.1.2.1 prompt=login and max_age ask for the password again, once, and auth_time tells of it', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    await codeFor(person)
    const first = Math.floor(server.clock.now() / 1000)
    server.clock.advanceSeconds(100)
    const authTime = async (more: Record<string, string>) => {
      const tokens = (await redeem(server, await codeFor(person, more))).read(codeGrantReply)
      const times = [tokens.id_token ?? '', tokens.access_token].map((token) => claimsOf(token)['auth_time'])
      expect(times[0]).toBe(times[1])
      return Number(times[0]) - first
    }
    expect(await authTime({ max_age: '100' })).toBe(0)
    expect(await authTime({ max_age: '99' })).toBe(100)
    server.clock.advanceSeconds(10)
    expect(await authTime({ prompt: 'login' })).toBe(110)
    server.clock.advanceSeconds(10)
    expect(await authTime({ max_age: '0', prompt: 'select_account consent' })).toBe(120)
    // The proof of having signed in is bound to the request: put to another one, it does nothing.
    const page = await person.send(await person.open(authorizationQuery({ prompt: 'login' })), alice)
    const code = page.reply.headers.get('location')
    expect(code).toContain('code=')
  })

  test('a link with somebody else’s proof of having signed in asks for the password all the same', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    const asked = await person.open(authorizationQuery({ prompt: 'login', scope: 'write' }))
    const signedIn = await person.send(asked, alice)
    const proof = new URLSearchParams(signedIn.path.split('?')[1]).get('signed_in') ?? ''
    expect(proof).not.toBe('')
    const other = `${authorizationQuery({ prompt: 'login', state: 'other' })}&signed_in=${proof}`
    expect((await person.open(other)).reply.text).toContain('name="password"')
    const stranger = sitDown(server)
    await stranger.authorize(authorizationQuery())
    expect((await stranger.open(signedIn.path)).reply.text).toContain('name="password"')
    // A reload of the page by the one who signed in shows what it showed.
    expect((await person.open(signedIn.path)).reply.text).toContain('name="deny"')
  })

  test('SU-1 rfc9470-5 acr_values that signing in reaches stand in the tokens', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const acr = 'urn:pawl:acr:password'
    const tokens = (await redeem(server, await codeFor(sitDown(server), { acr_values: `gold ${acr}` }))).read(
      codeGrantReply,
    )
    expect([tokens.id_token ?? '', tokens.access_token].map((token) => claimsOf(token)['acr'])).toEqual([acr, acr])
  })

  test('OI-4 oidc-core-5.3 userinfo answers an access token with the scope openid, and challenges all others', async () => {
    await using server = await startServer({ engine })
    await addApp(server)
    const person = sitDown(server)
    const tokens = (await redeem(server, await codeFor(person, { scope: 'openid profile' }))).read(codeGrantReply)
    const sub = claimsOf(tokens.id_token ?? '')['sub']
    for (const method of ['GET', 'POST'] as const) {
      const reply = await server.send('/oauth/userinfo', { method, bearer: tokens.access_token })
      expect(reply.status).toBe(200)
      expect(JSON.parse(reply.text)).toEqual({ sub, preferred_username: alice.username })
      expect(reply.headers.get('cache-control')).toContain('no-store')
    }
    const plain = (await redeem(server, await codeFor(person, { scope: 'openid' }))).read(codeGrantReply)
    expect(JSON.parse((await server.send('/oauth/userinfo', { bearer: plain.access_token })).text)).toEqual({ sub })

    const none = await server.send('/oauth/userinfo')
    expect(none.status).toBe(401)
    expect(none.headers.get('www-authenticate')).not.toContain('error')
    const without = (await redeem(server, await codeFor(person, { scope: 'read' }))).read(codeGrantReply)
    expect(without.id_token).toBeUndefined()
    const lacking = await server.send('/oauth/userinfo', { bearer: without.access_token })
    expect(lacking.status).toBe(403)
    expect(lacking.headers.get('www-authenticate')).toMatch(/error="insufficient_scope".*scope="openid"/)
    // JW-7: an id token is no access token.
    const wrongKind = await server.send('/oauth/userinfo', { bearer: tokens.id_token ?? '' })
    expect(wrongKind.status).toBe(401)
    expect(wrongKind.read(errorReply)).toMatchObject({ error: 'invalid_token', reason: 'wrong_type' })
  })

  test('oidc-core-5.5.1.1 with the profile oidc acr_values that cannot be reached are passed over', async () => {
    await using server = await startServer({ engine, configuration: { profile: 'oidc' } })
    await addApp(server)
    expect(await codeFor(sitDown(server), { acr_values: 'urn:example:gold' })).toHaveLength(43)
  })
})

test('oidc-discovery-4 the configuration stands in inserted and appended form, and is the server’s metadata (MD-1)', async () => {
  await using server = await startServer({ basePath: '/id' })
  const wellKnown = '/.well-known/openid-configuration'
  const places = [`${server.origin}${wellKnown}/id`, `${server.origin}/id${wellKnown}`]
  const documents = await Promise.all(places.map(async (place) => (await fetch(place)).json()))
  expect(documents[0]).toEqual(documents[1])
  expect(documents[0]).toEqual(await (await fetch(`${server.origin}/id/.well-known/oauth-authorization-server`)).json())
})
