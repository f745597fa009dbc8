import 'fake-indexeddb/auto'
import { indexedDbAttempts } from '@pawl/client'
import { indexedDB } from 'fake-indexeddb'
import { expect, test, vi } from 'vitest'

const sessionId = 'a'.repeat(22)

function open(name: string): NonNullable<ReturnType<typeof indexedDbAttempts>> {
  const store = indexedDbAttempts(name)
  if (store === undefined) throw new Error('there is IndexedDB here')
  return store
}

test('of many who claim a generation at once all get the id of the first', async () => {
  const tabs = Array.from({ length: 20 }, () => open('at once'))
  const ids = await Promise.all(tabs.map((tab, index) => tab.claim({ sessionId, generation: 7 }, `candidate ${index}`)))
  expect(new Set(ids).size).toBe(1)
  expect(await open('at once').claim({ sessionId, generation: 7 }, 'late')).toBe(ids[0])
})

test('each generation and each session has an id of its own', async () => {
  const store = open('own')
  expect(await store.claim({ sessionId, generation: 1 }, 'one')).toBe('one')
  expect(await store.claim({ sessionId, generation: 2 }, 'two')).toBe('two')
  expect(await store.claim({ sessionId: 'b'.repeat(22), generation: 1 }, 'three')).toBe('three')
})

test('the ids of the last eight generations stay, earlier ones go, those of other sessions are not touched', async () => {
  const store = open('pruned')
  await store.claim({ sessionId: 'b'.repeat(22), generation: 0 }, 'other')
  for (let generation = 0; generation <= 20; generation += 1)
    await store.claim({ sessionId, generation }, `${generation}`)
  expect(await store.claim({ sessionId, generation: 12 }, 'new')).toBe('12')
  expect(await store.claim({ sessionId, generation: 11 }, 'new')).toBe('new')
  expect(await store.claim({ sessionId: 'b'.repeat(22), generation: 0 }, 'new')).toBe('other')
})

test('forgetting takes the ids of one session', async () => {
  const store = open('forgotten')
  await store.claim({ sessionId, generation: 3 }, 'gone')
  await store.claim({ sessionId: 'b'.repeat(22), generation: 3 }, 'kept')
  await store.forget(sessionId)
  expect(await store.claim({ sessionId, generation: 3 }, 'new')).toBe('new')
  expect(await store.claim({ sessionId: 'b'.repeat(22), generation: 3 }, 'new')).toBe('kept')
})

test('a database that does not open, or is not ours, comes out as a rejection', async () => {
  await new Promise((resolve) => {
    indexedDB.open('foreign', 9).onsuccess = resolve
  })
  await expect(open('foreign').claim({ sessionId, generation: 0 }, 'x')).rejects.toBeDefined()
})

test('without IndexedDB there is no store', () => {
  vi.stubGlobal('indexedDB', undefined)
  expect(indexedDbAttempts('none')).toBeUndefined()
  vi.unstubAllGlobals()
})
