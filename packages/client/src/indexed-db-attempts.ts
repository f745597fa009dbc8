import type { AttemptStore } from './attempt-ids.ts'

/** As much of IndexedDB as is used here; the rest of the package needs no types of a browser. */
interface DatabaseFactory {
  open(name: string, version: number): OpenRequest
}
interface DatabaseRequest<Result> {
  readonly result: Result
  readonly error: unknown
  onsuccess: (() => void) | null
  onerror: (() => void) | null
}
interface OpenRequest extends DatabaseRequest<Database> {
  onupgradeneeded: (() => void) | null
}
interface Database {
  createObjectStore(name: string): unknown
  transaction(store: string, mode: 'readwrite', options: { readonly durability: 'strict' }): Transaction
  close(): void
}
interface Transaction {
  readonly error: unknown
  oncomplete: (() => void) | null
  onabort: (() => void) | null
  objectStore(name: string): ObjectStore
}
interface ObjectStore {
  get(key: Key): DatabaseRequest<unknown>
  put(value: string, key: Key): unknown
  delete(range: unknown): unknown
}
type Key = readonly [sessionId: string, generation: number]

declare const indexedDB: DatabaseFactory | undefined
declare const IDBKeyRange: { bound(lower: readonly unknown[], upper: readonly unknown[]): unknown }

const storeName = 'attempts'

/** The server remembers this many rotations; ids of earlier ones explain nothing any more. */
const rememberedRotations = 8

/**
 * Attempt ids in IndexedDB, shared by all tabs of an origin. Undefined where there is no IndexedDB.
 *
 * @param name of the database; clients that share a session must share it
 */
export function indexedDbAttempts(name: string): AttemptStore | undefined {
  if (typeof indexedDB === 'undefined') return undefined
  const factory = indexedDB
  return {
    claim: ({ sessionId, generation }, candidate) =>
      inTransaction(factory, name, (store, done) => {
        const key: Key = [sessionId, generation]
        const found = store.get(key)
        found.onsuccess = () => {
          if (found.result === undefined) store.put(candidate, key)
          store.delete(IDBKeyRange.bound([sessionId], [sessionId, generation - rememberedRotations - 1]))
          const standing = store.get(key)
          standing.onsuccess = () => done(typeof standing.result === 'string' ? standing.result : undefined)
        }
      }),
    forget: async (sessionId) => {
      await inTransaction(factory, name, (store) => store.delete(IDBKeyRange.bound([sessionId], [sessionId, []])))
    },
  }
}

/** Resolves with what `work` handed to `done`, once the transaction is on disk. */
async function inTransaction(
  factory: DatabaseFactory,
  name: string,
  work: (store: ObjectStore, done: (value: string | undefined) => void) => void,
): Promise<string | undefined> {
  const database = await openDatabase(factory, name)
  try {
    return await new Promise((resolve, reject) => {
      let outcome: string | undefined
      // An id that a crash forgets after it was sent would leave the lost reply unexplained: hence on disk first.
      const transaction = database.transaction(storeName, 'readwrite', { durability: 'strict' })
      transaction.oncomplete = () => resolve(outcome)
      transaction.onabort = () => reject(transaction.error)
      work(transaction.objectStore(storeName), (value) => {
        outcome = value
      })
    })
  } finally {
    // Opened anew each time, a few times an hour: a connection kept open would block whoever deletes the database.
    database.close()
  }
}

function openDatabase(factory: DatabaseFactory, name: string): Promise<Database> {
  return new Promise((resolve, reject) => {
    const opening = factory.open(name, 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore(storeName)
    opening.onsuccess = () => resolve(opening.result)
    opening.onerror = () => reject(opening.error)
  })
}
