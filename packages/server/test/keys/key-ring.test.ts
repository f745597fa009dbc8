import { describe, expect, test } from 'vitest'
import { createKeyReader } from '../../src/keys/key-reading.ts'
import type { RefreshKeys, TokenSigner } from '../../src/tokens/token-signer.ts'
import { day, hour, installation, minute, newer, older, quickSettings } from './keys-fixture.ts'

describe('signing keys of a ring', () => {
  test('it fills the ports of the tokens', async () => {
    const ring = installation().node()
    const signer: TokenSigner = ring
    const refreshKeys: RefreshKeys = ring
    await ring.open()
    const key = await signer.signingKey()
    const signature = key.sign('header.payload')
    expect(signature.length).toBe(key.signatureBytes)
    expect((await signer.verificationKey(key.kid))?.verify('header.payload', signature)).toBe(true)
    expect(await signer.verificationKey('unknown')).toBeUndefined()
    expect(await refreshKeys.refreshKey('unknown')).toBe('unknown')
  })

  test('the first start creates one key, which signs at once; the next start finds it', async () => {
    const place = installation()
    expect(await place.node().open()).toEqual({ ok: true, unheldRefreshKeys: [] })
    const again = place.node()
    expect(await again.open()).toMatchObject({ ok: true })
    const { signingKeys } = await again.list()
    expect(signingKeys).toMatchObject([
      { state: 'active', algorithm: 'ES256', activeFrom: place.now(), secretId: older.id, opened: true },
    ])
    expect((await again.signingKey()).kid).toBe(signingKeys[0]?.kid)
  })

  test('many nodes that start at once on an empty store agree on one key', async () => {
    const place = installation()
    const nodes = Array.from({ length: 8 }, () => place.node())
    await Promise.all(nodes.map((node) => node.open()))
    const kids = await Promise.all(nodes.map(async (node) => (await node.signingKey()).kid))
    expect(new Set(kids).size).toBe(1)
    expect((await nodes[0]?.jwks())?.keys.length).toBe(1)
  })

  test('JW-8 T12.1: rotation is published ahead, then signs, then the old key goes; each change is seen by every node', async () => {
    const place = installation()
    const [one, two] = [place.node(), place.node()]
    await one.open()
    await two.open()
    const first = (await one.signingKey()).kid
    place.pass(90 * day - 10 * minute)
    await one.maintain()
    const published = (await two.jwks()).keys.map(({ kid }) => kid)
    expect(published).toEqual([expect.not.stringMatching(first), first])
    expect((await two.signingKey()).kid).toBe(first)
    place.pass(10 * minute - 1)
    expect((await two.signingKey()).kid).toBe(first)
    place.pass(1)
    expect((await two.signingKey()).kid).toBe(published[0])
    place.pass(20 * minute - 1)
    await two.maintain()
    expect(await one.verificationKey(first)).toBeDefined()
    place.pass(1)
    await two.maintain()
    expect(await one.verificationKey(first)).toBeUndefined()
    expect((await one.jwks()).keys.map(({ kid }) => kid)).toEqual([published[0]])
  })

  test('several nodes that rotate at once publish one key', async () => {
    const place = installation()
    const nodes = Array.from({ length: 5 }, () => place.node())
    await Promise.all(nodes.map((node) => node.open()))
    place.pass(90 * day)
    await Promise.all(nodes.map((node) => node.maintain()))
    expect((await nodes[0]?.list())?.signingKeys.map(({ state }) => state)).toEqual(['published', 'active'])
  })

  test.each(['Ed25519', 'RS256'] as const)('a change of the setting to %s rotates', async (algorithm) => {
    const place = installation()
    await place.node().open()
    const ring = place.node({ algorithm })
    await ring.open()
    expect((await ring.signingKey()).algorithm).toBe('ES256')
    place.pass(10 * minute)
    expect((await ring.signingKey()).algorithm).toBe(algorithm)
    expect((await ring.jwks()).keys.map(({ alg }) => alg)).toEqual([algorithm, 'ES256'])
  })

  test('rotate publishes a key now; a second call names the one that waits', async () => {
    const place = installation()
    const ring = place.node()
    await ring.open()
    const rotated = await ring.rotate()
    expect(rotated).toEqual({ kid: expect.any(String), activeFrom: place.now() + 10 * minute, added: true })
    expect(await place.node().rotate()).toEqual({ ...rotated, added: false })
    place.pass(10 * minute)
    expect((await ring.signingKey()).kid).toBe(rotated.kid)
  })

  test('a key is opened once, and read again only when the store has changed', async () => {
    const place = installation()
    const ring = place.node()
    await ring.open()
    const before = await ring.signingKey()
    expect(await ring.signingKey()).toBe(before)
    await place.node().rotate()
    expect(await ring.signingKey()).toBe(before)
  })

  test('events tell of keys added and killed, in the order of the changes, and by whom', async () => {
    const place = installation()
    const ring = place.node()
    await ring.open()
    const first = (await ring.signingKey()).kid
    const rotated = await ring.rotate()
    await ring.kill(rotated.kid)
    const events = (await place.storage.nextEvents(10)).map(({ event }) => event)
    expect(events.map(({ type, actor, keyId }) => [type, actor, keyId])).toEqual([
      ['signing_key_added', 'server', first],
      ['refresh_key_added', 'server', older.id],
      ['signing_key_added', 'admin', rotated.kid],
      ['signing_key_killed', 'admin', rotated.kid],
    ])
    expect(events.every(({ at }) => at === place.now())).toBe(true)
  })

  test('T29.1 every key that the schedule adds or takes away is told once', async () => {
    const place = installation()
    const nodes = [place.node(), place.node()]
    for (const node of nodes) await node.open()
    const first = (await nodes[0]?.signingKey())?.kid
    for (const passed of [90 * day, 10 * minute, 20 * minute]) {
      place.pass(passed)
      await Promise.all(nodes.map((node) => node.maintain()))
    }
    const next = (await nodes[1]?.signingKey())?.kid
    const events = (await place.storage.nextEvents(10)).map(({ event }) => event)
    expect(events.map(({ type, actor, keyId }) => [type, actor, keyId])).toEqual([
      ['signing_key_added', 'server', first],
      ['refresh_key_added', 'server', older.id],
      ['signing_key_added', 'server', next],
      ['signing_key_removed', 'server', first],
    ])
  })

  test('a key that would rotate before it could be published ahead is refused when the ring is made', () => {
    const settings = { ...quickSettings, rotateEverySeconds: quickSettings.publishAheadSeconds - 1 }
    expect(() => installation().node({ settings })).toThrow(RangeError)
  })
})

describe('T13.3: killing a key', () => {
  test('the active one is gone at once on every node, and a fresh one signs at once', async () => {
    const place = installation()
    const [server, commandLine] = [place.node(), place.node()]
    await server.open()
    const doomed = await server.signingKey()
    const killed = await commandLine.kill(doomed.kid)
    expect(await server.verificationKey(doomed.kid)).toBeUndefined()
    const fresh = await server.signingKey()
    expect(killed).toEqual({ outcome: 'killed', replacement: fresh.kid })
    expect((await server.jwks()).keys.map(({ kid }) => kid)).toEqual([fresh.kid])
  })

  test('it leaves refresh keys as they are', async () => {
    const place = installation()
    const ring = place.node()
    await ring.open()
    const before = await ring.activeRefreshKey(place.now())
    await ring.kill((await ring.signingKey()).kid)
    expect(await ring.activeRefreshKey(place.now())).toEqual(before)
  })

  test('one that waits or retires goes without a replacement', async () => {
    const place = installation()
    const ring = place.node()
    await ring.open()
    const active = (await ring.signingKey()).kid
    const { kid } = await ring.rotate()
    expect(await ring.kill(kid)).toEqual({ outcome: 'killed', replacement: undefined })
    expect((await ring.signingKey()).kid).toBe(active)
    expect((await ring.list()).signingKeys.length).toBe(1)
  })

  test('one that is not there changes nothing', async () => {
    const place = installation()
    const ring = place.node()
    await ring.open()
    const version = await place.storage.keysVersion()
    expect(await ring.kill('nobody')).toEqual({ outcome: 'unknown_key' })
    expect(await place.storage.keysVersion()).toBe(version)
  })

  test('a waiting key does not sign before its time because the active one was killed', async () => {
    const place = installation()
    const ring = place.node()
    await ring.open()
    const { kid: waiting } = await ring.rotate()
    await ring.kill((await ring.signingKey()).kid)
    expect((await ring.signingKey()).kid).not.toBe(waiting)
    place.pass(10 * minute)
    expect((await ring.signingKey()).kid).toBe(waiting)
  })
})

describe('secrets of a ring', () => {
  test('T13.1: with a new secret in front the old keys work, and the next key is sealed under the new one', async () => {
    const place = installation()
    const before = place.node()
    await before.open()
    const signature = (await before.signingKey()).sign('text')
    const after = place.node({ secrets: [newer, older] })
    expect(await after.open()).toMatchObject({ ok: true })
    expect((await after.signingKey()).verify('text', signature)).toBe(true)
    await after.rotate()
    expect((await after.list()).signingKeys.map(({ secretId, opened }) => [secretId, opened])).toEqual([
      [newer.id, true],
      [older.id, true],
    ])
  })

  test('T13.2: a missing secret stops the start and is named by its id, and nothing is changed', async () => {
    const place = installation()
    const before = place.node()
    await before.open()
    const { kid } = await before.signingKey()
    const version = await place.storage.keysVersion()
    const opening = await place.node({ secrets: [newer] }).open()
    expect(opening).toEqual({
      ok: false,
      problems: [
        {
          problem: 'missing_secret',
          secretId: older.id,
          kids: [kid],
          message: expect.stringContaining(older.id),
          fix: expect.stringContaining('PAWL_SECRETS'),
        },
      ],
    })
    expect(await place.storage.keysVersion()).toBe(version)
  })

  test('T13.2: a damaged key stops the start as well, is never published, and can be killed', async () => {
    const place = installation()
    const before = place.node()
    await before.open()
    const { kid } = await before.signingKey()
    const [record] = (await place.storage.readKeys()).signingKeys
    if (record === undefined) throw new Error('no key')
    await place.storage.removeSigningKey(kid, { type: 'signing_key_removed', at: 0, actor: 'server' })
    const sealedPrivateKey = Uint8Array.from(record.sealedPrivateKey, (byte, index) => (index === 40 ? byte ^ 1 : byte))
    const event = { type: 'signing_key_added', at: 0, actor: 'server' } as const
    await place.storage.addSigningKey({ ...record, sealedPrivateKey }, await place.storage.keysVersion(), event)
    const ring = place.node()
    expect(await ring.open()).toMatchObject({ ok: false, problems: [{ problem: 'corrupt_key', kid }] })
    expect((await ring.jwks()).keys).toEqual([])
    await expect(ring.signingKey()).rejects.toThrow('no signing key')
    expect(await ring.kill(kid)).toMatchObject({ outcome: 'killed', replacement: expect.any(String) })
    expect(await ring.open()).toMatchObject({ ok: true })
  })

  test('a node without a secret that others got meanwhile goes on with what it can open, and publishes all', async () => {
    const place = installation()
    const behind = place.node()
    await behind.open()
    const ahead = place.node({ secrets: [newer, older] })
    await ahead.open()
    const { kid } = await ahead.rotate()
    place.pass(10 * minute)
    const signature = (await ahead.signingKey()).sign('text')
    expect((await ahead.signingKey()).kid).toBe(kid)
    expect((await behind.signingKey()).kid).not.toBe(kid)
    expect((await behind.verificationKey(kid))?.verify('text', signature)).toBe(true)
    expect((await behind.jwks()).keys.map((key) => key.kid)).toContain(kid)
    expect((await behind.list()).signingKeys[0]).toMatchObject({ kid, opened: false })
  })

  test('a public key exchanged in the store is not believed', async () => {
    const place = installation()
    const ahead = place.node({ secrets: [newer] })
    await ahead.open()
    const stranger = installation().node()
    await stranger.open()
    const planted = JSON.stringify((await stranger.jwks()).keys[0])
    const [record] = (await place.storage.readKeys()).signingKeys
    if (record === undefined) throw new Error('no key')
    await place.storage.removeSigningKey(record.kid, { type: 'signing_key_removed', at: 0, actor: 'server' })
    const event = { type: 'signing_key_added', at: 0, actor: 'server' } as const
    await place.storage.addSigningKey({ ...record, publicJwk: planted }, await place.storage.keysVersion(), event)
    const signature = (await stranger.signingKey()).sign('text')
    const readers = [place.node({ secrets: [newer] }), place.node({ secrets: [older] })]
    for (const ring of readers) {
      expect((await ring.verificationKey(record.kid))?.verify('text', signature) ?? false).toBe(false)
      expect(JSON.stringify(await ring.jwks())).not.toContain(JSON.parse(planted).x)
    }
    // Who has the secret still publishes the true key; who has not publishes nothing under that id.
    expect((await readers[0]?.jwks())?.keys.length).toBe(1)
    expect((await readers[1]?.jwks())?.keys.length).toBe(0)
  })

  test('a version that came back lower, as after a restore, is read again', async () => {
    const place = installation()
    let version = 7
    let reads = 0
    const read = createKeyReader({
      store: {
        keysVersion: async () => version,
        readKeys: async () => {
          reads += 1
          return { version, now: place.now(), signingKeys: [], refreshKeys: [] }
        },
      },
      secrets: [older],
      clock: place.now,
    })
    await Promise.all([read(), read(), read()])
    expect(reads).toBe(1)
    version = 5
    expect((await read()).version).toBe(5)
    expect(reads).toBe(2)
    await read()
    expect(reads).toBe(2)
  })

  test('the store’s instant is what counts, moved on by the pace of the own clock and never back', async () => {
    const place = installation()
    let own = 1_000
    const reading = await createKeyReader({ store: place.storage, secrets: [older], clock: () => own })()
    own += hour
    expect(reading.now()).toBe(place.now() + hour)
    own -= 2 * hour
    expect(reading.now()).toBe(place.now())
  })
})
