import { describe, expect, test } from 'vitest'
import { openPrivateKey } from '../../src/keys/key-sealing.ts'
import { addUser, aMove, openSession } from '../../src/storage/contract/records.ts'
import { hour, installation, minute, newer, older } from './keys-fixture.ts'

const longLived = { idleExpiresAt: Number.MAX_SAFE_INTEGER, absoluteExpiresAt: Number.MAX_SAFE_INTEGER }

describe('sealing keys anew', () => {
  test('T13.1 every key is sealed under the newest secret, and what is left of the older one is counted down to 0', async () => {
    const place = installation()
    await place.node().open()
    const user = await addUser(place.storage, 'ada')
    const session = await openSession(place.storage, 'tab', user, { ...longLived, refreshKeyId: older.id })
    const ring = place.node({ secrets: [newer, older] })
    await ring.open()
    await place.node().rotate()
    const before = (await place.storage.readKeys()).signingKeys
    expect(before.map(({ secretId }) => secretId)).toEqual([older.id, older.id])
    const signed = (await ring.signingKey()).sign('data')

    const left = { id: older.id, held: true, signingKeys: [], removableFrom: undefined }
    expect(await ring.reseal()).toEqual({
      newestSecretId: newer.id,
      newestInUse: true,
      resealed: before.map(({ kid }) => kid),
      olderSecrets: [{ ...left, liveSessions: 1, refreshKeyState: 'active' }],
      now: place.now(),
    })
    const after = (await place.storage.readKeys()).signingKeys
    expect(after.map(({ secretId }) => secretId)).toEqual([newer.id, newer.id])
    for (const { kid, sealedPrivateKey } of after) {
      expect(openPrivateKey(sealedPrivateKey, kid, [newer])).toBeInstanceOf(Uint8Array)
      expect(openPrivateKey(sealedPrivateKey, kid, [older])).toBe('wrong_secret')
    }
    // A node with the newest secret alone signs and checks as before, and one that runs already notices nothing.
    const alone = place.node({ secrets: [newer] })
    expect(await alone.open()).toEqual({ ok: true, unheldRefreshKeys: [{ id: older.id, liveSessions: 1 }] })
    const { kid } = await ring.signingKey()
    expect((await alone.verificationKey(kid))?.verify('data', signed)).toBe(true)
    expect((await alone.signingKey()).kid).toBe(kid)

    // The session moves on to the newer key; the older one is done with once its successor has been in use for an hour.
    place.pass(minute + 2 * hour)
    expect((await ring.reseal()).olderSecrets).toEqual([{ ...left, liveSessions: 1, refreshKeyState: 'retiring' }])
    place.pass(-2 * hour)
    await place.storage.moveSession(aMove(session, place.now(), { ...longLived, refreshKeyId: newer.id }))
    const successorActive = place.now()
    expect(await ring.reseal()).toMatchObject({
      resealed: [],
      olderSecrets: [{ liveSessions: 0, refreshKeyState: 'retiring', removableFrom: successorActive + hour }],
    })
    place.pass(hour)
    expect(await ring.reseal()).toMatchObject({
      olderSecrets: [{ liveSessions: 0, refreshKeyState: 'retired', removableFrom: place.now() }],
    })
    expect((await alone.reseal()).olderSecrets).toEqual([])
  })

  test('T13.1 as long as new tokens may be made with the older secret it is not said that it may go', async () => {
    const place = installation()
    await place.node().open()
    const notStarted = await place.node({ secrets: [newer, older] }).reseal()
    expect(notStarted).toMatchObject({
      newestInUse: false,
      olderSecrets: [{ id: older.id, liveSessions: 0, refreshKeyState: 'active', removableFrom: undefined }],
    })
  })

  test('each key that was sealed anew is told once, without anything secret', async () => {
    const place = installation()
    await place.node().open()
    const ring = place.node({ secrets: [newer, older] })
    const [kid] = (await ring.reseal()).resealed
    await ring.reseal()
    const events = (await place.storage.nextEvents(100)).map(({ event }) => event)
    expect(events.filter(({ type }) => type === 'signing_key_resealed')).toEqual([
      {
        type: 'signing_key_resealed',
        at: place.now(),
        actor: 'admin',
        keyId: kid,
        evidence: { fromSecret: older.id, toSecret: newer.id },
      },
    ])
  })

  test('a key whose secret is not here is left alone and named', async () => {
    const place = installation()
    await place.node().open()
    const before = await place.storage.readKeys()
    const report = await place.node({ secrets: [newer] }).reseal()
    expect(report).toMatchObject({
      resealed: [],
      olderSecrets: [
        { id: older.id, held: false, signingKeys: [before.signingKeys[0]?.kid], removableFrom: undefined },
      ],
    })
    expect(await place.storage.readKeys()).toEqual(before)
  })

  test('two operators at once seal each key once', async () => {
    const place = installation()
    await place.node().open()
    const nodes = [place.node({ secrets: [newer, older] }), place.node({ secrets: [newer, older] })]
    const reports = await Promise.all(nodes.map((node) => node.reseal()))
    expect(reports.flatMap(({ resealed }) => resealed)).toHaveLength(1)
    expect((await place.storage.readKeys()).signingKeys).toMatchObject([{ secretId: newer.id }])
  })
})
