import { describe, expect, test } from 'vitest'
import type { SessionRecord } from '../../tokens/session.ts'
import type { Storage } from '../store-ports.ts'
import { builtInClientId, type StorageFactory, storageFor } from './fixture.ts'
import {
  absoluteMilliseconds,
  aClient,
  addUser,
  aMove,
  anEnding,
  anEvent,
  aPeek,
  aRepeat,
  aSession,
  aUser,
  emptyOutbox,
  idleMilliseconds,
  laptop,
  moved,
  namedBytes,
  namedId,
  openSession,
  outbox,
  stored,
} from './records.ts'

/** Runs a write that must fail, and checks that it left neither a trace in the row nor an event. */
async function leavesNoTrace(storage: Storage, session: SessionRecord, write: () => Promise<boolean>): Promise<void> {
  const before = { row: await stored(storage, session), events: await outbox(storage) }
  expect(await write()).toBe(false)
  expect({ row: await stored(storage, session), events: await outbox(storage) }).toEqual(before)
}

/** One session at a time: what is written, what is read back, and what must not be written. */
export function sessionContract(factory: StorageFactory): void {
  async function withSession(more: Partial<SessionRecord> = {}) {
    const fixture = await storageFor(factory)
    const user = await addUser(fixture.storage, 'ada')
    const session = await openSession(fixture.storage, 'tab', user, more)
    await emptyOutbox(fixture.storage)
    return { ...fixture, user, session }
  }

  test('an unknown session reads as nothing, with the instant of the read', async () => {
    const { storage, clock } = await storageFor(factory)
    clock.advance(5)
    expect(await storage.readSession(namedId('nobody'))).toEqual({
      now: clock.now(),
      session: undefined,
      user: undefined,
    })
    expect(await storage.storeNow()).toBe(clock.now())
  })

  test('F21 a session is found by its one spelling only', async () => {
    const { storage, session } = await withSession()
    // The last of 22 characters carries four bits that 16 bytes do not need: fifteen other spellings decode alike.
    const last = session.id.at(-1) ?? ''
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const respelled = `${session.id.slice(0, -1)}${alphabet[alphabet.indexOf(last) + 1]}`
    for (const id of [respelled, `${session.id}=`, `${session.id}A`, session.id.slice(0, -1), '', 'not an id \0']) {
      expect((await storage.readSession(id)).session).toBeUndefined()
    }
  })

  test.each<[string, Partial<SessionRecord>]>([
    ['the least', { userId: aUser('ada').id }],
    [
      'all fields',
      {
        scope: ['openid', 'urn:x:écrire', 'has space', '"quoted"', ''],
        resources: ['https://api.example/', 'https://b.example/?q=1&r=2'],
        binding: 'jkt:0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I',
        acr: 'urn:acr:2',
        amr: ['pwd', 'otp'],
        delivery: 'body',
        generation: 12,
        repeats: 3,
        repeatHolders: namedBytes('holders', 16),
        peeks: 70_000,
        recent: namedBytes('recent', 176),
        lastUsedFrom: { address: '2001:db8::1', userAgent: 'Phone — ünïcode 📱' },
      },
    ],
    ['no lists', { scope: [], resources: [], amr: [] }],
    [
      'unknown devices',
      {
        openedFrom: { address: null, userAgent: null },
        lastUsedFrom: { address: null, userAgent: null },
      },
    ],
    ['a device that became unknown', { lastUsedFrom: { address: null, userAgent: null } }],
    ['a device that became known', { openedFrom: { address: null, userAgent: null } }],
    [
      'an empty user agent',
      { openedFrom: { address: '::1', userAgent: '' }, lastUsedFrom: { address: '', userAgent: null } },
    ],
    ['the cookie-memory delivery', { delivery: 'cookie-memory' }],
    ['the largest numbers', { generation: Number.MAX_SAFE_INTEGER, absoluteExpiresAt: 8.64e15, repeats: 2 ** 31 }],
    ['an ended one', { revokedAt: 77, revokedReason: 'signed_in_again' }],
  ])('reads back exactly what was opened: %s', async (_, more) => {
    const { storage, clock, user, session } = await withSession(more)
    expect(await storage.readSession(session.id)).toEqual({ now: clock.now(), session, user })
  })

  test('sessions that share what was granted keep what is their own', async () => {
    const { storage, user, session } = await withSession({ scope: ['a', 'b'] })
    const others = [
      await openSession(storage, 'same', user, { scope: ['a', 'b'] }),
      await openSession(storage, 'order', user, { scope: ['b', 'a'] }),
      await openSession(storage, 'delivery', user, { scope: ['a', 'b'], delivery: 'body' }),
      await openSession(storage, 'acr', user, { scope: ['a', 'b'], acr: '' }),
    ]
    for (const one of [session, ...others]) expect(await stored(storage, one)).toEqual(one)
  })

  test('what a caller does to its bytes after a write or a read does not reach the store', async () => {
    const { storage, clock, session } = await withSession()
    const move = aMove(session, clock.now())
    const expected = moved(session, { ...move, tokenHash: new Uint8Array(move.tokenHash) })
    expect(await storage.moveSession(move)).toBe(true)
    move.tokenHash.fill(0)
    ;(await stored(storage, session))?.seed.fill(0)
    expect(await stored(storage, session)).toEqual(expected)
  })

  describe('opening', () => {
    test('F7 refuses an unknown and a disabled user', async () => {
      const { storage, clock, user } = await withSession()
      await storage.disableUser(user.id, clock.now(), anEvent('user_disabled', 1))
      await emptyOutbox(storage)
      for (const someone of [user, aUser('nobody')]) {
        const session = aSession('late', someone, clock.now())
        expect(await storage.openSession(session, anEvent('session_opened', 1))).toBe('user_disabled')
        expect(await stored(storage, session)).toBeUndefined()
      }
      expect(await outbox(storage)).toEqual([])
    })

    test('F7 refuses a client that is not registered, and one that no longer is', async () => {
      const { storage, clock, user } = await withSession()
      await storage.addClient(aClient('app'), anEvent('client_added', 1))
      expect(await openSession(storage, 'app', user, { clientId: 'app' })).toMatchObject({ clientId: 'app' })
      await storage.removeClient('app', clock.now(), anEvent('client_removed', 1))
      await emptyOutbox(storage)
      for (const clientId of ['app', 'never', `${builtInClientId} `]) {
        const session = aSession('late', user, clock.now(), { clientId })
        expect(await storage.openSession(session, anEvent('session_opened', 1))).toBe('client_removed')
        expect(await stored(storage, session)).toBeUndefined()
      }
      expect(await outbox(storage)).toEqual([])
    })

    test('F7 names the user first when both are gone', async () => {
      const { storage, clock } = await withSession()
      const session = aSession('late', aUser('nobody'), clock.now(), { clientId: 'never' })
      expect(await storage.openSession(session, anEvent('session_opened', 1))).toBe('user_disabled')
    })

    test('an id that is in use is an error, and the session that has it stays as it is', async () => {
      const { storage, clock, user, session } = await withSession()
      const twin = aSession('tab', user, clock.now(), { seed: namedBytes('other', 32) })
      await expect(storage.openSession(twin, anEvent('session_opened', 1))).rejects.toThrow()
      expect(await stored(storage, session)).toEqual(session)
      expect(await outbox(storage)).toEqual([])
    })
  })

  describe('moving', () => {
    test('T9.1 writes what the move holds, counts repeats anew, and leaves everything else', async () => {
      const suspicion = { repeats: 4, repeatHolders: namedBytes('holders', 16), peeks: 5 }
      const { storage, clock, session } = await withSession({ ...suspicion, binding: 'jkt:x' })
      clock.advance(10)
      const move = aMove(session, clock.now(), { refreshKeyId: namedId('other key', 8) })
      expect(await storage.moveSession(move)).toBe(true)
      expect(await stored(storage, session)).toEqual(moved(session, move))
      expect(await outbox(storage)).toEqual([])
    })

    test('writes its event once, with the move', async () => {
      const { storage, clock, session } = await withSession()
      const event = anEvent('session_rolled_forward', clock.now(), {
        sessionId: session.id,
        evidence: { skipped: 3, at: null },
      })
      expect(await storage.moveSession(aMove(session, clock.now(), { generation: 4, event }))).toBe(true)
      expect(await outbox(storage)).toEqual([event])
    })

    test('F8 goes forward by any number of generations', async () => {
      const { storage, clock, session } = await withSession({ generation: 3 })
      const move = aMove(session, clock.now(), { generation: 4_294_967_297 })
      expect(await storage.moveSession(move)).toBe(true)
      expect(await stored(storage, session)).toEqual(moved(session, move))
    })

    test('F16 renews at the same generation', async () => {
      const { storage, clock, session } = await withSession({ generation: 3 })
      clock.advance(7)
      const renewal = aMove(session, clock.now(), {
        generation: 3,
        tokenHash: session.tokenHash,
        recent: session.recent,
      })
      expect(await storage.moveSession(renewal)).toBe(true)
      expect(await stored(storage, session)).toEqual(moved(session, renewal))
    })

    test('F21 reaches generation 2^53 - 1', async () => {
      const generation = Number.MAX_SAFE_INTEGER - 1
      const { storage, clock, session } = await withSession({ generation })
      await leavesNoTrace(storage, session, () =>
        storage.moveSession(aMove({ ...session, generation: generation - 1 }, clock.now())),
      )
      expect(await storage.moveSession(aMove(session, clock.now()))).toBe(true)
      expect((await stored(storage, session))?.generation).toBe(Number.MAX_SAFE_INTEGER)
      expect(
        await storage.countRepeat({ ...aRepeat(session, clock.now()), expectedGeneration: Number.MAX_SAFE_INTEGER }),
      ).toBe(true)
    })

    test('follows the device and finds the way back', async () => {
      const { storage, clock, session } = await withSession()
      let current = session
      for (const usedFrom of [
        { address: '198.51.100.2', userAgent: laptop.userAgent },
        { address: null, userAgent: null },
        { address: laptop.address, userAgent: 'Other' },
        laptop,
      ]) {
        const move = aMove(current, clock.now(), { usedFrom })
        expect(await storage.moveSession(move)).toBe(true)
        current = moved(current, move)
        expect(await stored(storage, session)).toEqual(current)
      }
    })
  })

  /** The writes of a refresh and of a peek, which share their condition. */
  const writes: [string, (storage: Storage, session: SessionRecord, now: number) => Promise<boolean>][] = [
    [
      'a move',
      (storage, session, now) =>
        storage.moveSession(aMove(session, now, { event: anEvent('session_rolled_forward', now) })),
    ],
    [
      'a repeat',
      (storage, session, now) =>
        storage.countRepeat(aRepeat(session, now, { event: anEvent('attempt_id_reused', now) })),
    ],
    [
      'a peek',
      (storage, session, now) =>
        storage.countPeek(aPeek(session, now, { event: anEvent('session_superseded_use', now) })),
    ],
  ]

  describe.each(writes)('the condition of %s', (_, write) => {
    test('B1 B12 fails for an unknown session and for every generation but the current one', async () => {
      const { storage, clock, user, session } = await withSession({ generation: 7 })
      expect(await write(storage, aSession('unknown', user, clock.now()), clock.now())).toBe(false)
      for (const generation of [0, 6, 8, 7 + 2 ** 32]) {
        await leavesNoTrace(storage, session, () => write(storage, { ...session, generation }, clock.now()))
      }
      expect(await write(storage, session, clock.now())).toBe(true)
    })

    test('B3 B6 fails for a revoked session, at any instant', async () => {
      const { storage, clock, session } = await withSession()
      expect(await storage.endSession(anEnding(session, clock.now()))).toBe(true)
      for (const now of [clock.now() - 1, clock.now(), clock.now() + 1]) {
        await leavesNoTrace(storage, session, () => write(storage, session, now))
      }
    })

    test.each([
      ['idle', { idleExpiresAt: 10_000, absoluteExpiresAt: 20_000 }],
      ['absolute', { idleExpiresAt: 20_000, absoluteExpiresAt: 10_000 }],
      ['either', { idleExpiresAt: 10_000, absoluteExpiresAt: 10_000 }],
    ])('T9.4 F14 is half-open at the %s expiry, by the instant of the decision alone', async (__, limits) => {
      const { storage, session } = await withSession(limits)
      await leavesNoTrace(storage, session, () => write(storage, session, 10_000))
      await leavesNoTrace(storage, session, () => write(storage, session, 10_001))
      expect(await write(storage, session, 9999)).toBe(true)
    })
  })

  test('B2 a generation never goes back', async () => {
    const { storage, clock, session } = await withSession({ generation: 7 })
    await leavesNoTrace(storage, session, () => storage.moveSession(aMove(session, clock.now(), { generation: 6 })))
  })

  test('T9.4 an expired session that nobody removed reads as it stands and stays refused', async () => {
    const { storage, clock, session } = await withSession()
    clock.advance(absoluteMilliseconds)
    expect(await storage.readSession(session.id)).toMatchObject({ now: clock.now(), session })
    await leavesNoTrace(storage, session, () => storage.moveSession(aMove(session, clock.now())))
    clock.advance(idleMilliseconds * 1000)
    await leavesNoTrace(storage, session, () => storage.countRepeat(aRepeat(session, clock.now())))
  })

  test('F21 a repeat adds one and changes nothing else, the expiry least of all', async () => {
    const { storage, clock, session } = await withSession({ repeats: 2 })
    clock.advance(9)
    const event = anEvent('attempt_id_reused', clock.now(), { sessionId: session.id })
    expect(await storage.countRepeat(aRepeat(session, clock.now()))).toBe(true)
    expect(await storage.countRepeat(aRepeat(session, clock.now(), { event }))).toBe(true)
    expect(await stored(storage, session)).toEqual({ ...session, repeats: 4 })
    expect(await outbox(storage)).toEqual([event])
  })

  test('T2.5 F17 a peek adds one and changes nothing else: no generation, last use or expiry', async () => {
    const { storage, clock, session } = await withSession({ peeks: 2, repeats: 1 })
    clock.advance(9)
    const event = anEvent('session_superseded_use', clock.now(), { sessionId: session.id })
    expect(await storage.countPeek(aPeek(session, clock.now()))).toBe(true)
    expect(await storage.countPeek(aPeek(session, clock.now(), { event }))).toBe(true)
    expect(await stored(storage, session)).toEqual({ ...session, peeks: 4 })
    expect(await outbox(storage)).toEqual([event])
  })

  test('F21 remembers each holder of a repeat once, the newest first, and no more than four', async () => {
    const { storage, clock, session } = await withSession()
    // Bytes that would mislead an engine that takes them for text or looks for them at any place.
    const [zeros, text, mark, last] = [
      Uint8Array.of(0, 0, 0, 1),
      Uint8Array.of(0x25, 0, 0, 0x5f),
      Uint8Array.of(0xff, 0xfe, 0x80, 0),
      Uint8Array.of(0, 1, 0x25, 0),
    ]
    const known: Uint8Array[] = []
    for (const holder of [zeros, text, mark, last]) {
      known.unshift(holder)
      for (const again of [holder, ...known, undefined]) {
        const repeat = aRepeat(session, clock.now(), again === undefined ? {} : { holder: again })
        expect(await storage.countRepeat(repeat)).toBe(true)
        const holders = new Uint8Array(16)
        known.forEach((bytes, place) => {
          holders.set(bytes, place * 4)
        })
        expect((await stored(storage, session))?.repeatHolders).toEqual(holders)
      }
    }
    const full = (await stored(storage, session))?.repeatHolders
    expect(await storage.countRepeat(aRepeat(session, clock.now(), { holder: namedBytes('fifth', 4) }))).toBe(true)
    expect((await stored(storage, session))?.repeatHolders).toEqual(full)
  })

  describe('ending', () => {
    test('B8 ends once: the first instant and reason stay', async () => {
      const { storage, clock, session } = await withSession()
      const ending = anEnding(session, clock.now(), { reason: 'replay' })
      expect(await storage.endSession(ending)).toBe(true)
      const ended = { ...session, revokedAt: clock.now(), revokedReason: 'replay' }
      expect(await stored(storage, session)).toEqual(ended)
      clock.advance(1)
      await leavesNoTrace(storage, session, () => storage.endSession(anEnding(session, clock.now())))
      expect(await outbox(storage)).toEqual([ending.event])
    })

    test('ends at any generation, expired or not', async () => {
      const { storage, session } = await withSession({ generation: 7, idleExpiresAt: 1, absoluteExpiresAt: 1 })
      expect(await storage.endSession(anEnding(session, 5))).toBe(true)
    })

    test('an unknown session is not ended and leaves no event', async () => {
      const { storage, user } = await withSession()
      expect(await storage.endSession(anEnding(aSession('unknown', user, 1), 5))).toBe(false)
      expect(await storage.endSession({ ...anEnding(aSession('unknown', user, 1), 5), id: 'no id' })).toBe(false)
      expect(await outbox(storage)).toEqual([])
    })
  })

  test('T9.1 T4.1 what was acknowledged is there after closing and opening again', async (context) => {
    const { storage, clock, session, user, reopen } = await withSession()
    if (reopen === undefined) return context.skip('this engine keeps nothing')
    const move = aMove(session, clock.now())
    expect(await storage.moveSession(move)).toBe(true)
    const reopened = await reopen()
    expect(await reopened.readSession(session.id)).toEqual({ now: clock.now(), session: moved(session, move), user })
    expect(await reopened.moveSession(aMove(moved(session, move), clock.now()))).toBe(true)
  })
}
