import { describe, expect, test, vi } from 'vitest'
import type { RefreshKeyRecord } from '../../src/keys/key-store.ts'
import { refreshKeyState, retirableRefreshKeys } from '../../src/keys/refresh-key-schedule.ts'
import type { SessionRecord } from '../../src/tokens/session.ts'
import { hour, type Installation, installation, minute, newer, older } from './keys-fixture.ts'

function record(id: string, activeFrom: number, retiredAt: number | null = null): RefreshKeyRecord {
  return { id, createdAt: activeFrom, activeFrom, retiredAt }
}

async function openSession(place: Installation, id: string, refreshKeyId: string): Promise<void> {
  const device = { address: null, userAgent: null }
  const user = { id: 'usr_1', username: 'ada', passwordHash: null, roles: [], createdAt: 0, disabledAt: null }
  await place.storage.recordExternalUser(user, 'ada')
  const session: SessionRecord = {
    id: id.padEnd(22, '0'),
    userId: 'usr_1',
    clientId: 'first-party',
    scope: [],
    resources: [],
    generation: 0,
    tokenHash: new Uint8Array(32),
    refreshKeyId,
    seed: new Uint8Array(32),
    recent: new Uint8Array(),
    createdAt: place.now(),
    lastUsedAt: place.now(),
    idleExpiresAt: place.now() + 1000 * hour,
    absoluteExpiresAt: place.now() + 1000 * hour,
    binding: null,
    acr: null,
    amr: [],
    delivery: 'body',
    openedFrom: device,
    lastUsedFrom: device,
    repeats: 0,
    repeatHolders: new Uint8Array(16),
    peeks: 0,
    revokedAt: null,
    revokedReason: null,
  }
  const event = { type: 'session_opened', at: place.now(), actor: 'user' } as const
  expect(await place.storage.openSession(session, event)).toBe('opened')
}

async function endSession(place: Installation, id: string): Promise<void> {
  const event = { type: 'session_ended', at: place.now(), actor: 'user' } as const
  expect(await place.storage.endSession({ id: id.padEnd(22, '0'), now: place.now(), reason: 'logout', event })).toBe(
    true,
  )
}

describe('refresh keys', () => {
  test('the very first one is active at once and derived from the newest secret, the same on every node', async () => {
    const place = installation()
    const ring = place.node({ secrets: [newer, older] })
    await ring.open()
    const key = await ring.activeRefreshKey(place.now())
    expect(key).toEqual({ id: newer.id, key: newer.derive('refresh tokens') })
    expect(key.key.length).toBe(32)
    expect(await place.node({ secrets: [older, newer] }).refreshKey(newer.id)).toEqual(key)
  })

  test('a secret that was never in front is not written down', async () => {
    const place = installation()
    const ring = place.node({ secrets: [newer, older] })
    await ring.open()
    expect((await ring.list()).refreshKeys.map(({ id }) => id)).toEqual([newer.id])
  })

  test('F8 a key that the store does not know, for it has lost that write, is told by whoever holds its secret', async () => {
    const place = installation()
    const ring = place.node({ secrets: [newer, older] })
    await ring.open()
    expect(await ring.refreshKey(older.id)).toEqual({ id: older.id, key: older.derive('refresh tokens') })
    expect(await place.node({ secrets: [newer] }).refreshKey(older.id)).toBe('unknown')
  })

  test('T13.1: a new secret is known 60 seconds before new tokens are derived with it; old tokens go on', async () => {
    const place = installation()
    await place.node().open()
    const ring = place.node({ secrets: [newer, older] })
    await ring.open()
    expect((await ring.activeRefreshKey(place.now() + minute - 1)).id).toBe(older.id)
    expect((await ring.activeRefreshKey(place.now() + minute)).id).toBe(newer.id)
    expect(await ring.refreshKey(older.id)).toMatchObject({ id: older.id })
    expect((await ring.list()).refreshKeys).toMatchObject([
      { id: newer.id, state: 'known', held: true },
      { id: older.id, state: 'active', held: true },
    ])
    place.pass(minute)
    expect((await ring.list()).refreshKeys.map(({ state }) => state)).toEqual(['active', 'retiring'])
  })

  test('a key that the store knows and this node does not is not_loaded, one that nobody ever saw is unknown', async () => {
    const place = installation()
    const behind = place.node()
    await behind.open()
    expect(await behind.refreshKey(newer.id)).toBe('unknown')
    await place.node({ secrets: [newer, older] }).open()
    expect(await behind.refreshKey(newer.id)).toBe('not_loaded')
  })

  test('a node that lacks the newest key goes on with its own; with none of its own it throws', async () => {
    const place = installation()
    const behind = place.node()
    await behind.open()
    await place.node({ secrets: [newer, older] }).open()
    expect((await behind.activeRefreshKey(place.now() + hour)).id).toBe(older.id)
    const stranger = installation().node()
    await expect(stranger.activeRefreshKey(0)).rejects.toThrow('no refresh key')
  })

  test('starting tells which keys of live sessions have no secret here', async () => {
    const place = installation()
    await place.node().open()
    await openSession(place, 'a', older.id)
    const both = place.node({ secrets: [newer, older] })
    await both.open()
    await both.rotate()
    for (const { kid, secretId } of (await both.list()).signingKeys) if (secretId === older.id) await both.kill(kid)
    expect(await place.node({ secrets: [newer] }).open()).toEqual({
      ok: true,
      unheldRefreshKeys: [{ id: older.id, liveSessions: 1 }],
    })
  })

  test('T11.1 a start that has every secret reads no session', async () => {
    const place = installation()
    await place.node().open()
    await openSession(place, 'a', older.id)
    const counting = vi.spyOn(place.storage, 'countSessionsByRefreshKey')
    await place.node({ secrets: [newer, older] }).open()
    expect(counting).not.toHaveBeenCalled()
    await place.node().list()
    expect(counting).toHaveBeenCalledOnce()
  })

  test('a key retires when no live session names it, but not within an hour of its successor', async () => {
    const place = installation()
    await place.node().open()
    await openSession(place, 'a', older.id)
    const ring = place.node({ secrets: [newer, older] })
    await ring.open()
    place.pass(minute + hour)
    expect(await ring.maintain()).toEqual({ retiredRefreshKeys: [] })
    expect((await ring.list()).refreshKeys[1]).toMatchObject({ state: 'retiring', liveSessions: 1 })
    await endSession(place, 'a')
    expect(await ring.maintain()).toEqual({ retiredRefreshKeys: [older.id] })
    expect((await ring.list()).refreshKeys[1]).toMatchObject({
      state: 'retired',
      liveSessions: 0,
      retiredAt: place.now(),
    })
    expect(await ring.maintain()).toEqual({ retiredRefreshKeys: [] })
    // T29.1: told once.
    const retired = (await place.storage.nextEvents(100)).filter(({ event }) => event.type === 'refresh_key_retired')
    expect(retired.map(({ event }) => event)).toEqual([
      { type: 'refresh_key_retired', at: place.now(), actor: 'server', keyId: older.id },
    ])
  })

  test('a retired key whose secret is still here is answered, so that a late retry is told from garbage', async () => {
    const place = installation()
    await place.node().open()
    const both = place.node({ secrets: [newer, older] })
    await both.open()
    place.pass(minute + hour)
    await both.maintain()
    expect(await both.refreshKey(older.id)).toMatchObject({ id: older.id })
    expect(await place.node({ secrets: [newer] }).refreshKey(older.id)).toBe('unknown')
    expect((await both.activeRefreshKey(place.now())).id).toBe(newer.id)
  })

  test('a retired secret does not come back into use: the start says so', async () => {
    const place = installation()
    await place.node().open()
    const both = place.node({ secrets: [newer, older] })
    await both.open()
    place.pass(minute + hour)
    await both.maintain()
    for (const { kid, secretId } of (await both.list()).signingKeys) if (secretId === newer.id) await both.kill(kid)
    expect(await place.node({ secrets: [older] }).open()).toMatchObject({
      ok: false,
      problems: [{ problem: 'retired_secret', secretId: older.id }],
    })
  })

  test('the states of a history', () => {
    const records = [record('a', 0, 50), record('b', 100), record('c', 200), record('d', 300)]
    const states = (now: number) => records.map((entry) => refreshKeyState(entry, records, now))
    expect(states(200)).toEqual(['retired', 'retiring', 'active', 'known'])
    expect(states(300)).toEqual(['retired', 'retiring', 'retiring', 'active'])
    // All in the future, as after a clock was set back: the first to come is used.
    expect(states(0)).toEqual(['retired', 'active', 'known', 'known'])
  })

  test('only keys older than an active one of sufficient age may retire', () => {
    const records = [record('a', 0), record('b', 1000), record('c', 5000)]
    expect(retirableRefreshKeys(records, 2999, 2)).toEqual([])
    expect(retirableRefreshKeys(records, 3000, 2)).toEqual(['a'])
    expect(retirableRefreshKeys([], 3000, 2)).toEqual([])
  })
})
