import 'fake-indexeddb/auto'
import { customStore, indexedDbStore, localStorageStore, memoryStore, type TokenStore } from '@pawl/client'
import { describe, expect, test, vi } from 'vitest'
import { ada, apiOrigin, startIssuer } from './started-issuer.ts'
import { countSent, openMachine } from './token-holder.ts'

const notes = `${apiOrigin}/api/notes`

function keychain(): TokenStore {
  let entry: string | undefined
  return customStore({
    read: async () => entry,
    write: async (text) => {
      entry = text
    },
    remove: async () => {
      entry = undefined
    },
  })
}

/** A `localStorage` as tabs of one origin share it. */
function stubStorage(): void {
  const entries = new Map<string, string>()
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => entries.get(key) ?? null,
    setItem: (key: string, value: string) => void entries.set(key, value),
    removeItem: (key: string) => void entries.delete(key),
  })
}

const understood = { dangerouslyLetEveryScriptReadTheRefreshToken: true } as const
const stores: readonly [string, (name: string) => TokenStore][] = [
  ['memory', () => memoryStore()],
  ['IndexedDB', indexedDbStore],
  ['a place of one’s own', keychain],
  ['localStorage', (name) => localStorageStore(name, understood)],
]

describe.each(stores)('tokens in %s', (kind, open) => {
  test(`T3.1: tabs that share ${kind} and find the access token expired at once refresh once`, async () => {
    stubStorage()
    const server = await startIssuer()
    const machine = openMachine(server, open(`T3.1 ${kind}`))
    const programs = Array.from({ length: 5 }, () => machine.start())
    await programs[0]?.client.signIn(ada)
    for (const { client } of programs) expect(await client.session()).toMatchObject({ status: 'active' })
    server.passTime(900)
    for (const { passTime } of programs) passTime(900)
    const replies = await Promise.all(programs.map(({ client }) => client.fetch(notes)))
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    const sessions = await Promise.all(programs.map(({ client }) => client.session()))
    expect(sessions).toMatchObject(programs.map(() => ({ status: 'active', generation: 1 })))
    // Where there are locks one request does it; the others converge on the same successor.
    const locked = kind === 'IndexedDB' || kind === 'localStorage'
    expect(countSent(machine, 'POST /auth/refresh')).toBeLessThanOrEqual(locked ? 1 : 5)
  })

  test(`what is put into ${kind} is read, changed and removed in turn`, async () => {
    stubStorage()
    const store = open(`in turn ${kind}`)
    expect(await store.read()).toBeUndefined()
    expect(await store.update(() => 'one')).toBe('one')
    const updates = [1, 2, 3].map((digit) => store.update((stored) => `${stored} ${digit}`))
    await Promise.all(updates)
    expect(await store.read()).toBe('one 1 2 3')
    expect(await store.update((stored) => stored)).toBe('one 1 2 3')
    expect(await store.update(() => undefined)).toBeUndefined()
    expect(await store.read()).toBeUndefined()
  })
})

test('T35.1: localStorage is not to be had without saying what it means', () => {
  // @ts-expect-error: the option is not optional
  expect(() => localStorageStore('tokens', {})).toThrow(TypeError)
})

test('a sign-out in one tab is heard by another that shares IndexedDB', async () => {
  const server = await startIssuer()
  const [one, other] = [indexedDbStore('heard'), indexedDbStore('heard')].map((store) =>
    openMachine(server, store).start(),
  )
  if (one === undefined || other === undefined) throw new Error('two tabs')
  await one.client.signIn(ada)
  await other.client.session()
  const heard = new Promise((resolve) => other.client.onChange(resolve))
  await one.client.signOut()
  expect(await heard).toEqual({ status: 'signed-out', reason: 'store_emptied' })
})
