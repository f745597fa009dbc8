import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { manualClock } from '../../src/storage/contract/fixture.ts'
import { addUser, anEvent, aSession } from '../../src/storage/contract/records.ts'
import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { sqliteDatabase } from '../../src/storage/sqlite/database.ts'
import { sqliteStorageOn } from '../../src/storage/sqlite/sqlite-storage.ts'
import type { Storage } from '../../src/storage/store-ports.ts'
import { removeEndedSessions } from '../../src/tokens/remove-ended-sessions.ts'
import { sqliteForTest } from '../storage/sqlite-fixture.ts'

const access = 1000

/** Sessions of which all but three have reached their absolute expiry long enough ago. */
async function fill(storage: Storage, now: number): Promise<void> {
  const user = await addUser(storage, 'ada')
  const ends = [...Array.from({ length: 1200 }, () => now - access), now - access + 1, now, now + 1]
  for (const [index, absoluteExpiresAt] of ends.entries()) {
    await storage.openSession(
      aSession(`tab ${index}`, user, now, { absoluteExpiresAt }),
      anEvent('session_opened', now),
    )
  }
}

describe('removing ended sessions (T9.3)', () => {
  test('takes batches of 500, asks between them whether to go on, and leaves what may still be asked for', async () => {
    const clock = manualClock()
    const storage = memoryStorage({ clock: clock.now })
    await fill(storage, clock.now())
    const limits: number[] = []
    let asked = 0
    const watched: Storage = {
      ...storage,
      removeEndedSessions: (endedBefore, limit) => {
        limits.push(limit)
        return storage.removeEndedSessions(endedBefore, limit)
      },
    }
    const goOn = async (): Promise<boolean> => {
      asked += 1
      return true
    }
    expect(await removeEndedSessions(watched, access, goOn)).toBe(1200)
    expect([limits, asked]).toEqual([[500, 500, 500], 2])
    expect(await removeEndedSessions(watched, access, goOn)).toBe(0)
    clock.advance(access + 1)
    expect(await removeEndedSessions(watched, access, goOn)).toBe(3)
  })

  test('stops where it is told to, and finds the rest the next time', async () => {
    const clock = manualClock()
    const storage = memoryStorage({ clock: clock.now })
    await fill(storage, clock.now())
    expect(await removeEndedSessions(storage, access, async () => false)).toBe(500)
    expect(await removeEndedSessions(storage, access, async () => true)).toBe(700)
  })

  test('holds no lock between two batches: other processes write then', async () => {
    const { storage: other, file, clock } = await sqliteForTest()
    await other.close()
    const database = sqliteDatabase(file)
    const storage = sqliteStorageOn(database, { file, clock: clock.now })
    await storage.open()
    database.run('PRAGMA synchronous = OFF')
    await fill(storage, clock.now())
    const process = new DatabaseSync(file, { timeout: 0 })
    let written = 0
    const removed = await removeEndedSessions(storage, access, async () => {
      process.exec('BEGIN IMMEDIATE')
      process.exec('ROLLBACK')
      written += 1
      return true
    })
    expect([removed, written]).toEqual([1200, 2])
    process.close()
    await storage.close()
  })
})
