import { calculateJwkThumbprint, createLocalJWKSet, decodeProtectedHeader, type JWK, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn } from './running-server/first-party-calls.ts'
import { engines, type StartedServer, startServer } from './running-server/started-server.ts'

const publicKeys = {
  ES256: z.strictObject({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string().length(43),
    y: z.string().length(43),
    ...common('ES256'),
  }),
  Ed25519: z.strictObject({
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    x: z.string().length(43),
    ...common('Ed25519'),
  }),
  RS256: z.strictObject({ kty: z.literal('RSA'), n: z.string().min(342), e: z.literal('AQAB'), ...common('RS256') }),
} as const

function common<Algorithm extends string>(algorithm: Algorithm) {
  return { use: z.literal('sig'), alg: z.literal(algorithm), kid: z.string() }
}

describe.each(['ES256', 'Ed25519', 'RS256'] as const)('rfc7517-5: the key set with %s keys', (signingAlgorithm) => {
  test('holds public members only, each key with use, alg and its thumbprint as kid (JW-8, JW-9)', async () => {
    await using server = await startServer({ configuration: { signingAlgorithm } })
    const reply = await server.send('/oauth/jwks')
    expect(reply.status).toBe(200)
    expect(reply.headers.get('cache-control')).toBe('public, max-age=300')
    const { keys } = reply.read(z.strictObject({ keys: z.array(publicKeys[signingAlgorithm]) }))
    expect(keys).toHaveLength(1)
    for (const key of keys) expect(key.kid).toBe(await calculateJwkThumbprint(key))
  })
})

describe.each(engines)('keys that follow one another, on %s', (engine) => {
  test('a new key is published before it signs, the old one stays while its tokens live (JW-8, T12.1)', async () => {
    await using server = await startServer({ engine })
    const first = await signIn(server)
    const { kid } = await server.pawl.administration.rotateKey()
    const published = await keySet(server)
    expect(published.map((key) => key.kid)).toEqual([kid, kidOf(first.access_token)])

    // Longer than anyone may keep the key set of before, and no earlier.
    server.clock.advanceSeconds(300)
    const early = await refresh(server, first.refresh_token)
    expect(kidOf(early.access_token)).toBe(kidOf(first.access_token))
    server.clock.advanceSeconds(60)
    const late = await refresh(server, early.refresh_token)
    expect(kidOf(late.access_token)).toBe(kid)
    for (const { access_token } of [first, early, late]) {
      expect(await sessionStatus(server, access_token)).toBe(200)
      await jwtVerify(access_token, createLocalJWKSet({ keys: await keySet(server) }), {
        currentDate: new Date(server.clock.now()),
      })
    }
  })

  test('a killed key: its tokens are refused at once, sessions refresh on (T13.3)', async () => {
    await using server = await startServer({ engine })
    const session = await signIn(server)
    const killed = kidOf(session.access_token)
    await server.pawl.administration.killKey(killed)
    const refused = await server.send('/auth/session', { bearer: session.access_token })
    expectRefusal(refused, 'invalid_token', 'unknown_key')
    const next = await refresh(server, session.refresh_token)
    expect(kidOf(next.access_token)).not.toBe(killed)
    expect(await sessionStatus(server, next.access_token)).toBe(200)
    expect((await keySet(server)).map((key) => key.kid)).toEqual([kidOf(next.access_token)])
  })
})

async function keySet(server: StartedServer): Promise<JWK[]> {
  const keys = z.array(z.looseObject({ kty: z.string(), kid: z.string() }))
  return (await server.send('/oauth/jwks')).read(z.object({ keys })).keys
}

function kidOf(accessToken: string): string {
  return decodeProtectedHeader(accessToken).kid ?? ''
}
