import { describe, expect, test } from 'vitest'
import type { Authenticate } from '../../src/users/external-user.ts'
import { accountsOn, countedHashing } from './accounts-fixture.ts'

const credentials = { username: 'ada@example.com', password: 'short' }

function answering(answer: unknown): Authenticate {
  // The hook is the application's code: what it answers is only said to be a user.
  return async () => JSON.parse(JSON.stringify(answer ?? null))
}

describe('sign-in by the application’s own hook', () => {
  test('the hook is asked with what was given, and nothing is hashed here', async () => {
    const hashing = countedHashing()
    const asked: unknown[] = []
    const authenticate: Authenticate = async (given) => {
      asked.push(given)
      return { id: '42', username: 'Ada', roles: ['admin'] }
    }
    const { accounts, storage } = accountsOn({ hashing, authenticate })
    expect(await accounts.signIn(credentials)).toStrictEqual({
      user: { id: '42', username: 'Ada', roles: ['admin'], createdAt: 1_800_000_000_000, disabledAt: null },
    })
    expect(asked).toEqual([credentials])
    expect(hashing.counts).toEqual({ hash: 0, verify: 0 })
    expect(await storage.findUser('42')).toMatchObject({ username: 'Ada', passwordHash: null })
  })

  test('name and roles follow the application at each sign-in', async () => {
    const { accounts, storage } = accountsOn({
      authenticate: answering({ id: '42', username: 'Ada', roles: ['admin'] }),
    })
    await accounts.signIn(credentials)
    const later = accountsOn({ storage, authenticate: answering({ id: '42', username: 'Countess' }) }).accounts
    expect(await later.signIn(credentials)).toMatchObject({ user: { id: '42', username: 'Countess', roles: [] } })
    expect(await storage.listUsers()).toHaveLength(1)
  })

  test.each([[null], [undefined]])('%s is nobody', async (answer) => {
    const { accounts, storage } = accountsOn({ authenticate: async () => answer })
    expect(await accounts.signIn(credentials)).toBe('invalid_credentials')
    expect(await storage.listUsers()).toEqual([])
  })

  test('a user who was disabled here stays out, whatever the application says', async () => {
    const { accounts } = accountsOn({ authenticate: answering({ id: '42', username: 'Ada' }) })
    await accounts.signIn(credentials)
    expect(await accounts.disable('ada')).toBe('disabled')
    expect(await accounts.signIn(credentials)).toBe('invalid_credentials')
  })

  test('his password is the application’s to change', async () => {
    const { accounts } = accountsOn({ authenticate: answering({ id: '42', username: 'Ada' }) })
    await accounts.signIn(credentials)
    expect(await accounts.setPassword('ada', 'correct horse battery staple')).toEqual({ outcome: 'no_password' })
    const change = { userId: '42', currentPassword: 'short', newPassword: 'correct horse battery staple' }
    expect(await accounts.changePassword(change)).toEqual({ outcome: 'invalid_credentials' })
  })

  test.each([
    ['no object', 'Ada', 'the answer'],
    ['no id', { username: 'Ada' }, 'id'],
    ['a number for an id', { id: 42, username: 'Ada' }, 'id'],
    ['an empty id', { id: '', username: 'Ada' }, 'id'],
    ['a space in the id', { id: '4 2', username: 'Ada' }, 'id'],
    ['an id beyond ASCII', { id: 'ädä', username: 'Ada' }, 'id'],
    ['an id of 256 characters', { id: 'x'.repeat(256), username: 'Ada' }, 'id'],
    ['no username', { id: '42' }, 'username'],
    ['a control character in the username', { id: '42', username: 'A\u0007' }, 'username'],
    ['roles that are no list', { id: '42', username: 'Ada', roles: 'admin' }, 'roles'],
    ['an empty role', { id: '42', username: 'Ada', roles: [''] }, 'roles.0'],
  ])('%s is the application’s fault: an error that names the field and not the value', async (_, answer, field) => {
    const { accounts, storage } = accountsOn({ authenticate: answering(answer) })
    await expect(accounts.signIn(credentials)).rejects.toThrow(`(${field}: `)
    expect(await storage.listUsers()).toEqual([])
  })

  test('an error of the hook is not hidden', async () => {
    const authenticate: Authenticate = () => Promise.reject(new Error('directory is away'))
    await expect(accountsOn({ authenticate }).accounts.signIn(credentials)).rejects.toThrow('directory is away')
  })
})
