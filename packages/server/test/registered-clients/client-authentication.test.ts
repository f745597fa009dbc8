import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readBasicCredentials } from '../../src/registered-clients/basic-credentials.ts'
import { builtInClient } from '../../src/registered-clients/built-in-client.ts'
import {
  type ClientAuthenticationOutcome,
  createClientAuthentication,
} from '../../src/registered-clients/client-authentication.ts'
import { createClientFinder } from '../../src/registered-clients/find-client.ts'
import { createRegistrations } from '../../src/registered-clients/registrations.ts'
import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { seededRandom } from '../secrets/seeded-random.ts'

const storage = memoryStorage({ clock: () => 0 })
const builtIn = builtInClient({ resources: ['https://api.example.com'] })
const authenticate = createClientAuthentication({ find: createClientFinder({ store: storage, builtIn }) })
const secret = 's3cret with: 100% + "odd" chars'
const registrations = createRegistrations({ store: storage, now: async () => 0, random: seededRandom() })
await registrations.register({ id: 'basic', type: 'confidential', secret })
await registrations.register({ id: 'post', type: 'confidential', auth: 'client_secret_post', secret })
await registrations.register({ id: 'open', type: 'public' })

function encodeForm(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

function basic(id: string, password: string): string {
  return `Basic ${Buffer.from(`${encodeForm(id)}:${encodeForm(password)}`).toString('base64')}`
}

async function attempt(
  authorization: string | undefined,
  ...parameters: readonly (readonly [string, string])[]
): Promise<ClientAuthenticationOutcome> {
  return await authenticate({
    authorization,
    parameters: new URLSearchParams(parameters.map(([name, value]) => [name, value])),
  })
}

function invalidClient(challenge: boolean): unknown {
  return expect.objectContaining({ ok: false, error: 'invalid_client', challenge })
}

function invalidRequest(reason: string): unknown {
  return { ok: false, error: 'invalid_request', reason, challenge: false }
}

describe('client authentication', () => {
  test('CA-2 rfc6749-2.3.1: Basic with form-urlencoded id and secret', async () => {
    expect(await attempt(basic('basic', secret))).toMatchObject({ ok: true, client: { id: 'basic' } })
    const lowerCase = basic('basic', secret).replace('Basic', 'bAsIc  ')
    expect(await attempt(lowerCase)).toMatchObject({ ok: true })
  })

  test('CA-2 rfc6749-2.3.1: a secret with reserved characters that was not form-urlencoded is refused', async () => {
    const raw = `Basic ${Buffer.from(`basic:${secret}`).toString('base64')}`
    expect(await attempt(raw)).toEqual(invalidClient(true))
  })

  test('CA-1: naming the same client in the body beside Basic is no second method, naming another one is', async () => {
    expect(await attempt(basic('basic', secret), ['client_id', 'basic'])).toMatchObject({ ok: true })
    expect(await attempt(basic('basic', secret), ['client_id', 'post'])).toEqual(
      invalidRequest('conflicting_authentication'),
    )
  })

  test('CA-1: two methods at once are refused as a malformed request, right or wrong', async () => {
    const conflict = invalidRequest('conflicting_authentication')
    expect(await attempt(basic('basic', secret), ['client_secret', secret])).toEqual(conflict)
    expect(await attempt(basic('basic', 'wrong'), ['client_id', 'basic'], ['client_secret', secret])).toEqual(conflict)
    expect(await attempt('Bearer abc', ['client_id', 'post'], ['client_secret', secret])).toEqual(conflict)
    expect(await attempt(basic('basic', secret), ['client_assertion', 'a.b.c'])).toEqual(conflict)
    expect(
      await attempt(undefined, ['client_id', 'post'], ['client_secret', secret], ['client_assertion', 'a.b.c']),
    ).toEqual(conflict)
  })

  test('rfc6749-2.3.1: the secret in the body', async () => {
    expect(await attempt(undefined, ['client_id', 'post'], ['client_secret', secret])).toMatchObject({
      ok: true,
      client: { id: 'post' },
    })
  })

  test('CA-2: exactly the registered method counts', async () => {
    expect(await attempt(undefined, ['client_id', 'basic'], ['client_secret', secret])).toEqual(invalidClient(false))
    expect(await attempt(basic('post', secret))).toEqual(invalidClient(true))
    expect(await attempt(undefined, ['client_id', 'basic'])).toEqual(invalidClient(false))
    expect(await attempt(undefined, ['client_id', 'post'])).toEqual(invalidClient(false))
    expect(await attempt(basic('open', ''))).toEqual(invalidClient(true))
    expect(await attempt(undefined, ['client_id', 'open'], ['client_secret', secret])).toEqual(invalidClient(false))
  })

  test('CA-3: a public client is known by its id alone, the built-in one included', async () => {
    expect(await attempt(undefined, ['client_id', 'open'])).toMatchObject({ ok: true, client: { id: 'open' } })
    expect(await attempt(undefined, ['client_id', 'first-party'])).toEqual({ ok: true, client: builtIn })
    expect(await attempt(undefined, ['client_id', 'first-party'], ['client_secret', 'x'])).toEqual(invalidClient(false))
  })

  test('CA-3: wrong, empty, cut and lengthened secrets are refused like unknown clients', async () => {
    for (const wrong of ['', 'x', secret.slice(0, -1), `${secret} `, secret.toUpperCase(), '\u0000']) {
      const refused = { ok: false, error: 'invalid_client', challenge: true }
      expect(await attempt(basic('basic', wrong))).toEqual({ ...refused, claimedClientId: 'basic' })
      expect(await attempt(basic('nobody', wrong))).toEqual({ ...refused, claimedClientId: 'nobody' })
    }
  })

  test('CA-3: 32 zero bytes in place of a digest are no way in', async () => {
    const zeros = createClientAuthentication({ find: async () => undefined })
    expect(await zeros({ authorization: basic('x', ''), parameters: new URLSearchParams() })).toEqual(
      invalidClient(true),
    )
  })

  test('rfc6749-5.2: no authentication at all is invalid_client', async () => {
    expect(await attempt(undefined)).toEqual({ ok: false, error: 'invalid_client', challenge: false })
    expect(await attempt(undefined, ['client_secret', secret])).toEqual(invalidClient(false))
    expect(await attempt(undefined, ['client_id', 'open'], ['client_assertion', 'a.b.c'])).toEqual(invalidClient(false))
    expect(await authenticate({ authorization: null, parameters: new URLSearchParams() })).toEqual(invalidClient(false))
  })

  test('rfc6749-3.2: a parameter without a value counts as absent, a repeated one is malformed', async () => {
    expect(await attempt(undefined, ['client_id', 'open'], ['client_secret', ''])).toMatchObject({ ok: true })
    expect(await attempt(basic('basic', secret), ['client_id', ''], ['client_secret', ''])).toMatchObject({ ok: true })
    expect(await attempt(undefined, ['client_id', ''])).toEqual(invalidClient(false))
    for (const name of ['client_id', 'client_secret', 'client_assertion'] as const) {
      expect(await attempt(undefined, [name, 'open'], [name, 'open'])).toEqual(invalidRequest('repeated_parameter'))
    }
  })

  test.each([
    'Bearer abc',
    'Basic',
    'Basic ',
    'Basic ====',
    'Basic a b',
    'Basic YmFzaWM',
    `Basic ${Buffer.from('no colon').toString('base64')}`,
    `Basic ${Buffer.from('basic:%zz').toString('base64')}`,
    `Basic ${Buffer.from([0xff, 0x3a, 0xff]).toString('base64')}`,
    `Basic ${Buffer.from('basic:%FF').toString('base64')}`,
    '',
  ])('an Authorization header that is no Basic credentials is answered with a challenge: %s', async (authorization) => {
    expect(await attempt(authorization)).toEqual({ ok: false, error: 'invalid_client', challenge: true })
    expect(await attempt(authorization, ['client_id', 'open'])).toEqual(invalidClient(true))
  })

  test('what cannot be a client id never reaches the store', async () => {
    const asked: string[] = []
    const find = createClientFinder({
      store: {
        findClient: async (id) => {
          asked.push(id)
          return undefined
        },
        storeNow: async () => 0,
      },
      builtIn,
    })
    for (const id of ['', 'a\u0000b', 'ä', 'a b', '\ud800', 'x'.repeat(2049)]) expect(await find(id)).toBeUndefined()
    expect(asked).toEqual([])
    // What would be read at a URL is not looked for in the store.
    expect(await find('https://client.example.com/metadata')).toBeUndefined()
    expect(asked).toEqual([])
    await find('client')
    expect(asked).toEqual(['client'])
  })

  test('rfc6749-2.3.1: every id and secret comes through Basic as it went in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (id, password) => {
        expect(readBasicCredentials(basic(id, password))).toEqual({ id, secret: password })
      }),
    )
  })
})

describe('registrations', () => {
  test('a client is stored once, listed without its secret’s digest, and removed', async () => {
    const store = memoryStorage({ clock: () => 7 })
    const clients = createRegistrations({ store, now: () => store.storeNow(), random: seededRandom() })
    const outcome = await clients.register({ id: 'app', type: 'confidential' })
    expect(outcome).toMatchObject({
      ok: true,
      client: { id: 'app', createdAt: 7 },
      generatedSecret: expect.any(String),
    })
    expect(outcome).not.toHaveProperty('client.secretHash')
    expect(await clients.register({ id: 'app', type: 'public' })).toMatchObject({ ok: false, field: 'id' })
    expect(await clients.register({ id: '', type: 'public' })).toMatchObject({ ok: false, field: 'id' })
    const listed = await clients.list()
    expect(listed).toMatchObject([{ id: 'app', type: 'confidential' }])
    expect(listed[0]).not.toHaveProperty('secretHash')
    expect(await clients.remove('app')).toBe(true)
    expect(await clients.remove('app')).toBe(false)
    expect(await clients.remove('first-party')).toBe(false)
    expect(await clients.list()).toEqual([])
    expect((await store.nextEvents(9)).map(({ event }) => event)).toMatchObject([
      { type: 'client_added', actor: 'admin', clientId: 'app', at: 7 },
      { type: 'client_removed', actor: 'admin', clientId: 'app', at: 7 },
    ])
  })

  test('the secret that was made opens the door, and only until the client is removed', async () => {
    const store = memoryStorage({ clock: () => 7 })
    const clients = createRegistrations({ store, now: () => store.storeNow(), random: seededRandom() })
    const outcome = await clients.register({ id: 'app', type: 'confidential' })
    const made = outcome.ok ? (outcome.generatedSecret ?? '') : ''
    const enter = createClientAuthentication({ find: createClientFinder({ store, builtIn }) })
    const credentials = { authorization: basic('app', made), parameters: new URLSearchParams() }
    expect(await enter(credentials)).toMatchObject({ ok: true })
    await clients.remove('app')
    expect(await enter(credentials)).toEqual(invalidClient(true))
  })
})
