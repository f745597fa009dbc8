import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  addUser,
  aMove,
  anEnding,
  anEvent,
  aPeek,
  aRepeat,
  aSession,
  openSession,
  stored,
} from '../../src/storage/contract/records.ts'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.ts'
import { carriedTables, sqliteTransferSource } from '../../src/storage/sqlite/transfer.ts'
import type { Storage } from '../../src/storage/store-ports.ts'
import { isStorageUnavailable } from '../../src/tokens/storage-unavailable.ts'
import type { UserRecord } from '../../src/users/user.ts'
import { type SqliteFixture, sqliteForTest } from './sqlite-fixture.ts'

const destination = 'db.example/pawl'

/** Everything that a file holds, table by table. */
function contentOf(file: string): unknown {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('departure', 'revocation_feed')")
      .all()
    return tables.map(({ name }) => ({ name, rows: database.prepare(`SELECT * FROM ${String(name)}`).all() }))
  } finally {
    database.close()
  }
}

/** A call of every kind. */
function everyCall(storage: Storage, user: UserRecord, now: number): readonly (() => Promise<unknown>)[] {
  const session = aSession('tab', user, now)
  return [
    () => storage.readSession(session.id),
    () => storage.readSession(aSession('never opened', user, now).id),
    () => storage.moveSession(aMove(session, now)),
    () => storage.countRepeat(aRepeat(session, now)),
    () => storage.countPeek(aPeek(session, now)),
    () => storage.openSession(aSession('other', user, now), anEvent('session_opened', now)),
    () => storage.endSession(anEnding(session, now)),
    () => storage.disableUser(user.id, now, anEvent('user_disabled', now)),
    () => storage.appendEvent(anEvent('session_stranger', now)),
    () => storage.countFailures('somebody', 1, 1000),
    () => storage.readFailures('somebody'),
    () => storage.storeNow(),
    () => storage.findUser(user.id),
    () => storage.findUserByName('ada'),
    () => storage.findClient('app'),
    () => storage.keysVersion(),
    () => storage.readKeys(),
    () => storage.nextEvents(1),
  ]
}

async function departed({ file, clock }: SqliteFixture): Promise<void> {
  const source = sqliteTransferSource({ file, clock: clock.now })
  const id = await source.begin('move-1')
  await source.depart({ id, destination }, async () => undefined)
}

describe('a SQLite store that was moved away', () => {
  test('F8 T34.2 answers nothing to whoever has it open, and nothing changes in it', async () => {
    const fixture = await sqliteForTest()
    const { storage, clock, file } = fixture
    const user = await addUser(storage, 'ada')
    await openSession(storage, 'tab', user)
    await departed(fixture)
    const before = contentOf(file)
    for (const call of everyCall(storage, user, clock.now())) {
      const error = await call().catch((thrown: unknown) => thrown)
      expect(isStorageUnavailable(error), String(call)).toBe(true)
    }
    expect(contentOf(file)).toEqual(before)
  })

  test('is not opened again: the message says where everything went and how to come back', async () => {
    const fixture = await sqliteForTest()
    await departed(fixture)
    const again = sqliteStorage({ file: fixture.file, clock: fixture.clock.now })
    await expect(again.open()).rejects.toThrow(/moved to another store, db\.example\/pawl, at 2026-.*pawl move --undo/)
  })

  test('takes no write from a release that knows nothing of moves', async () => {
    const fixture = await sqliteForTest()
    const user = await addUser(fixture.storage, 'ada')
    await openSession(fixture.storage, 'tab', user)
    await departed(fixture)
    const older = new DatabaseSync(fixture.file)
    onTestFinished(() => older.close())
    for (const write of [
      'UPDATE sessions SET repeats = repeats + 1',
      'DELETE FROM sessions',
      "INSERT INTO security_events (document) VALUES ('{}')",
      'UPDATE key_ring SET version = 7',
    ]) {
      expect(() => older.exec(write), write).toThrow('moved to another store')
    }
  })

  test('comes back as it was', async () => {
    const fixture = await sqliteForTest()
    const { storage, file, clock } = fixture
    const session = await openSession(storage, 'tab', await addUser(storage, 'ada'))
    const before = contentOf(file)
    await departed(fixture)
    const source = sqliteTransferSource({ file, clock: clock.now })
    expect(await source.comeBack()).toEqual({ kind: 'departed', id: 'move-1', destination, at: clock.now() })
    expect(contentOf(file)).toEqual(before)
    expect(await source.comeBack()).toEqual({ kind: 'here' })
    // Also to those who had it open all the time.
    expect(await storage.moveSession(aMove(session, clock.now()))).toBe(true)
    await fixture.reopen()
  })
})

describe('moving a SQLite store away', () => {
  test('that fails leaves it as it was; what the attempt left elsewhere is known by its id', async () => {
    const { storage, file, clock } = await sqliteForTest()
    const session = await openSession(storage, 'tab', await addUser(storage, 'ada'))
    const source = sqliteTransferSource({ file, clock: clock.now })
    const id = await source.begin('move-1')
    const failing = source.depart({ id, destination }, () => Promise.reject(new Error('the other side is away')))
    await expect(failing).rejects.toThrow('the other side is away')
    expect(await source.departure()).toEqual({ kind: 'here' })
    expect(await storage.moveSession(aMove(session, clock.now()))).toBe(true)
    expect(await source.begin('move-2')).toBe('move-1')
  })

  test('has writers wait and loses none of what they write; readers go on', async () => {
    const { storage, file, clock } = await sqliteForTest()
    const session = await openSession(storage, 'tab', await addUser(storage, 'ada'))
    const source = sqliteTransferSource({ file, clock: clock.now })
    const id = await source.begin('move-1')
    let written: Promise<boolean> | undefined
    const failing = source.depart({ id, destination }, async () => {
      written = storage.moveSession(aMove(session, clock.now()))
      expect((await stored(storage, session))?.generation).toBe(0)
      throw new Error('not now')
    })
    await expect(failing).rejects.toThrow('not now')
    expect(await written).toBe(true)
  })

  test('of two moves at once one comes too late, and says so', async () => {
    const { file, clock } = await sqliteForTest()
    const source = sqliteTransferSource({ file, clock: clock.now })
    const id = await source.begin('move-1')
    await source.depart({ id, destination }, async () => undefined)
    await expect(source.depart({ id, destination }, async () => undefined)).rejects.toThrow('another pawl move')
  })

  test('makes no store where there is none', async () => {
    const { file, clock } = await sqliteForTest()
    const elsewhere = sqliteTransferSource({ file: `${file}.not-there`, clock: clock.now })
    await expect(elsewhere.departure()).rejects.toThrow('there is no')
    expect(existsSync(`${file}.not-there`)).toBe(false)
  })

  test('carries every table there is', async () => {
    const { file } = await sqliteForTest()
    const database = new DatabaseSync(file, { readOnly: true })
    onTestFinished(() => database.close())
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
      .all()
      .map(({ name }) => String(name))
    expect(new Set(tables)).toEqual(new Set([...carriedTables, 'departure', 'tickets']))
  })
})
