import type { Clock } from './secrets/random.ts'
import { memoryStorage as createMemoryStorage } from './storage/memory/memory-storage.ts'
import { sqliteStorage as createSqliteStorage } from './storage/sqlite/sqlite-storage.ts'
import type { Storage } from './storage/store-ports.ts'

/**
 * An engine for tests and for trying things out: everything is gone when the process ends.
 *
 * @param options.clock the store's clock in milliseconds since 1970, and so the clock of every decision; default: the
 *   system's
 */
export function memoryStorage(options: { readonly clock?: Clock } = {}): Storage {
  return createMemoryStorage({ clock: options.clock ?? Date.now })
}

/**
 * The default engine: one SQLite file, durable before anything is answered, shared with other processes of the machine.
 *
 * @param options.file path of the database file; created, with its folder, when it is missing
 * @param options.clock the store's clock in milliseconds since 1970; default: the system's
 * @param options.busyMilliseconds how long a statement waits for another process before the request is answered 503;
 *   default 5,000
 */
export function sqliteStorage(options: {
  readonly file: string
  readonly clock?: Clock
  readonly busyMilliseconds?: number
}): Storage {
  return createSqliteStorage({ ...options, clock: options.clock ?? Date.now })
}
