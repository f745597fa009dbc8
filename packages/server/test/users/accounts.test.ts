import { describe, expect, test } from 'vitest'
import type { Storage } from '../../src/storage/store-ports.ts'
import type { Accounts } from '../../src/users/accounts.ts'
import { accountsOn, countedHashing, lowCost } from './accounts-fixture.ts'

const password = 'correct horse battery staple'
const next = 'another horse, another battery'

async function added(accounts: Accounts, username: string, roles: readonly string[] = []): Promise<string> {
  const outcome = await accounts.addUser({ username, password, roles })
  if (outcome.outcome !== 'added') throw new Error(outcome.outcome)
  return outcome.user.id
}

describe('adding users', () => {
  test('by an administrator: id, roles, hash at rest, one event', async () => {
    const { accounts, storage } = accountsOn()
    const outcome = await accounts.addUser({
      username: 'Ada@Example.com',
      password,
      roles: ['admin', 'admin', 'staff'],
    })
    const id = expect.stringMatching(/^usr_[A-Za-z0-9_-]{22}$/)
    const account = {
      id,
      username: 'Ada@Example.com',
      roles: ['admin', 'staff'],
      createdAt: 1_800_000_000_000,
      disabledAt: null,
    }
    expect(outcome).toStrictEqual({ outcome: 'added', user: account })
    const [stored] = await storage.listUsers()
    expect(stored).toMatchObject({ ...account, passwordHash: expect.stringMatching(/^\$argon2id\$/) })
    expect((await storage.nextEvents(9)).map(({ event }) => event)).toStrictEqual([
      { type: 'user_added', at: 1_800_000_000_000, actor: 'admin', userId: stored?.id },
    ])
    expect(await accounts.list()).toStrictEqual([{ ...account, id: stored?.id }])
  })

  test('by themselves: no roles, and the event tells of the device', async () => {
    const { accounts, storage } = accountsOn()
    const device = { address: '192.0.2.1', userAgent: 'test' }
    expect(await accounts.register({ username: 'ada', password, device })).toMatchObject({
      outcome: 'added',
      user: { roles: [] },
    })
    expect((await storage.nextEvents(9)).map(({ event }) => event)).toMatchObject([
      { type: 'user_added', actor: 'user', device },
    ])
  })

  test('a name that differs in case, width or composition only is taken', async () => {
    const { accounts } = accountsOn()
    await added(accounts, 'Ren\u00e9')
    for (const username of ['rene\u0301', 'REN\u00c9', '\uff32en\u00e9']) {
      expect(await accounts.register({ username, password })).toEqual({ outcome: 'username_taken' })
    }
  })

  test('what cannot be a username, a role or a password is refused before anything is hashed', async () => {
    const hashing = countedHashing()
    const { accounts, storage } = accountsOn({ hashing })
    expect(await accounts.register({ username: ' ada', password })).toEqual({ outcome: 'malformed_username' })
    expect(await accounts.addUser({ username: 'ada', password, roles: [''] })).toEqual({ outcome: 'malformed_role' })
    const refused = { outcome: 'password_refused' }
    expect(await accounts.register({ username: 'ada', password: 'short' })).toEqual({ ...refused, reason: 'too_short' })
    expect(await accounts.register({ username: 'ada', password: 'passwordpassword' })).toEqual({
      ...refused,
      reason: 'too_common',
    })
    expect(hashing.counts).toEqual({ hash: 0, verify: 0 })
    expect(await storage.listUsers()).toEqual([])
  })
})

describe('signing in', () => {
  test('with the password, by the name in whatever case; the hash stays behind', async () => {
    const { accounts } = accountsOn()
    const id = await added(accounts, 'Ada', ['admin'])
    const outcome = await accounts.signIn({ username: 'aDA', password })
    expect(outcome).toStrictEqual({
      user: { id, username: 'Ada', roles: ['admin'], createdAt: 1_800_000_000_000, disabledAt: null },
    })
  })

  test('ASVS 6.3.8: unknown, malformed, wrong and disabled get one answer at the cost of one hash', async () => {
    const hashing = countedHashing()
    const { accounts, storage } = accountsOn({ hashing })
    await added(accounts, 'ada')
    await added(accounts, 'gone')
    await accounts.disable('gone')
    await storage.recordExternalUser(
      { id: 'ext', username: 'ext', passwordHash: null, roles: [], createdAt: 0, disabledAt: null },
      'ext',
    )
    const attempts = [
      { username: 'nobody', password },
      { username: ' ada', password },
      { username: 'a\u0000da', password },
      { username: '', password },
      { username: 'x'.repeat(1000), password },
      { username: 'ada', password: `${password}.` },
      { username: 'ada', password: '' },
      { username: 'gone', password },
      { username: 'gone', password: 'wrong' },
      { username: 'ext', password },
    ]
    for (const attempt of attempts) {
      Object.assign(hashing.counts, { hash: 0, verify: 0 })
      expect(await accounts.signIn(attempt)).toBe('invalid_credentials')
      expect(hashing.counts).toEqual({ hash: 0, verify: 1 })
    }
  })

  test('a password whose hash is of lower cost than today’s is hashed anew, once', async () => {
    const before = accountsOn({ hashing: countedHashing(lowCost) })
    const id = await added(before.accounts, 'ada')
    const old = (await before.storage.findUser(id))?.passwordHash
    const hashing = countedHashing({ ...lowCost, passes: 2 })
    const { accounts, storage } = accountsOn({ storage: before.storage, hashing })
    expect(await accounts.signIn({ username: 'ada', password: 'wrong' })).toBe('invalid_credentials')
    expect((await storage.findUser(id))?.passwordHash).toBe(old)
    expect(await accounts.signIn({ username: 'ada', password })).toHaveProperty('user.id', id)
    const fresh = (await storage.findUser(id))?.passwordHash
    expect(fresh).toContain('t=2')
    expect(await accounts.signIn({ username: 'ada', password })).toHaveProperty('user.id', id)
    expect((await storage.findUser(id))?.passwordHash).toBe(fresh)
    expect(hashing.counts.hash).toBe(1)
    expect((await storage.nextEvents(9)).map(({ event }) => event.type)).toEqual(['user_added'])
  })

  test('a rehash does not bring back a password that was changed meanwhile', async () => {
    const before = accountsOn()
    const id = await added(before.accounts, 'ada')
    const slow = countedHashing({ ...lowCost, passes: 2 })
    const { accounts, storage } = accountsOn({
      storage: before.storage,
      hashing: {
        ...slow,
        hash: async (text) => {
          await before.accounts.setPassword('ada', next)
          return slow.hash(text)
        },
      },
    })
    expect(await accounts.signIn({ username: 'ada', password })).toHaveProperty('user.id', id)
    expect(await accounts.signIn({ username: 'ada', password })).toBe('invalid_credentials')
    expect((await storage.findUser(id))?.passwordHash).toContain('t=1')
  })

  test('busy hashers are told as such: never as wrong credentials', async () => {
    const hashing = countedHashing()
    const { accounts } = accountsOn({ hashing: { ...hashing, verify: async () => 'busy', hash: async () => 'busy' } })
    expect(await accounts.signIn({ username: 'ada', password })).toBe('busy')
    expect(await accounts.register({ username: 'ada', password })).toEqual({ outcome: 'busy' })
    const change = { userId: 'usr_1', currentPassword: password, newPassword: next }
    expect(await accounts.changePassword(change)).toEqual({ outcome: 'busy' })
  })

  test('a rehash that finds the hashers busy does not refuse the sign-in', async () => {
    const before = accountsOn()
    await added(before.accounts, 'ada')
    const hashing = countedHashing({ ...lowCost, passes: 2 })
    const { accounts } = accountsOn({ storage: before.storage, hashing: { ...hashing, hash: async () => 'busy' } })
    expect(await accounts.signIn({ username: 'ada', password })).toHaveProperty('user.username', 'ada')
  })
})

describe('changing passwords', () => {
  test('one’s own: needs the current one, and the session that asked may stay', async () => {
    const { accounts, storage } = accountsOn()
    const userId = await added(accounts, 'ada')
    const device = { address: null, userAgent: 'test' }
    const changes: unknown[] = []
    const observed = accountsOn({
      storage: {
        ...storage,
        changePassword: (change) => {
          changes.push(change)
          return storage.changePassword(change)
        },
      },
    }).accounts
    expect(await observed.changePassword({ userId, currentPassword: 'wrong', newPassword: next })).toEqual({
      outcome: 'invalid_credentials',
    })
    expect(changes).toEqual([])
    const change = { userId, currentPassword: password, newPassword: next, keepSession: 'kept', device }
    expect(await observed.changePassword(change)).toEqual({ outcome: 'changed' })
    expect(changes).toMatchObject([
      { id: userId, keepSession: 'kept', event: { type: 'password_changed', actor: 'user', userId, device } },
    ])
    expect(await accounts.signIn({ username: 'ada', password })).toBe('invalid_credentials')
    expect(await accounts.signIn({ username: 'ada', password: next })).toHaveProperty('user.id', userId)
  })

  test('the new one meets the rules, or the old one stays', async () => {
    const { accounts } = accountsOn()
    const userId = await added(accounts, 'ada')
    expect(await accounts.changePassword({ userId, currentPassword: password, newPassword: 'short' })).toEqual({
      outcome: 'password_refused',
      reason: 'too_short',
    })
    expect(await accounts.setPassword('ada', '1234567890123456')).toEqual({
      outcome: 'password_refused',
      reason: 'too_common',
    })
    expect(await accounts.signIn({ username: 'ada', password })).toHaveProperty('user.id', userId)
  })

  test('a disabled or unknown user changes nothing', async () => {
    const { accounts } = accountsOn()
    const userId = await added(accounts, 'ada')
    await accounts.disable('ada')
    const change = { currentPassword: password, newPassword: next }
    expect(await accounts.changePassword({ ...change, userId })).toEqual({ outcome: 'invalid_credentials' })
    expect(await accounts.changePassword({ ...change, userId: 'usr_nobody' })).toEqual({
      outcome: 'invalid_credentials',
    })
  })

  test('by an administrator: without the current one, every session ends', async () => {
    const { accounts, storage } = accountsOn()
    const userId = await added(accounts, 'ada')
    expect(await accounts.setPassword('ADA', next)).toMatchObject({ outcome: 'changed', user: { id: userId } })
    expect(await accounts.signIn({ username: 'ada', password: next })).toHaveProperty('user.id', userId)
    expect((await storage.nextEvents(9)).map(({ event }) => [event.type, event.actor])).toEqual([
      ['user_added', 'admin'],
      ['password_changed', 'admin'],
    ])
    expect(await accounts.setPassword('nobody', next)).toEqual({ outcome: 'unknown_user' })
    expect(await accounts.setPassword('a\u0000', next)).toEqual({ outcome: 'unknown_user' })
  })
})

test('disabling: once, told apart from unknown, with one event', async () => {
  const { accounts, storage } = accountsOn()
  const userId = await added(accounts, 'ada')
  expect(await accounts.disable('Ada')).toBe('disabled')
  expect(await accounts.disable('ada')).toBe('already_disabled')
  expect(await accounts.disable('nobody')).toBe('unknown_user')
  expect((await storage.nextEvents(9)).map(({ event }) => event)).toMatchObject([
    { type: 'user_added' },
    { type: 'user_disabled', actor: 'admin', userId, at: 1_800_000_000_000 },
  ])
})

describe('roles', () => {
  const entries = async (storage: Storage) => {
    const { steps } = await storage.readRevocationSteps(0)
    return steps.flatMap((step) => step.entries.map(({ kind, id }) => `${kind} ${id}`))
  }

  test('T22.2 are replaced, each once, with one event that says what they were', async () => {
    const { accounts, storage } = accountsOn()
    const userId = await added(accounts, 'ada')
    expect(await accounts.setRoles('ADA', ['ops', 'reader', 'ops'])).toMatchObject({
      outcome: 'changed',
      user: { id: userId, roles: ['ops', 'reader'] },
    })
    expect(await accounts.setRoles('ada', [], { applyNow: true })).toMatchObject({ user: { roles: [] } })
    expect((await storage.findUser(userId))?.roles).toEqual([])
    expect((await storage.nextEvents(9)).map(({ event }) => event.evidence)).toEqual([
      undefined,
      { roles: 'ops, reader', before: '', applyNow: false },
      { roles: '', before: 'ops, reader', applyNow: true },
    ])
  })

  test('T22.1 count at once only where that is asked for', async () => {
    const { accounts, storage } = accountsOn()
    const userId = await added(accounts, 'ada')
    await accounts.setRoles('ada', ['ops'])
    expect(await entries(storage)).toEqual([])
    await accounts.setRoles('ada', ['ops'], { applyNow: true })
    expect(await entries(storage)).toEqual([`claims ${userId}`])
  })

  test('are refused where they are none, of nobody, or the application gives them', async () => {
    const external = { id: 'app-1', username: 'eve', roles: ['a'] }
    const { accounts, storage } = accountsOn({ authenticate: async () => external })
    await accounts.signIn({ username: 'eve', password })
    expect(await accounts.setRoles('nobody', ['a'])).toEqual({ outcome: 'unknown_user' })
    expect(await accounts.setRoles('eve', ['b'], { applyNow: true })).toEqual({ outcome: 'roles_elsewhere' })
    expect(await accounts.setRoles('eve', ['\u0000'])).toEqual({ outcome: 'malformed_role' })
    expect([await entries(storage), await storage.nextEvents(9)]).toEqual([[], []])
    expect(await accounts.claimsChanged('app-1')).toBe('told')
    expect(await accounts.claimsChanged('app-2')).toBe('unknown_user')
    expect(await entries(storage)).toEqual(['claims app-1'])
  })
})

test('no event and no listing holds a password or its hash', async () => {
  const { accounts, storage } = accountsOn()
  const userId = await added(accounts, 'ada')
  await accounts.changePassword({ userId, currentPassword: password, newPassword: next })
  await accounts.setPassword('ada', password)
  await accounts.disable('ada')
  const shown = JSON.stringify([await storage.nextEvents(99), await accounts.list()])
  for (const secret of [password, next, 'argon2']) expect(shown).not.toContain(secret)
})
