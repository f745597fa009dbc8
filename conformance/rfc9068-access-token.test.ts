import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn } from './running-server/first-party-calls.ts'
import { type StartedServer, startServer } from './running-server/started-server.ts'

const signatureLengths = { ES256: 86, Ed25519: 86, RS256: 342 } as const

describe.each(['ES256', 'Ed25519', 'RS256'] as const)('rfc9068-2: access tokens signed with %s', (signingAlgorithm) => {
  test('verify with another implementation, and hold what RFC 9068 section 2.2 asks for (AT-1, AT-2)', async () => {
    await using server = await startServer({ configuration: { signingAlgorithm } })
    server.clock.advanceMilliseconds(499)
    const session = await signIn(server)
    const { payload, protectedHeader } = await verify(server, session.access_token)
    expect(protectedHeader).toEqual({ alg: signingAlgorithm, typ: 'at+jwt', kid: expect.any(String) })
    const now = Math.floor(server.clock.now() / 1000)
    expect(payload).toEqual({
      iss: server.issuer,
      sub: session.user.id,
      aud: server.issuer,
      client_id: 'first-party',
      sid: session.session_id,
      iat: now,
      iat_ms: server.clock.now() % 1000,
      exp: now + 900,
      auth_time: now,
      amr: ['pwd'],
      roles: ['admin'],
      jti: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
    })
    expect(session.access_token.split('.')[2]).toHaveLength(signatureLengths[signingAlgorithm])
  })
})

describe('rfc9068-2.2: claims', () => {
  test('auth_time stays that of the sign-in, iat is that of the refresh, no jti comes twice (AT-2)', async () => {
    await using server = await startServer()
    let session = await signIn(server)
    const signedInAt = Math.floor(server.clock.now() / 1000)
    const numbers = new Set<unknown>()
    for (const passed of [0, 100, 200]) {
      const { payload } = await verify(server, session.access_token)
      expect(payload).toMatchObject({ auth_time: signedInAt, iat: signedInAt + passed, exp: signedInAt + passed + 900 })
      numbers.add(payload.jti)
      server.clock.advanceSeconds(100)
      session = await refresh(server, session.refresh_token)
    }
    expect(numbers.size).toBe(3)
  })

  test('the audience is the resource asked for, without one the configured default (AT-3)', async () => {
    await using server = await startServer({ configuration: { audience: 'https://api.example/v1' } })
    const resources = ['https://a.example', 'https://b.example']
    await server.pawl.administration.addClient({ id: 'api', type: 'confidential', resources })
    const session = await signIn(server)
    const audienceOf = async (token: string) => (await verify(server, token)).payload.aud
    expect(await audienceOf(session.access_token)).toBe('https://api.example/v1')
    const named = await refresh(server, session.refresh_token, { resource: 'https://b.example' })
    expect(await audienceOf(named.access_token)).toBe('https://b.example')
    const unnamed = await refresh(server, named.refresh_token)
    expect(await audienceOf(unnamed.access_token)).toBe('https://api.example/v1')
  })

  test("the application's own claims stand beside them and take no name of theirs", async () => {
    const claims = () => ({ tenant: 'acme', plan: { seats: 5 }, roles: ['owner'] })
    await using server = await startServer({ configuration: { claims } })
    const session = await signIn(server)
    expect((await verify(server, session.access_token)).payload).toMatchObject(claims())
  })
})

describe('rfc9068-4: what the server itself takes for one of its access tokens (AT-4, JW-2, JW-7)', () => {
  test('nothing but what it signed, unchanged, of that kind and for it', async () => {
    await using server = await startServer()
    await using twin = await startServer({ issuer: server.issuer })
    const session = await signIn(server)
    const [header = '', payload = '', signature = ''] = session.access_token.split('.')
    const { kid } = decodeProtectedHeader(session.access_token)
    const claims = z.record(z.string(), z.unknown()).parse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
    const published = new TextEncoder().encode((await server.send('/oauth/jwks')).text)
    const withPublicKeyAsSecret = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: kid ?? '' })
      .sign(published)
    const headed = (changes: object) =>
      `${encode({ alg: 'ES256', typ: 'at+jwt', kid, ...changes })}.${payload}.${signature}`
    const forged = [
      `${encode({ alg: 'none', typ: 'at+jwt', kid })}.${payload}.`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${header}.${payload}.${signature}.`,
      `${header}.${encode({ ...claims, sub: 'usr_somebody_else' })}.${signature}`,
      `${header}.${encode({ ...claims, exp: 9_999_999_999 })}.${signature}`,
      `${header}.${payload}.${signature.slice(0, -2)}`,
      `${header}.${payload}.${'A'.repeat(86)}`,
      headed({ alg: 'RS256' }),
      headed({ typ: 'JWT' }),
      headed({ kid: 'unknown' }),
      headed({ jwk: { kty: 'EC' } }),
      headed({ crit: ['exp'] }),
      withPublicKeyAsSecret,
      (await signIn(twin)).access_token,
    ]
    for (const token of forged) {
      const reply = await server.send('/auth/session', { bearer: token })
      expect({ token, status: reply.status }).toEqual({ token, status: 401 })
      expect(reply.headers.get('www-authenticate')).toContain('error="invalid_token"')
    }
  })

  test('a token for other resources only is not for the server', async () => {
    await using server = await startServer()
    const resources = ['https://a.example']
    await server.pawl.administration.addClient({ id: 'api', type: 'confidential', resources })
    const session = await signIn(server)
    const named = await refresh(server, session.refresh_token, { resource: resources })
    const reply = await server.send('/auth/session', { bearer: named.access_token })
    expectRefusal(reply, 'invalid_token', 'wrong_audience')
  })
})

async function verify(server: StartedServer, token: string) {
  const keys: JSONWebKeySet = (await server.send('/oauth/jwks')).read(
    z.object({ keys: z.array(z.looseObject({ kty: z.string() })) }),
  )
  return jwtVerify(token, createLocalJWKSet(keys), {
    issuer: server.issuer,
    typ: 'at+jwt',
    currentDate: new Date(server.clock.now()),
    requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
  })
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
