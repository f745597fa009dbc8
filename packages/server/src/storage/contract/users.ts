import { describe, expect, test } from 'vitest'
import { usernameKey } from '../../users/user.ts'
import { type StorageFactory, storageFor } from './fixture.ts'
import {
  addUser,
  aMove,
  anEnding,
  anEvent,
  aRepeat,
  aUser,
  emptyOutbox,
  openSession,
  outbox,
  stored,
} from './records.ts'

/** Users, and what becomes of their sessions. */
export function userContract(factory: StorageFactory): void {
  test('an added user is found by id, by name and in the list, with one event', async () => {
    const { storage } = await storageFor(factory)
    const ada = aUser('Ada', { roles: ['admin', 'ops team', ''], createdAt: Number.MAX_SAFE_INTEGER, disabledAt: 5 })
    const event = anEvent('user_added', 1, { actor: 'admin', userId: ada.id })
    expect(await storage.addUser(ada, 'ada', event)).toBe(true)
    const bob = await addUser(storage, 'bob')
    expect(await storage.findUser(ada.id)).toEqual(ada)
    expect(await storage.findUserByName('ada')).toEqual(ada)
    expect(await storage.listUsers()).toEqual([ada, bob])
    expect((await outbox(storage))[0]).toEqual(event)
  })

  test('who is not there is not found', async () => {
    const { storage } = await storageFor(factory)
    await addUser(storage, 'ada')
    for (const key of ['Ada', 'ad', 'ada ', 'ada\0', '', '%', 'ad_']) {
      expect(await storage.findUserByName(key)).toBeUndefined()
      expect(await storage.findUser(key)).toBeUndefined()
    }
  })

  test.each(['José', 'İstanbul', '名前', '👩‍👩‍👧‍👦', 'a'.repeat(200), "o'; DROP TABLE users; --", 'Ἀθηνᾶ', 'ß'])(
    'keeps the username %s as it was written',
    async (username) => {
      const { storage } = await storageFor(factory)
      const user = await addUser(storage, username)
      expect(await storage.findUserByName(usernameKey(username))).toEqual(user)
    },
  )

  test.each(['nul\0byte', 'half \ud83d pair'])('refuses the text %j that it could not give back', async (text) => {
    const { storage } = await storageFor(factory)
    for (const [user, key] of [
      [aUser('x', { id: text }), 'x'],
      [aUser('x', { username: text }), 'x'],
      [aUser('x'), text],
    ] as const) {
      await expect(storage.addUser(user, key, anEvent('user_added', 1))).rejects.toThrow(TypeError)
      await expect(storage.recordExternalUser({ ...user, passwordHash: null }, key)).rejects.toThrow(TypeError)
    }
    expect(await storage.listUsers()).toEqual([])
    expect(await outbox(storage)).toEqual([])
  })

  test('a username key and an id are taken once, without an event', async () => {
    const { storage } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    await emptyOutbox(storage)
    const namesake = aUser('ada again', { username: 'ADA' })
    expect(await storage.addUser(namesake, 'ada', anEvent('user_added', 1))).toBe(false)
    expect(await storage.addUser({ ...aUser('eve'), id: user.id }, 'eve', anEvent('user_added', 1))).toBe(false)
    expect(await storage.listUsers()).toEqual([user])
    expect(await outbox(storage)).toEqual([])
  })

  test('of two who take one name at once one gets it', async () => {
    const { storage, connect } = await storageFor(factory)
    const second = (await connect?.()) ?? storage
    const answers = await Promise.all([
      storage.addUser(aUser('one'), 'ada', anEvent('user_added', 1)),
      second.addUser(aUser('two'), 'ada', anEvent('user_added', 1)),
    ])
    expect(answers.filter(Boolean)).toHaveLength(1)
    expect(await storage.listUsers()).toHaveLength(1)
    expect(await outbox(storage)).toHaveLength(1)
  })

  describe('users of the application', () => {
    test('are written down without an event, may share a name, and never hide the one with a password', async () => {
      const { storage } = await storageFor(factory)
      const first = aUser('app 1', { username: 'Ada', passwordHash: null })
      const second = aUser('app 2', { username: 'ada', passwordHash: null })
      await storage.recordExternalUser(first, 'ada')
      await storage.recordExternalUser(second, 'ada')
      expect(await storage.findUserByName('ada')).toEqual(first)
      expect(await outbox(storage)).toEqual([])
      const local = await addUser(storage, 'ada')
      expect(await storage.findUserByName('ada')).toEqual(local)
      expect(await storage.listUsers()).toEqual([first, second, local])
    })

    test('are brought up to date, and stay disabled', async () => {
      const { storage } = await storageFor(factory)
      const user = aUser('app', { passwordHash: null, roles: ['a'] })
      await storage.recordExternalUser(user, 'app')
      expect(await storage.disableUser(user.id, 9, anEvent('user_disabled', 9))).toBe(true)
      const renamed = { ...user, username: 'Grace', roles: ['b', 'c'], createdAt: 8, disabledAt: null }
      await storage.recordExternalUser(renamed, 'grace')
      await storage.recordExternalUser(renamed, 'grace')
      expect(await storage.findUser(user.id)).toEqual({ ...renamed, createdAt: user.createdAt, disabledAt: 9 })
      expect(await storage.findUserByName('app')).toBeUndefined()
      expect(await storage.findUserByName('grace')).toMatchObject({ id: user.id })
    })

    test('a user with a password is not the application’s to change', async () => {
      const { storage } = await storageFor(factory)
      const user = await addUser(storage, 'ada')
      await storage.recordExternalUser({ ...user, username: 'eve', roles: ['admin'], passwordHash: null }, 'eve')
      expect(await storage.listUsers()).toEqual([user])
    })
  })

  describe('passwords', () => {
    test('a rehash replaces only the hash that was checked, ends nothing and says nothing', async () => {
      const { storage } = await storageFor(factory)
      const user = await addUser(storage, 'ada')
      const session = await openSession(storage, 'tab', user)
      await emptyOutbox(storage)
      expect(await storage.replacePasswordHash(user.id, 'another hash', 'new')).toBe(false)
      expect(await storage.replacePasswordHash('nobody', user.passwordHash ?? '', 'new')).toBe(false)
      expect(await storage.findUser(user.id)).toEqual(user)
      expect(await storage.replacePasswordHash(user.id, user.passwordHash ?? '', 'new')).toBe(true)
      expect(await storage.findUser(user.id)).toEqual({ ...user, passwordHash: 'new' })
      expect(await stored(storage, session)).toEqual(session)
      expect(await outbox(storage)).toEqual([])
    })

    test('F7 a change ends every session but the one kept, in the same step', async () => {
      const { storage, clock } = await storageFor(factory)
      const user = await addUser(storage, 'ada')
      const kept = await openSession(storage, 'kept', user)
      const other = await openSession(storage, 'other', user)
      const stranger = await openSession(storage, 'stranger', await addUser(storage, 'bob'))
      await emptyOutbox(storage)
      const event = anEvent('password_changed', clock.now(), { userId: user.id })
      const change = { id: user.id, passwordHash: 'new', keepSession: kept.id, now: clock.now(), event }
      expect(await storage.changePassword(change)).toBe(true)
      expect(await storage.findUser(user.id)).toEqual({ ...user, passwordHash: 'new' })
      expect(await stored(storage, other)).toMatchObject({ revokedReason: 'password_changed', revokedAt: clock.now() })
      expect([await stored(storage, kept), await stored(storage, stranger)]).toEqual([kept, stranger])
      expect(await outbox(storage)).toEqual([{ ...event, endedSessions: [other.id] }])

      const { keepSession: _, ...everywhere } = change
      expect(await storage.changePassword(everywhere)).toBe(true)
      expect(await stored(storage, kept)).toMatchObject({ revokedReason: 'password_changed' })
    })

    test('a password is not given to the unknown, nor to a user of the application', async () => {
      const { storage } = await storageFor(factory)
      const user = aUser('app', { passwordHash: null })
      await storage.recordExternalUser(user, 'app')
      for (const id of [user.id, 'nobody']) {
        const change = { id, passwordHash: 'new', now: 1, event: anEvent('password_changed', 1) }
        expect(await storage.changePassword(change)).toBe(false)
      }
      expect(await storage.findUser(user.id)).toEqual(user)
      expect(await outbox(storage)).toEqual([])
    })
  })

  test('F7 disabling ends all sessions in the same step, once, and the first reason of each stays', async () => {
    const { storage, clock } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    const session = await openSession(storage, 'tab', user)
    const before = await openSession(storage, 'before', user)
    await storage.endSession(anEnding(before, clock.now()))
    const stranger = await openSession(storage, 'stranger', await addUser(storage, 'bob'))
    await emptyOutbox(storage)
    const event = anEvent('user_disabled', clock.now(), { actor: 'admin', userId: user.id })
    expect(await storage.disableUser(user.id, clock.now(), event)).toBe(true)
    expect(await storage.findUser(user.id)).toEqual({ ...user, disabledAt: clock.now() })
    expect(await storage.readSession(session.id)).toEqual({
      now: clock.now(),
      session: { ...session, revokedAt: clock.now(), revokedReason: 'user_disabled' },
      user: { ...user, disabledAt: clock.now() },
    })
    expect(await storage.moveSession(aMove(session, clock.now()))).toBe(false)
    expect(await storage.countRepeat(aRepeat(session, clock.now()))).toBe(false)
    expect(await stored(storage, before)).toMatchObject({ revokedReason: 'logout' })
    expect(await stored(storage, stranger)).toEqual(stranger)
    expect(await storage.disableUser(user.id, clock.now() + 1, event)).toBe(false)
    expect(await storage.disableUser('nobody', clock.now(), event)).toBe(false)
    expect(await storage.findUser(user.id)).toEqual({ ...user, disabledAt: clock.now() })
    expect(await outbox(storage)).toEqual([{ ...event, endedSessions: [session.id] }])
  })
}
