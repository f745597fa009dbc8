import { expect, test } from 'vitest'
import type { ClientRecord } from '../../registered-clients/client.ts'
import { builtInClientId, type StorageFactory, storageFor } from './fixture.ts'
import {
  aClient,
  addUser,
  anEnding,
  anEvent,
  emptyOutbox,
  inOrder,
  namedBytes,
  openSession,
  outbox,
  stored,
} from './records.ts'

const edwardsKey = { kty: 'OKP', crv: 'Ed25519', x: 'x' } as const

function selfRegistered(id: string, expiresAt: number): ClientRecord {
  return aClient(id, { selfRegistration: { accessTokenHash: namedBytes(id, 32), expiresAt } })
}

/** Registered clients, and what becomes of their sessions. */
export function clientContract(factory: StorageFactory): void {
  test.each<[string, ClientRecord]>([
    ['public', aClient('app')],
    [
      'confidential',
      aClient('https://app.example/client.json', {
        type: 'confidential',
        authentication: 'client_secret_post',
        secretHash: namedBytes('secret', 32),
        redirectUris: ['https://app.example/cb', 'http://127.0.0.1/cb?a=1'],
        grants: ['client_credentials', 'refresh_token'],
        scopes: ['read', 'write'],
        resources: ['https://api.example/'],
        policy: 'strict',
        accessSeconds: 60,
        createdAt: Number.MAX_SAFE_INTEGER,
      }),
    ],
    [
      'changing over to another secret',
      aClient('app', {
        type: 'confidential',
        authentication: 'client_secret_post',
        secretHash: namedBytes('secret', 32),
        previousSecretHash: namedBytes('before', 32),
        exchange: 'received',
      }),
    ],
    [
      'signing with keys of its own',
      aClient('app', {
        type: 'confidential',
        authentication: 'private_key_jwt',
        assertionKeys: {
          algorithm: 'ES256',
          jwks: [{ kid: 'quo"te', jwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' } }, { jwk: edwardsKey }],
        },
      }),
    ],
    [
      'publishing its keys',
      aClient('app', {
        type: 'confidential',
        authentication: 'private_key_jwt',
        assertionKeys: { algorithm: 'RS256', jwksUri: 'https://app.example/keys' },
      }),
    ],
    [
      'registered by itself',
      aClient('dyn_1', {
        name: 'Zoë’s client 😀',
        selfRegistration: { accessTokenHash: namedBytes('token', 32), expiresAt: Number.MAX_SAFE_INTEGER },
      }),
    ],
    ['sharing', aClient('ünï', { policy: 'shared-store', grants: [], authentication: 'client_secret_basic' })],
  ])('reads back exactly what was added: %s', async (_, client) => {
    const { storage } = await storageFor(factory)
    const event = anEvent('client_added', 1, { actor: 'admin', clientId: client.id })
    expect(await storage.addClient(client, event)).toBe(true)
    expect(await storage.findClient(client.id)).toEqual(client)
    expect(await storage.findClient(`${client.id} `)).toBeUndefined()
    expect(await outbox(storage)).toEqual([event])
  })

  test('lists clients in the order in which they were added', async () => {
    const { storage } = await storageFor(factory)
    const clients = ['zebra', 'ant', 'mole'].map((id) => aClient(id))
    for (const client of clients) await storage.addClient(client, anEvent('client_added', 1))
    expect(await storage.listClients()).toEqual(clients)
  })

  test('an id is taken once, and the built-in client’s never', async () => {
    const { storage } = await storageFor(factory)
    const client = aClient('app')
    await storage.addClient(client, anEvent('client_added', 1))
    await emptyOutbox(storage)
    expect(await storage.addClient(aClient('app', { accessSeconds: 5 }), anEvent('client_added', 1))).toBe(false)
    expect(await storage.addClient(aClient(builtInClientId), anEvent('client_added', 1))).toBe(false)
    expect(await storage.removeClient(builtInClientId, 1, anEvent('client_removed', 1))).toBe(false)
    expect(await storage.listClients()).toEqual([client])
    expect(await outbox(storage)).toEqual([])
  })

  test('CA-3 a client has two secrets at most, and either of them can go', async () => {
    const { storage, reopen } = await storageFor(factory)
    const [first, second, third] = ['first', 'second', 'third'].map((name) => namedBytes(name, 32))
    if (first === undefined || second === undefined || third === undefined) throw new Error('three were named')
    const one = aClient('app', { type: 'confidential', authentication: 'client_secret_basic', secretHash: first })
    await storage.addClient(one, anEvent('client_added', 1))
    await storage.addClient(aClient('open'), anEvent('client_added', 1))
    await emptyOutbox(storage)
    const added = anEvent('client_secret_added', 2, { actor: 'admin', clientId: 'app' })
    const removed = anEvent('client_secret_removed', 3, { actor: 'admin', clientId: 'app' })

    expect(await storage.removeClientSecret('app', 'older', removed)).toBe(false)
    expect(await storage.removeClientSecret('app', 'newer', removed)).toBe(false)
    expect(await storage.addClientSecret('app', second, added)).toBe(true)
    expect(await storage.addClientSecret('app', third, added)).toBe(false)
    expect(await storage.findClient('app')).toEqual({ ...one, secretHash: second, previousSecretHash: first })
    expect(await storage.removeClientSecret('app', 'newer', removed)).toBe(true)
    expect(await storage.findClient('app')).toEqual(one)
    await storage.addClientSecret('app', third, added)
    expect(await storage.removeClientSecret('app', 'older', removed)).toBe(true)

    for (const id of ['open', 'nobody', builtInClientId, 'a\0b']) {
      expect(await storage.addClientSecret(id, second, added)).toBe(false)
      expect(await storage.removeClientSecret(id, 'older', removed)).toBe(false)
    }
    expect(await outbox(storage)).toEqual([added, removed, added, removed])
    const after = (await reopen?.()) ?? storage
    expect(await after.findClient('app')).toEqual({ ...one, secretHash: third })
  })

  test('CA-3 of secrets that are added at once, on several nodes, one is', async () => {
    const { storage, connect } = await storageFor(factory)
    const second = (await connect?.()) ?? storage
    const one = aClient('app', { type: 'confidential', secretHash: namedBytes('first', 32) })
    await storage.addClient(one, anEvent('client_added', 1))
    const attempts = Array.from({ length: 8 }, (_, index) =>
      (index % 2 === 0 ? storage : second).addClientSecret(
        'app',
        namedBytes(`${index}`, 32),
        anEvent('client_added', 1),
      ),
    )
    expect((await Promise.all(attempts)).filter((added) => added)).toHaveLength(1)
  })

  test('T18.4 only a self-registered client that has not expired can be kept, and never for a shorter time', async () => {
    const { storage } = await storageFor(factory)
    const itself = selfRegistered('dyn_1', 100)
    await storage.addClient(itself, anEvent('client_added', 1))
    await storage.addClient(aClient('app'), anEvent('client_added', 1))
    await emptyOutbox(storage)
    expect(await storage.keepClient('dyn_1', 200, 99)).toBe(true)
    expect(await storage.keepClient('dyn_1', 200, 99)).toBe(false)
    expect(await storage.keepClient('dyn_1', 150, 99)).toBe(false)
    expect(await storage.findClient('dyn_1')).toEqual(selfRegistered('dyn_1', 200))
    expect(await storage.keepClient('dyn_1', 300, 200)).toBe(false)
    for (const id of ['app', 'nobody', 'a\0b']) expect(await storage.keepClient(id, 200, 0)).toBe(false)
    expect(await outbox(storage)).toEqual([])
  })

  test('T18.4 T9.4 expired registrations go in batches, the oldest first, each with an event, and no other client', async () => {
    const { storage } = await storageFor(factory)
    const ids = ['dyn_1', 'dyn_2', 'dyn_3', 'dyn_4', 'dyn_5'] as const
    for (const [index, id] of ids.entries()) {
      await storage.addClient(selfRegistered(id, 100 - index), anEvent('client_added', 1))
    }
    await storage.addClient(aClient('app'), anEvent('client_added', 1))
    await emptyOutbox(storage)
    const event = (clientId: string) => anEvent('client_removed', 99, { actor: 'server', clientId })
    expect(await storage.removeExpiredClients(95, 10)).toBe(0)
    expect(await storage.removeExpiredClients(99, 3)).toBe(3)
    expect((await outbox(storage)).map((told) => told.clientId).toSorted()).toEqual(['dyn_3', 'dyn_4', 'dyn_5'])
    expect(await storage.removeExpiredClients(99, 3)).toBe(1)
    expect(await storage.removeExpiredClients(99, 3)).toBe(0)
    expect((await outbox(storage)).at(-1)).toEqual(event('dyn_2'))
    expect((await storage.listClients()).map(({ id }) => id)).toEqual(['dyn_1', 'app'])
  })

  test('F7 removing ends the sessions of that client in the same step, and of no other', async () => {
    const { storage, clock } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    for (const id of ['app', 'other']) await storage.addClient(aClient(id), anEvent('client_added', 1))
    const sessions = [
      await openSession(storage, 'one', user, { clientId: 'app', scope: ['read'] }),
      await openSession(storage, 'two', user, { clientId: 'app', scope: ['write'] }),
    ]
    const before = await openSession(storage, 'before', user, { clientId: 'app' })
    await storage.endSession(anEnding(before, clock.now()))
    const others = [
      await openSession(storage, 'three', user, { clientId: 'other' }),
      await openSession(storage, 'four', user),
    ]
    await emptyOutbox(storage)
    const event = anEvent('client_removed', clock.now(), { actor: 'admin', clientId: 'app' })
    expect(await storage.removeClient('app', clock.now(), event)).toBe(true)
    expect(await storage.findClient('app')).toBeUndefined()
    for (const session of sessions) {
      const ended = { ...session, revokedAt: clock.now(), revokedReason: 'client_removed' }
      expect(await stored(storage, session)).toEqual(ended)
    }
    expect(await stored(storage, before)).toMatchObject({ revokedReason: 'logout' })
    for (const session of others) expect(await stored(storage, session)).toEqual(session)
    const [told, ...more] = await outbox(storage)
    expect(more).toEqual([])
    expect({ ...told, endedSessions: inOrder(told?.endedSessions ?? []) }).toEqual({
      ...event,
      endedSessions: inOrder(sessions.map((session) => session.id)),
    })
    expect(await storage.removeClient('app', clock.now(), event)).toBe(false)
    expect(await outbox(storage)).toHaveLength(1)
  })

  test('T18.3 a client that describes itself at its URL has sessions without having a row', async () => {
    const { storage } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    const session = await openSession(storage, 'tab', user, { clientId: 'https://app.example/client.json' })
    expect(await stored(storage, session)).toEqual(session)
    expect(await storage.listClients()).toEqual([])
  })

  test('a client that comes back under its old id does not bring its sessions back', async () => {
    const { storage, clock } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    await storage.addClient(aClient('app'), anEvent('client_added', 1))
    const session = await openSession(storage, 'tab', user, { clientId: 'app' })
    await storage.removeClient('app', clock.now(), anEvent('client_removed', 1))
    expect(await storage.addClient(aClient('app'), anEvent('client_added', 1))).toBe(true)
    expect(await stored(storage, session)).toMatchObject({ revokedReason: 'client_removed' })
    expect(await openSession(storage, 'new', user, { clientId: 'app' })).toMatchObject({ clientId: 'app' })
  })
}
