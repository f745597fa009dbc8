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
  get(key: string): DatabaseRequest<unknown>
  put(value: unknown, key: string): unknown
  delete(key: string): unknown
}

declare const indexedDB: DatabaseFactory | undefined

const storeName = 'entries'

/** One database of entries; undefined where there is no IndexedDB. */
export function openEntries(name: string): Entries | undefined {
  return typeof indexedDB === 'undefined' ? undefined : (key, change) => changeEntry(indexedDB, name, key, change)
}

/**
 * Replaces an entry by what `change` makes of it, with nobody writing in between; undefined removes it.
 *
 * @returns the entry as it is now, once it is on disk
 */
export type Entries = (key: string, change: (stored: unknown) => unknown) => Promise<unknown>

function changeEntry(
  factory: DatabaseFactory,
  name: string,
  key: string,
  change: (stored: unknown) => unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // The first version held attempt ids in another form.
    const opening = factory.open(name, 2)
    opening.onupgradeneeded = () => opening.result.createObjectStore(storeName)
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      let next: unknown
      const database = opening.result
      // An id that a crash forgets after it was sent would leave the lost reply unexplained: hence on disk first.
      const transaction = database.transaction(storeName, 'readwrite', { durability: 'strict' })
      transaction.oncomplete = () => resolve(next)
      transaction.onabort = () => reject(transaction.error)
      const store = transaction.objectStore(storeName)
      const found = store.get(key)
      found.onsuccess = () => {
        next = change(found.result)
        if (next === undefined) store.delete(key)
        else if (next !== found.result) store.put(next, key)
      }
      // Closed once the transaction is done: one kept open would block whoever deletes the database.
      database.close()
    }
  })
}
