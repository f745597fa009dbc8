import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { manualClock, type StorageFixture, storageFor } from '../../src/storage/contract/fixture.ts'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.ts'
import type { Storage } from '../../src/storage/store-ports.ts'

/** A SQLite engine on a file of its own, which goes when the test is over. */
export interface SqliteFixture extends StorageFixture {
  readonly file: string
  readonly reopen: () => Promise<Storage>
  readonly connect: () => Promise<Storage>
  readonly dispose: () => Promise<void>
}

export async function sqliteFixture(): Promise<SqliteFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-sqlite-'))
  const file = join(folder, 'data', 'pawl.db')
  const clock = manualClock()
  const opened: Storage[] = []

  async function connect(): Promise<Storage> {
    const storage = sqliteStorage({ file, clock: clock.now })
    await storage.open()
    opened.push(storage)
    return storage
  }

  async function closeAll(): Promise<void> {
    for (const storage of opened.splice(0)) await storage.close()
  }

  return {
    storage: await connect(),
    clock,
    file,
    connect,
    async reopen() {
      await closeAll()
      return connect()
    },
    async dispose() {
      await closeAll()
      rmSync(folder, { recursive: true })
    },
  }
}

/** {@link sqliteFixture} for a test that needs more than the contract: it, too, goes when the test is over. */
export async function sqliteForTest(): Promise<SqliteFixture> {
  const fixture = await sqliteFixture()
  await storageFor(async () => fixture)
  return fixture
}
