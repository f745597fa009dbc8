import { describe, expect, test } from 'vitest'
import { builtInClient } from '../../src/registered-clients/built-in-client.ts'
import {
  type CheckedRegistration,
  type ClientRegistration,
  checkRegistration,
  type RegistrationRefusal,
} from '../../src/registered-clients/client-registration.ts'
import { digestSecret } from '../../src/secrets/secret-digest.ts'
import { seededRandom } from '../secrets/seeded-random.ts'

const secret = 'a-secret-of-at-least-22'

function check(registration: Partial<ClientRegistration>): CheckedRegistration | RegistrationRefusal {
  return checkRegistration({ id: 'app', type: 'confidential', secret, ...registration }, seededRandom())
}

function checked(registration: Partial<ClientRegistration>): CheckedRegistration {
  const outcome = check(registration)
  if (!outcome.ok) throw new Error(outcome.message)
  return outcome
}

describe('registering a client', () => {
  test('the least of a public client: no grant, no secret, the defaults of the contract', () => {
    expect(checkRegistration({ id: 'app', type: 'public' }, seededRandom())).toStrictEqual({
      ok: true,
      client: {
        id: 'app',
        type: 'public',
        authentication: 'none',
        secretHash: null,
        redirectUris: [],
        grants: [],
        scopes: [],
        resources: [],
        policy: 'rotating',
        accessSeconds: null,
      },
    })
  })

  test('CA-3: of a given secret only the digest is kept, and it is not handed back', () => {
    const outcome = checked({})
    expect(outcome.client).toMatchObject({ authentication: 'client_secret_basic', secretHash: digestSecret(secret) })
    expect(outcome).not.toHaveProperty('generatedSecret')
    expect(JSON.stringify(outcome)).not.toContain(secret)
  })

  test('CA-3: a secret that is not given is made: 256 bits, handed back once, kept as its digest', () => {
    const outcome = checkRegistration({ id: 'app', type: 'confidential' }, seededRandom())
    if (!outcome.ok) throw new Error(outcome.message)
    expect(outcome.generatedSecret).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(outcome.client.secretHash).toEqual(digestSecret(outcome.generatedSecret ?? ''))
  })

  test('everything at once, repeated values kept once and in order', () => {
    const { client } = checked({
      auth: 'client_secret_post',
      redirectUris: ['https://app.example.com/callback', 'com.example.app:/callback', 'http://127.0.0.1/callback?x=1'],
      grants: ['client_credentials', 'refresh_token', 'client_credentials'],
      scopes: ['read', 'write:all', 'read'],
      resources: ['https://api.example.com', 'urn:example:api'],
      policy: 'shared-store',
      accessSeconds: 60,
    })
    expect(client).toMatchObject({
      authentication: 'client_secret_post',
      redirectUris: ['https://app.example.com/callback', 'com.example.app:/callback', 'http://127.0.0.1/callback?x=1'],
      grants: ['client_credentials', 'refresh_token'],
      scopes: ['read', 'write:all'],
      resources: ['https://api.example.com', 'urn:example:api'],
      policy: 'shared-store',
      accessSeconds: 60,
    })
  })

  test.each<[string, Partial<ClientRegistration>]>([
    ['id', { id: '' }],
    ['id', { id: 'x'.repeat(129) }],
    ['id', { id: 'two words' }],
    ['id', { id: 'äpp' }],
    ['id', { id: 'first-party' }],
    ['id', { id: 'usr_AAAAAAAAAAAAAAAAAAAAAA' }],
    ['id', { id: 'https://client.example.com' }],
    ['type', { type: 'secret' }],
    ['type', { type: '' }],
    ['auth', { auth: 'client_secret_jwt' }],
    ['secret', { auth: 'private_key_jwt' }],
    ['auth', { auth: 'none' }],
    ['auth', { type: 'public', auth: 'client_secret_basic' }],
    ['secret', { type: 'public' }],
    ['secret', { secret: '' }],
    ['secret', { secret: 'x'.repeat(21) }],
    ['secret', { secret: 'x'.repeat(513) }],
    ['secret', { secret: `${secret}\n` }],
    ['secret', { secret: 'ä'.repeat(32) }],
    ['grant', { grants: ['password'] }],
    ['grant', { grants: ['refresh_token', ''] }],
    ['grant', { grants: ['password'] }],
    ['scope', { scopes: ['read write'] }],
    ['scope', { scopes: [''] }],
    ['scope', { scopes: ['say"it"'] }],
    ['scope', { scopes: ['back\\slash'] }],
    ['scope', { scopes: ['lesen-für-alle'] }],
    ['resource', { resources: ['api.example.com'] }],
    ['resource', { resources: ['https://api.example.com/#part'] }],
    ['resource', { resources: ['https://api.example.com/a b'] }],
    ['resource', { resources: [''] }],
    ['resource', { resources: [`https://api.example.com/${'x'.repeat(2048)}`] }],
    ['redirect-uri', { redirectUris: ['/callback'] }],
    ['redirect-uri', { redirectUris: ['https://app.example.com/callback#'] }],
    ['redirect-uri', { redirectUris: ['https://'] }],
    ['redirect-uri', { redirectUris: ['javascript:alert(1)'] }],
    ['redirect-uri', { redirectUris: ['https://app.example.com/callback', 'DATA:text/html,x'] }],
    ['policy', { policy: 'bound' }],
    ['policy', { policy: '' }],
    ['exchange', { grants: ['urn:ietf:params:oauth:grant-type:token-exchange'], exchange: 'all' }],
    ['exchange', { grants: ['refresh_token'], exchange: 'own' }],
    ['access-seconds', { accessSeconds: 0 }],
    ['access-seconds', { accessSeconds: 86_401 }],
    ['access-seconds', { accessSeconds: 1.5 }],
    ['access-seconds', { accessSeconds: Number.NaN }],
  ])('refuses a wrong %s, naming the field and what would be right: %j', (field, registration) => {
    const outcome = check(registration)
    expect(outcome).toEqual({ ok: false, field, message: expect.stringMatching(/^.+\.?$/) })
    expect(outcome).toHaveProperty('message', expect.not.stringContaining(secret))
  })

  test('rfc6749-4.4: client_credentials is for confidential clients only', () => {
    const grants = ['client_credentials']
    expect(checkRegistration({ id: 'app', type: 'public', grants }, seededRandom())).toMatchObject({
      ok: false,
      field: 'grant',
    })
    expect(check({ grants })).toMatchObject({ ok: true })
  })

  test.each(['a', 'A.b_c~d-9', 'x'.repeat(128), 'first-party-2', 'user_1'])('takes the id %s', (id) => {
    expect(checked({ id }).client.id).toBe(id)
  })

  test.each([1, 86_400])('takes an access lifetime of %s seconds', (accessSeconds) => {
    expect(checked({ accessSeconds }).client.accessSeconds).toBe(accessSeconds)
  })

  test.each([22, 512])('takes a secret of %s characters', (length) => {
    expect(checked({ secret: 'x'.repeat(length) }).ok).toBe(true)
  })
})

test('the built-in client is public, refreshes and nothing else, and is one that nobody can register', () => {
  const client = builtInClient({ resources: ['https://api.example.com'] })
  expect(client).toMatchObject({
    id: 'first-party',
    type: 'public',
    authentication: 'none',
    secretHash: null,
    grants: ['refresh_token'],
    resources: ['https://api.example.com'],
    scopes: [],
    policy: 'rotating',
    accessSeconds: null,
  })
  expect(check({ id: client.id })).toMatchObject({ ok: false, field: 'id' })
})
