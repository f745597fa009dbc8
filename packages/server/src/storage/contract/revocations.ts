import type { RevocationKind } from '@pawl/protocol'
import { describe, expect, test } from 'vitest'
import type { SecurityEvent } from '../../security-events/security-event.ts'
import type { UserRecord } from '../../users/user.ts'
import type { Storage } from '../store-ports.ts'
import { type StorageFactory, storageFor } from './fixture.ts'
import {
  aClient,
  addUser,
  aMove,
  anEnding,
  anEvent,
  aPeek,
  aRepeat,
  aSigningKey,
  emptyOutbox,
  inOrder,
  namedId,
  openSession,
  outbox,
} from './records.ts'
import { named, sequenceOf, snapshot, stepsAfter } from './revocation-reading.ts'

/** What a token of the longest life that settings allow needs: one day, 30 s to commit and 60 s of skew. */
const longestKept = 86_400_000 + 90_000

/** A store with a user of three sessions, a client with two of his, and a signing key. */
async function withHoldings(factory: StorageFactory) {
  const fixture = await storageFor(factory)
  const { storage } = fixture
  const user = await addUser(storage, 'ada')
  await storage.addClient(aClient('app'), anEvent('client_added', 1))
  const own = [await openSession(storage, 'one', user), await openSession(storage, 'two', user)]
  const ofApp = await openSession(storage, 'three', user, { clientId: 'app' })
  await storage.addSigningKey(aSigningKey('key'), await storage.keysVersion(), anEvent('signing_key_added', 1))
  await emptyOutbox(storage)
  return { ...fixture, user, own, ofApp }
}

type Holdings = Awaited<ReturnType<typeof withHoldings>>

/** Each change that ends something, and the entries that it owes, given the ids of the sessions. */
const ends: Readonly<Record<string, { run: (held: Holdings, event: SecurityEvent) => Promise<unknown>; owes: Owes }>> =
  {
    'the end of one session': {
      run: ({ storage, clock, ofApp }, event) => storage.endSession(anEnding(ofApp, clock.now(), { event })),
      owes: ({ ofApp }) => [`session ${ofApp.id}`],
    },
    'a logout everywhere else': {
      run: ({ storage, clock, user, own }, event) => {
        const except = own[0]?.id ?? ''
        return storage.endUserSessions({ userId: user.id, except, now: clock.now(), reason: 'logout', event })
      },
      owes: ({ own, ofApp }) => [`session ${own[1]?.id}`, `session ${ofApp.id}`],
    },
    'the end of all that live': {
      run: ({ storage, clock }, event) =>
        storage.endLiveSessions({ after: '', limit: 10, now: clock.now(), reason: 'restored', event }),
      owes: ({ own, ofApp }) => [...own, ofApp].map(({ id }) => `session ${id}`),
    },
    'a new password': {
      run: ({ storage, clock, user, own }, event) => {
        const keepSession = own[0]?.id ?? ''
        return storage.changePassword({ id: user.id, passwordHash: 'new', keepSession, now: clock.now(), event })
      },
      owes: ({ own, ofApp }) => [`session ${own[1]?.id}`, `session ${ofApp.id}`],
    },
    'a disabled user': {
      run: ({ storage, clock, user }, event) => storage.disableUser(user.id, clock.now(), event),
      owes: ({ own, ofApp, user }) => [...[...own, ofApp].map(({ id }) => `session ${id}`), `user ${user.id}`],
    },
    'a removed client': {
      run: ({ storage, clock }, event) => storage.removeClient('app', clock.now(), event),
      owes: ({ ofApp }) => ['client app', `session ${ofApp.id}`],
    },
    'a killed key': {
      run: ({ storage }, event) => storage.killSigningKey('key', event),
      owes: () => ['key key'],
    },
    'roles that count at once': {
      run: ({ storage, clock, user }, event) =>
        storage.setRoles({ id: user.id, roles: ['ops'], applyNow: true, now: clock.now(), event }),
      owes: ({ user }) => [`claims ${user.id}`],
    },
    'an entry of its own': {
      run: ({ storage, clock, user }, event) =>
        storage.addRevocation({ kind: 'claims', id: user.id, now: clock.now(), event }),
      owes: ({ user }) => [`claims ${user.id}`],
    },
  }

type Owes = (held: Holdings) => readonly string[]

/** An event that no store can write. */
function unwritable(at: number): SecurityEvent {
  return {
    type: 'session_ended',
    at,
    actor: 'admin',
    get evidence(): never {
      throw new Error('this event cannot be written')
    },
  }
}

function lives(user: UserRecord, storage: Storage): Promise<number> {
  return storage.listUserSessions(user.id).then(({ sessions }) => sessions.length)
}

/** What stands in the revocation feed, and for how long. */
export function revocationContract(factory: StorageFactory): void {
  test('is empty at first, in an epoch of its own', async () => {
    const { storage, clock } = await storageFor(factory)
    const { position, ...reading } = await storage.readRevocationSteps(0)
    expect(reading).toEqual({ now: clock.now(), steps: [] })
    expect(position).toEqual({ epoch: expect.stringMatching(/^[\w-]{1,20}$/), sequence: 0 })
    expect(await storage.readRevocationPage({ after: undefined, upTo: 0, limit: 10 })).toEqual({
      position,
      entries: [],
      next: undefined,
    })
  })

  describe('what ended', () => {
    test.each(Object.entries(ends))('T6.1 is one step of the feed: %s', async (_, { run, owes }) => {
      const held = await withHoldings(factory)
      const { storage, clock } = held
      await run(held, anEvent('session_ended', clock.now()))
      const steps = await stepsAfter(storage, 0)
      expect(steps.map(({ sequence }) => sequence)).toEqual([1])
      expect(named(steps[0]?.entries ?? [])).toEqual(inOrder(owes(held)))
      expect(await snapshot(storage)).toEqual(steps[0]?.entries)
      expect(await outbox(storage)).toHaveLength(1)
      for (const { kind, at, until } of steps[0]?.entries ?? []) {
        expect([at, until]).toEqual([clock.now(), clock.now() + (kind === 'key' ? 2 * 86_400_000 : longestKept)])
      }
    })

    test.each(Object.entries(ends))('T29.1 is all undone where its event cannot be written: %s', async (_, { run }) => {
      const held = await withHoldings(factory)
      const { storage, clock, user, reopen } = held
      // In memory nothing can fail between two writes but this.
      if (reopen === undefined) return
      await expect(run(held, unwritable(clock.now()))).rejects.toThrow('cannot be written')
      expect([await sequenceOf(storage), await stepsAfter(storage, 0), await outbox(storage)]).toEqual([0, [], []])
      expect(await lives(user, storage)).toBe(3)
      expect((await storage.readKeys()).signingKeys).toHaveLength(1)
      expect(await storage.findUser(user.id)).toEqual(user)
    })

    test('T6.1 takes no step a second time, nor does what ends nothing', async () => {
      const held = await withHoldings(factory)
      const { storage, clock, user, own, ofApp } = held
      for (const { run } of Object.values(ends)) await run(held, anEvent('session_ended', clock.now()))
      const sequence = await sequenceOf(storage)
      for (const name of ['the end of one session', 'a logout everywhere else', 'the end of all that live'] as const) {
        await ends[name]?.run(held, anEvent('session_ended', clock.now()))
      }
      for (const name of ['a disabled user', 'a removed client', 'a killed key'] as const) {
        await ends[name]?.run(held, anEvent('session_ended', clock.now()))
      }
      await storage.endSession({ ...anEnding(ofApp, clock.now()), id: namedId('unknown') })
      const [one] = own
      if (one !== undefined) await storage.moveSession(aMove(one, clock.now()))
      const change = { id: user.id, roles: ['reader'], applyNow: false, now: clock.now() }
      expect(await storage.setRoles({ ...change, event: anEvent('user_roles_changed', 1) })).toBe(true)
      expect(await storage.findUser(user.id)).toMatchObject({ roles: ['reader'] })
      expect(await sequenceOf(storage)).toBe(sequence)
    })

    test('a refresh, a repeat and a peek never touch the feed', async () => {
      const { storage, clock, own } = await withHoldings(factory)
      const [session] = own
      if (session === undefined) throw new Error('there is no session')
      expect(await storage.countRepeat(aRepeat(session, clock.now()))).toBe(true)
      expect(await storage.countPeek(aPeek(session, clock.now()))).toBe(true)
      expect(await storage.moveSession(aMove(session, clock.now()))).toBe(true)
      await storage.removeSigningKey('key', anEvent('signing_key_removed', 1))
      expect(await sequenceOf(storage)).toBe(0)
    })

    test('roles are set of a user with a password here, and of no other', async () => {
      const { storage, clock } = await storageFor(factory)
      const user = await addUser(storage, 'ada', { roles: ['reader'] })
      const external = { ...user, id: 'app 1', username: 'bob', passwordHash: null }
      await storage.recordExternalUser(external, 'bob')
      await emptyOutbox(storage)
      const event = anEvent('user_roles_changed', clock.now(), { actor: 'admin', userId: user.id })
      const change = { roles: ['ops team', 'ünï'], applyNow: true, now: clock.now(), event }
      for (const id of [external.id, 'nobody']) expect(await storage.setRoles({ ...change, id })).toBe(false)
      expect([await storage.findUser(external.id), await sequenceOf(storage)]).toEqual([external, 0])
      expect(await storage.setRoles({ ...change, id: user.id })).toBe(true)
      expect(await storage.findUser(user.id)).toEqual({ ...user, roles: ['ops team', 'ünï'] })
      expect(await outbox(storage)).toEqual([event])
    })

    test('T22.1 tells up to which instant the claims of a user are out of date, as long as tokens can be', async () => {
      const { storage, clock } = await storageFor(factory)
      await storage.declareAccessLifetime({ milliseconds: 1000, until: clock.now() + 1e9 })
      const [ada, bob] = [await addUser(storage, 'ada'), await addUser(storage, 'bob')]
      const first = clock.now()
      await storage.addRevocation({ kind: 'claims', id: ada.id, now: first + 50 })
      clock.advance(10)
      await storage.addRevocation({ kind: 'claims', id: ada.id, now: first + 10 })
      await storage.addRevocation({ kind: 'user', id: bob.id, now: first + 10 })
      expect(await storage.claimsChangedAt(ada.id)).toBe(first + 50)
      for (const id of [bob.id, 'nobody', 'nul\0byte']) expect(await storage.claimsChangedAt(id)).toBeUndefined()
      clock.advance(91_000 + 39)
      expect(await storage.claimsChangedAt(ada.id)).toBe(first + 50)
      clock.advance(1)
      expect(await storage.claimsChangedAt(ada.id)).toBeUndefined()
    })

    test('a killed key is gone like one that is removed', async () => {
      const { storage, clock } = await withHoldings(factory)
      const version = await storage.keysVersion()
      const event = anEvent('signing_key_killed', clock.now(), { actor: 'admin', keyId: 'key' })
      expect(await storage.killSigningKey('key', event)).toBe(true)
      expect(await storage.keysVersion()).toBeGreaterThan(version)
      expect((await storage.readKeys()).signingKeys).toEqual([])
      expect(await storage.killSigningKey('key', event)).toBe(false)
      expect(await outbox(storage)).toEqual([event])
    })
  })

  describe('how long an entry lasts', () => {
    const untilOf = async (storage: Storage, now: number, kind: RevocationKind = 'client') => {
      await storage.addRevocation({ kind, id: 'one', now })
      const steps = await stepsAfter(storage, (await sequenceOf(storage)) - 1)
      return (steps[0]?.entries[0]?.until ?? 0) - now
    }

    test('T6.4 as long as the longest declared lifetime of tokens that can be under way, and the skew', async () => {
      const { storage, clock } = await storageFor(factory)
      await storage.declareAccessLifetime({ milliseconds: 60_000, until: clock.now() + 500 })
      await storage.declareAccessLifetime({ milliseconds: 60_000, until: clock.now() + 400 })
      await storage.declareAccessLifetime({ milliseconds: 900_000, until: clock.now() + 300 })
      expect(await untilOf(storage, clock.now())).toBe(900_000 + 90_000)
      clock.advance(300)
      expect(await untilOf(storage, clock.now())).toBe(60_000 + 90_000)
      expect(await untilOf(storage, clock.now(), 'key')).toBe(2 * 86_400_000)
      await storage.declareAccessLifetime({ milliseconds: 30_000, until: clock.now() + 300 })
      clock.advance(199)
      expect(await untilOf(storage, clock.now())).toBe(60_000 + 90_000)
      clock.advance(1)
      expect(await untilOf(storage, clock.now())).toBe(30_000 + 90_000)
      clock.advance(100)
      expect(await untilOf(storage, clock.now())).toBe(longestKept)
    })

    test('T6.4 from when it is written, however long ago the change read the clock: tokens were issued until then', async () => {
      const { storage, clock, own } = await withHoldings(factory)
      await storage.declareAccessLifetime({ milliseconds: 60_000, until: clock.now() + 100 * 86_400_000 })
      const readAt = clock.now()
      clock.advance(86_400_000)
      const [session] = own
      if (session === undefined) throw new Error('there is no session')
      expect(await storage.endSession(anEnding(session, readAt))).toBe(true)
      expect(await storage.removeClient('app', readAt, anEvent('client_removed', readAt))).toBe(true)
      const entries = await snapshot(storage)
      expect(entries.length).toBeGreaterThan(1)
      for (const { at, until } of entries) expect([at, until]).toEqual([readAt, clock.now() + 60_000 + 90_000])
    })

    test('T6.4 a client with a longer lifetime of its own raises it as it is added, for as long as servers need', async () => {
      const { storage, clock } = await storageFor(factory)
      const declare = () =>
        storage.declareAccessLifetime({ milliseconds: 60_000, until: clock.now() + 100 * 86_400_000 })
      await declare()
      const added = anEvent('client_added', 1)
      await storage.addClient(aClient('app', { createdAt: clock.now(), accessSeconds: 3600 }), added)
      await storage.addClient(aClient('app', { createdAt: clock.now(), accessSeconds: 7200 }), added)
      await storage.addClient(aClient('other', { createdAt: clock.now() }), added)
      clock.advance(3_600_000 + 600_000 - 1)
      expect(await untilOf(storage, clock.now())).toBe(3_600_000 + 90_000)
      clock.advance(1)
      await declare()
      expect(await untilOf(storage, clock.now())).toBe(60_000 + 90_000)
    })

    test('T6.4 T9.4 an expired one is shown no more, removed in batches, and its step never given again', async () => {
      const { storage, clock } = await storageFor(factory)
      const begun = clock.now()
      await storage.declareAccessLifetime({ milliseconds: 1000, until: begun + 86_400_000 })
      for (const id of ['one', 'two', 'three']) {
        await storage.addRevocation({ kind: 'client', id, now: clock.now() })
        clock.advance(10)
      }
      clock.advance(begun + 91_000 + 9 - clock.now())
      expect(named(await snapshot(storage))).toEqual(['client three', 'client two'])
      expect((await stepsAfter(storage, 0)).map(({ entries }) => entries.length)).toEqual([0, 1, 1])
      clock.advance(1)
      expect(named(await snapshot(storage))).toEqual(['client three'])
      expect(await storage.removeEndedRevocations(1)).toBe(1)
      expect((await stepsAfter(storage, 0)).map(({ sequence }) => sequence)).toEqual([2, 3])
      clock.advance(10)
      expect(await storage.removeEndedRevocations(10)).toBe(2)
      expect(await storage.removeEndedRevocations(10)).toBe(0)
      expect([await snapshot(storage), await stepsAfter(storage, 0)]).toEqual([[], []])
      await storage.addRevocation({ kind: 'client', id: 'four', now: clock.now() })
      expect((await stepsAfter(storage, 0)).map(({ sequence }) => sequence)).toEqual([4])
    })
  })
}
