import { expect, test } from 'vitest'
import { type StorageFactory, storageFor } from './fixture.ts'
import {
  addUser,
  anEnding,
  anEvent,
  aRefreshKey,
  aSigningKey,
  emptyOutbox,
  idleMilliseconds,
  namedId,
  openSession,
  outbox,
} from './records.ts'

/** The key ring and its version. */
export function keyContract(factory: StorageFactory): void {
  const added = anEvent('signing_key_added', 1, { actor: 'server' })
  const refreshAdded = anEvent('refresh_key_added', 1, { actor: 'server' })

  test('is empty at first, with a version and the instant of the read', async () => {
    const { storage, clock } = await storageFor(factory)
    const version = await storage.keysVersion()
    expect(await storage.readKeys()).toEqual({ version, now: clock.now(), signingKeys: [], refreshKeys: [] })
  })

  test('reads back exactly what was added, in order, with one event and one version for each', async () => {
    const { storage, clock } = await storageFor(factory)
    const signingKeys = [
      aSigningKey('z', { algorithm: 'RS256' }),
      aSigningKey('a', {
        algorithm: 'Ed25519',
        activeFrom: Number.MAX_SAFE_INTEGER,
        sealedPrivateKey: new Uint8Array(),
      }),
    ]
    const refreshKeys = [aRefreshKey('one'), aRefreshKey('two', { retiredAt: 8 })]
    const versions = [await storage.keysVersion()]
    for (const key of signingKeys) {
      expect(await storage.addSigningKey(key, await storage.keysVersion(), added)).toBe(true)
      versions.push(await storage.keysVersion())
    }
    for (const key of refreshKeys) {
      expect(await storage.addRefreshKey(key, await storage.keysVersion(), refreshAdded)).toBe(true)
      versions.push(await storage.keysVersion())
    }
    expect(versions).toEqual([...new Set(versions)].sort((left, right) => left - right))
    expect(await storage.readKeys()).toEqual({ version: versions.at(-1), now: clock.now(), signingKeys, refreshKeys })
    expect(await outbox(storage)).toEqual([added, added, refreshAdded, refreshAdded])
  })

  test('a key is added only at the version that was read, so that one of two nodes rotates', async () => {
    const { storage, connect } = await storageFor(factory)
    const second = (await connect?.()) ?? storage
    const version = await storage.keysVersion()
    const signing = await Promise.all([
      storage.addSigningKey(aSigningKey('one'), version, added),
      second.addSigningKey(aSigningKey('two'), version, added),
    ])
    expect(signing.filter(Boolean)).toHaveLength(1)
    // Not what it knows by itself, which may be a moment old.
    const { version: next } = await second.readKeys()
    const refresh = await Promise.all([
      second.addRefreshKey(aRefreshKey('one'), next, refreshAdded),
      storage.addRefreshKey(aRefreshKey('two'), next, refreshAdded),
    ])
    expect(refresh.filter(Boolean)).toHaveLength(1)
    const { signingKeys, refreshKeys } = await storage.readKeys()
    expect([signingKeys.length, refreshKeys.length]).toEqual([1, 1])
    expect(await outbox(storage)).toHaveLength(2)
    expect(await storage.addSigningKey(aSigningKey('late'), version, added)).toBe(false)
    expect(await storage.addSigningKey(aSigningKey('early'), next + 5, added)).toBe(false)
  })

  test('a key id is used once: nothing changes the second time', async () => {
    const { storage } = await storageFor(factory)
    await storage.addSigningKey(aSigningKey('one'), await storage.keysVersion(), added)
    await storage.addRefreshKey(aRefreshKey('one'), await storage.keysVersion(), refreshAdded)
    await emptyOutbox(storage)
    const before = await storage.readKeys()
    expect(await storage.addSigningKey(aSigningKey('one', { createdAt: 5 }), before.version, added)).toBe(false)
    expect(await storage.addRefreshKey(aRefreshKey('one', { createdAt: 5 }), before.version, refreshAdded)).toBe(false)
    expect(await storage.readKeys()).toEqual(before)
    expect(await outbox(storage)).toEqual([])
  })

  test('T29.1 a removed signing key is gone, with a version and an event', async () => {
    const { storage } = await storageFor(factory)
    for (const kid of ['one', 'two']) await storage.addSigningKey(aSigningKey(kid), await storage.keysVersion(), added)
    await emptyOutbox(storage)
    const before = await storage.keysVersion()
    const killed = anEvent('signing_key_killed', 1, { actor: 'admin', keyId: 'one' })
    expect(await storage.removeSigningKey('one', killed)).toBe(true)
    const after = await storage.keysVersion()
    expect(after).toBeGreaterThan(before)
    expect(await storage.removeSigningKey('one', killed)).toBe(false)
    expect(await storage.keysVersion()).toBe(after)
    const removed = anEvent('signing_key_removed', 2, { actor: 'server', keyId: 'two' })
    expect(await storage.removeSigningKey('two', removed)).toBe(true)
    expect(await storage.keysVersion()).toBeGreaterThan(after)
    expect((await storage.readKeys()).signingKeys).toEqual([])
    expect(await outbox(storage)).toEqual([killed, removed])
  })

  test('T13.1 a signing key is sealed anew only if it is still sealed under the secret that was read', async () => {
    const { storage, connect } = await storageFor(factory)
    const second = (await connect?.()) ?? storage
    const [one, two] = [aSigningKey('one', { secretId: 'old' }), aSigningKey('two', { secretId: 'old' })]
    for (const key of [one, two]) await storage.addSigningKey(key, await storage.keysVersion(), added)
    await emptyOutbox(storage)
    const before = await storage.keysVersion()
    const resealed = anEvent('signing_key_resealed', 1, { actor: 'admin', keyId: 'one' })
    const sealedPrivateKey = new Uint8Array([1, 2, 3])
    const replacement = { kid: 'one', fromSecretId: 'old', toSecretId: 'new', sealedPrivateKey }
    for (const wrong of [{ kid: 'three' }, { fromSecretId: 'older' }]) {
      expect(await storage.replaceSealedKey({ ...replacement, ...wrong }, resealed)).toBe(false)
    }
    expect(await storage.keysVersion()).toBe(before)
    const answers = await Promise.all([storage, second].map((node) => node.replaceSealedKey(replacement, resealed)))
    expect(answers.filter(Boolean)).toHaveLength(1)
    const after = await second.readKeys()
    expect(after.signingKeys).toEqual([{ ...one, secretId: 'new', sealedPrivateKey }, two])
    expect(after.version).toBeGreaterThan(before)
    expect(await outbox(storage)).toEqual([resealed])
  })

  test('F5 counts live sessions by refresh key', async () => {
    const { storage, clock } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    const [one, two, three] = [namedId('one', 8), namedId('two', 8), namedId('three', 8)]
    await openSession(storage, 'a', user, { refreshKeyId: one })
    await openSession(storage, 'b', user, { refreshKeyId: one, idleExpiresAt: clock.now() + 5 })
    await openSession(storage, 'c', user, { refreshKeyId: two })
    await storage.endSession(anEnding(await openSession(storage, 'd', user, { refreshKeyId: three }), clock.now()))
    expect(new Map(await storage.countSessionsByRefreshKey(clock.now()))).toEqual(
      new Map([
        [one, 2],
        [two, 1],
      ]),
    )
    expect(new Map(await storage.countSessionsByRefreshKey(clock.now() + 5))).toEqual(
      new Map([
        [one, 1],
        [two, 1],
      ]),
    )
    expect(new Map(await storage.countSessionsByRefreshKey(clock.now() + idleMilliseconds))).toEqual(new Map())
  })

  test('F5 T29.1 a refresh key retires once, with an event, and not while a live session names it', async () => {
    const { storage, clock } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    const [key, other] = [aRefreshKey('one'), aRefreshKey('two')]
    for (const one of [key, other]) await storage.addRefreshKey(one, await storage.keysVersion(), refreshAdded)
    await openSession(storage, 'tab', user, { refreshKeyId: key.id })
    await emptyOutbox(storage)
    const before = await storage.readKeys()
    const event = anEvent('refresh_key_retired', clock.now(), { actor: 'server', keyId: key.id })
    expect(await storage.retireRefreshKey(key.id, clock.now() + idleMilliseconds - 1, event)).toBe(false)
    expect(await storage.retireRefreshKey(namedId('unknown', 8), clock.now(), event)).toBe(false)
    expect(await storage.retireRefreshKey('no id', clock.now(), event)).toBe(false)
    expect(await storage.readKeys()).toEqual(before)
    expect(await outbox(storage)).toEqual([])
    const now = clock.now() + idleMilliseconds
    expect(await storage.retireRefreshKey(key.id, now, event)).toBe(true)
    expect(await storage.retireRefreshKey(key.id, now + 1, event)).toBe(false)
    expect(await outbox(storage)).toEqual([event])
    const after = await storage.readKeys()
    expect(after.refreshKeys).toEqual([{ ...key, retiredAt: now }, other])
    expect(after.version).toBeGreaterThan(before.version)
  })
}
