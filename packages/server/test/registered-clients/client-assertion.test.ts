import { exportJWK, exportPKCS8, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { builtInClient } from '../../src/registered-clients/built-in-client.ts'
import { createAssertionCheck } from '../../src/registered-clients/client-assertion.ts'
import {
  type ClientAuthenticationOutcome,
  createClientAuthentication,
} from '../../src/registered-clients/client-authentication.ts'
import { createClientKeySource } from '../../src/registered-clients/client-key-source.ts'
import type { ClientRegistration } from '../../src/registered-clients/client-registration.ts'
import { createClientFinder } from '../../src/registered-clients/find-client.ts'
import { createRegistrations } from '../../src/registered-clients/registrations.ts'
import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { seededRandom } from '../secrets/seeded-random.ts'

const issuer = 'https://id.example'
const seconds = 1_800_000_000
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const pairs = {
  ES256: await generateKeyPair('ES256', { extractable: true }),
  Ed25519: await generateKeyPair('Ed25519', { extractable: true }),
  RS256: await generateKeyPair('RS256', { extractable: true, modulusLength: 3072 }),
}
const stranger = await generateKeyPair('ES256', { extractable: true })

const storage = memoryStorage({ clock: () => seconds * 1000 })
const registrations = createRegistrations({ store: storage, now: async () => 0, random: seededRandom() })
const builtIn = builtInClient({ resources: [] })
const nowhere = { read: () => Promise.reject(new Error('nothing is fetched here')) }
const authenticate = createClientAuthentication({
  find: createClientFinder({ store: storage, builtIn }),
  checkAssertion: createAssertionCheck({
    issuer,
    now: () => storage.storeNow(),
    useOnce: async (key, milliseconds) => (await storage.countFailures(key, 1, milliseconds)).count === 1,
    keysOf: createClientKeySource({ anywhere: nowhere, public: nowhere }),
  }),
})

async function registered(id: string, more: Partial<ClientRegistration>): Promise<void> {
  const outcome = await registrations.register({ id, type: 'confidential', auth: 'private_key_jwt', ...more })
  if (!outcome.ok) throw new Error(outcome.message)
}

for (const [name, { publicKey }] of Object.entries(pairs)) {
  await registered(name, { jwks: { keys: [await exportJWK(publicKey)] } })
}
const [strangersKey, privateKey] = [await exportJWK(stranger.publicKey), await exportJWK(pairs.ES256.privateKey)]
const [es256, ed25519] = [await exportJWK(pairs.ES256.publicKey), await exportJWK(pairs.Ed25519.publicKey)]
await registered('named', { jwks: { keys: [{ ...es256, kid: 'one', use: 'sig', alg: 'ES256' }] } })
await registered('other', { jwks: { keys: [strangersKey] } })
await registrations.register({ id: 'secret', type: 'confidential', secret: 's'.repeat(32) })

/** What a client signs, but for what the test wants otherwise. */
interface Wishes {
  readonly id?: string
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  readonly key?: CryptoKey
  readonly alg?: string
}

let number = 0

function sign({ id = 'ES256', claims = {}, header = {}, key, alg = 'ES256' }: Wishes = {}): Promise<string> {
  number += 1
  const jti = `jti ${number}`
  return new SignJWT({ iss: id, sub: id, aud: issuer, iat: seconds, exp: seconds + 60, jti, ...claims })
    .setProtectedHeader({ alg, typ: 'client-authentication+jwt', ...header })
    .sign(key ?? pairs.ES256.privateKey)
}

function present(
  assertion: string,
  more: Readonly<Record<string, string>> = {},
  authorization?: string,
): Promise<ClientAuthenticationOutcome> {
  const parameters = { client_assertion_type: assertionType, client_assertion: assertion, ...more }
  return authenticate({ authorization, parameters: new URLSearchParams(parameters) })
}

const refused = expect.objectContaining({ ok: false, error: 'invalid_client', challenge: false })

describe('CA-4 rfc7523-3: a signed assertion', () => {
  test.each(['ES256', 'Ed25519', 'RS256'] as const)('proves the client, by %s', async (alg) => {
    const assertion = await sign({ id: alg, alg, key: pairs[alg].privateKey })
    expect(await present(assertion)).toMatchObject({ ok: true, client: { id: alg } })
  })

  test.each<[string, Wishes]>([
    ['the type as a media type, in capitals', { header: { typ: 'application/Client-Authentication+JWT' } }],
    ['the type JWT', { header: { typ: 'JWT' } }],
    ['no type', { header: { typ: undefined } }],
    ['the issuer as the only one of a list of audiences', { claims: { aud: [issuer] } }],
    ['CA-6 a clock 30 s ahead', { claims: { iat: seconds + 30, nbf: seconds + 30 } }],
    ['no iat, and an exp with a fraction', { claims: { iat: undefined, exp: seconds + 0.5 } }],
    ['the latest exp', { claims: { exp: seconds + 3600 } }],
    ['the name of its key', { id: 'named', header: { kid: 'one' } }],
    ['a key id where the registered key has none', { header: { kid: 'whatever' } }],
    ['JW-5 the old name of Ed25519', { id: 'Ed25519', alg: 'EdDSA', key: pairs.Ed25519.privateKey }],
  ])('is good with %s', async (_, wishes) => {
    expect(await present(await sign(wishes))).toMatchObject({ ok: true })
  })

  test.each<[string, Wishes]>([
    ['the token endpoint as its audience', { claims: { aud: `${issuer}/oauth/token` } }],
    ['the issuer and somebody else as its audience', { claims: { aud: [issuer, 'https://other.example'] } }],
    ['another issuer as its audience', { claims: { aud: 'https://other.example' } }],
    ['the issuer with a slash', { claims: { aud: `${issuer}/` } }],
    ['no audience', { claims: { aud: undefined } }],
    ['an empty audience', { claims: { aud: [] } }],
    ['another iss than sub', { claims: { iss: 'other' } }],
    ['no iss', { claims: { iss: undefined } }],
    ['no sub', { claims: { sub: undefined } }],
    ['no exp', { claims: { exp: undefined } }],
    ['an exp that is now', { claims: { exp: seconds } }],
    ['an exp more than an hour ahead', { claims: { exp: seconds + 3601 } }],
    ['no jti', { claims: { jti: undefined } }],
    ['an empty jti', { claims: { jti: '' } }],
    ['a jti of 257 characters', { claims: { jti: 'x'.repeat(257) } }],
    ['CA-6 an iat 61 s ahead', { claims: { iat: seconds + 61 } }],
    ['CA-6 an nbf 61 s ahead', { claims: { nbf: seconds + 61 } }],
    ['JW-7 the type of an access token', { header: { typ: 'at+jwt' } }],
    ['JW-7 the type of a DPoP proof', { header: { typ: 'dpop+jwt' } }],
    ['JW-7 the type of a security event', { header: { typ: 'application/secevent+jwt' } }],
    ['JW-4 an extension', { header: { b64: true, crit: ['b64'] } }],
    ['the key of somebody else', { key: stranger.privateKey }],
    ['JW-3 a key that it brings along', { key: stranger.privateKey, header: { jwk: strangersKey } }],
    ['the id of another key', { id: 'named', header: { kid: 'two' } }],
    ['CA-5 another algorithm than the registered one', { id: 'ES256', alg: 'Ed25519', key: pairs.Ed25519.privateKey }],
    ['the id of a client that has a secret', { id: 'secret' }],
    ['the id of nobody', { id: 'nobody' }],
    ['the id of the built-in client', { id: 'first-party' }],
  ])('is refused with %s', async (_, wishes) => {
    expect(await present(await sign(wishes))).toEqual(refused)
  })

  test('CA-4 is used once; another client may use the same jti', async () => {
    const assertion = await sign({ claims: { jti: 'again' } })
    expect(await present(assertion)).toMatchObject({ ok: true })
    expect(await present(assertion)).toEqual(refused)
    expect(await present(await sign({ claims: { jti: 'again' } }))).toEqual(refused)
    expect(
      await present(await sign({ id: 'other', key: stranger.privateKey, claims: { jti: 'again' } })),
    ).toMatchObject({ ok: true })
  })

  test('CA-4 a jti is not used up by what was refused', async () => {
    const claims = { jti: 'kept' }
    expect(await present(await sign({ claims, key: stranger.privateKey }))).toEqual(refused)
    expect(await present(await sign({ claims: { ...claims, exp: seconds } }))).toEqual(refused)
    expect(await present(await sign({ claims }))).toMatchObject({ ok: true })
  })

  test('JW-2 one that is not signed, or with the public key as a password, is refused', async () => {
    const [, payload] = (await sign()).split('.')
    const header = (alg: string) => Buffer.from(JSON.stringify({ alg })).toString('base64url')
    expect(await present(`${header('none')}.${payload}.`)).toEqual(refused)
    expect(await present(`${header('none')}.${payload}.AA`)).toEqual(refused)
    const password = new TextEncoder().encode(await exportPKCS8(pairs.ES256.privateKey))
    const symmetric = await new SignJWT({ iss: 'ES256', sub: 'ES256', aud: issuer, exp: seconds + 60, jti: 'x' })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(password)
    expect(await present(symmetric)).toEqual(refused)
  })

  test('rfc7521-4.2: client_id is optional beside it and names the same client', async () => {
    expect(await present(await sign(), { client_id: 'ES256' })).toMatchObject({ ok: true })
    expect(await present(await sign(), { client_id: 'RS256' })).toEqual(refused)
  })

  test('rfc7521-4.2: another type of assertion, or one of the two parameters alone, is refused', async () => {
    const saml = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer'
    expect(await present(await sign(), { client_assertion_type: saml })).toEqual(refused)
    expect(await present(await sign(), { client_assertion_type: '' })).toEqual(refused)
    expect(await present('', { client_id: 'ES256' })).toEqual(refused)
    for (const broken of ['x', 'a.b.c', '..', '{}']) expect(await present(broken)).toEqual(refused)
  })

  test('CA-1 is a method of its own: beside a secret it is one too many, and the client has no other', async () => {
    const conflict = { ok: false, error: 'invalid_request', reason: 'conflicting_authentication', challenge: false }
    expect(await present(await sign(), { client_secret: 'x' })).toEqual(conflict)
    expect(await present(await sign(), {}, `Basic ${btoa('ES256:x')}`)).toEqual(conflict)
    const alone = { authorization: undefined, parameters: new URLSearchParams({ client_id: 'ES256' }) }
    expect(await authenticate(alone)).toEqual(refused)
    const zeros = new URLSearchParams({ client_id: 'ES256', client_secret: '' })
    expect(await authenticate({ authorization: undefined, parameters: zeros })).toEqual(refused)
    expect(
      await authenticate({ authorization: `Basic ${btoa('ES256:')}`, parameters: new URLSearchParams() }),
    ).toMatchObject({ ok: false })
  })
})

describe('CA-5 registering keys', () => {
  const rsa1024 = { kty: 'RSA', n: Buffer.alloc(128, 0xff).toString('base64url'), e: 'AQAB' }
  const offCurve = { ...es256, y: es256.x }

  test.each<[string, Partial<ClientRegistration>]>([
    ['jwks', {}],
    ['jwks', { jwks: { keys: [es256] }, jwksUri: 'https://client.example/keys' }],
    ['jwks', { jwks: [es256] }],
    ['jwks', { jwks: 'keys' }],
    ['jwks', { jwks: { keys: [] } }],
    ['jwks', { jwks: { keys: [null, 'x', []] } }],
    ['jwks', { jwks: { keys: [privateKey] } }],
    ['jwks', { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }],
    ['jwks', { jwks: { keys: [{ ...es256, use: 'enc' }] } }],
    ['jwks', { jwks: { keys: [{ ...es256, key_ops: ['sign'] }] } }],
    ['jwks', { jwks: { keys: [{ ...es256, alg: 'ES384' }] } }],
    ['jwks', { jwks: { keys: [{ ...es256, kid: 7 }] } }],
    ['jwks', { jwks: { keys: [offCurve] } }],
    ['jwks', { jwks: { keys: [rsa1024] } }],
    ['jwks', { jwks: { keys: [es256] }, signingAlgorithm: 'RS256' }],
    ['jwks', { auth: 'client_secret_basic', jwks: { keys: [es256] } }],
    ['jwks', { auth: 'client_secret_basic', jwksUri: 'https://client.example/keys' }],
    ['jwks', { type: 'public', auth: 'none', signingAlgorithm: 'ES256' }],
    ['signing-algorithm', { jwks: { keys: [es256, ed25519] } }],
    ['signing-algorithm', { jwks: { keys: [es256] }, signingAlgorithm: 'HS256' }],
    ['signing-algorithm', { jwks: { keys: [es256] }, signingAlgorithm: 'none' }],
    ['jwks-uri', { jwksUri: 'http://client.example/keys' }],
    ['jwks-uri', { jwksUri: 'https://user@client.example/keys' }],
    ['jwks-uri', { jwksUri: 'https://client.example/keys#one' }],
    ['jwks-uri', { jwksUri: 'keys' }],
    ['secret', { jwks: { keys: [es256] }, secret: 's'.repeat(32) }],
  ])('refuses a wrong %s: %j', async (field, more) => {
    const asked = { id: 'new', type: 'confidential', auth: 'private_key_jwt', ...more }
    expect(await registrations.register(asked)).toMatchObject({ ok: false, field, message: expect.any(String) })
  })

  test('keeps the public members of those that fit the algorithm, and the names of the keys', async () => {
    const jwks = { keys: [{ ...es256, kid: 'one', x5c: ['x'] }, ed25519] }
    const asked = { id: 'two-kinds', type: 'confidential', auth: 'private_key_jwt', jwks, signingAlgorithm: 'ES256' }
    expect(await registrations.register(asked)).toMatchObject({
      ok: true,
      client: {
        secrets: 0,
        assertionKeys: { algorithm: 'ES256', jwks: [{ kid: 'one', jwk: es256 }] },
      },
    })
  })
})
