import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  addUser,
  aMove,
  anEnding,
  anEvent,
  aPeek,
  aRepeat,
  aSession,
  emptyOutbox,
  moved,
  openSession,
  outbox,
  stored,
} from '../../src/storage/contract/records.ts'
import { type Database, sqliteDatabase } from '../../src/storage/sqlite/database.ts'
import { groupCommit } from '../../src/storage/sqlite/group-commit.ts'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.ts'
import type { Storage } from '../../src/storage/store-ports.ts'
import { isStorageUnavailable, storageUnavailable } from '../../src/tokens/storage-unavailable.ts'
import type { UserRecord } from '../../src/users/user.ts'
import { sqliteForTest } from './sqlite-fixture.ts'

/** A call of every kind: reads, lone writes, grouped writes. */
function everyKindOfCall(storage: Storage, user: UserRecord, now: number): readonly (() => Promise<unknown>)[] {
  const session = aSession('tab', user, now)
  return [
    ...writesOf(storage, user, now),
    () => storage.storeNow(),
    () => storage.readSession(session.id),
    () => storage.listSessions(1),
    () => storage.findUser(user.id),
    () => storage.findClient('app'),
    () => storage.keysVersion(),
    () => storage.readKeys(),
    () => storage.nextEvents(1),
  ]
}

function writesOf(storage: Storage, user: UserRecord, now: number): readonly (() => Promise<unknown>)[] {
  const session = aSession('tab', user, now)
  return [
    () => storage.moveSession(aMove(session, now)),
    () => storage.countRepeat(aRepeat(session, now)),
    () => storage.countPeek(aPeek(session, now)),
    () => storage.openSession(aSession('other', user, now), anEvent('session_opened', now)),
    () => storage.endSession(anEnding(session, now)),
    () => storage.removeEndedSessions(now, 1),
    () => storage.disableUser(user.id, now, anEvent('user_disabled', now)),
    () => storage.appendEvent(anEvent('session_stranger', now)),
  ]
}

describe('a store that does not answer is StorageUnavailable, whatever was asked', () => {
  test('before it is opened and after it is closed', async () => {
    const { storage, clock, file } = await sqliteForTest()
    const user = await addUser(storage, 'ada')
    await storage.close()
    const unopened = sqliteStorage({ file, clock: clock.now })
    for (const closed of [storage, unopened]) {
      for (const call of everyKindOfCall(closed, user, clock.now())) {
        await expect(call()).rejects.toSatisfy(isStorageUnavailable)
      }
    }
    await unopened.close()
  })

  test('closing writes what was queued first', async () => {
    const { storage, clock, reopen } = await sqliteForTest()
    const session = await openSession(storage, 'tab', await addUser(storage, 'ada'))
    const move = aMove(session, clock.now())
    const answer = storage.moveSession(move)
    const reopened = await reopen()
    expect(await answer).toBe(true)
    expect(await stored(reopened, session)).toEqual(moved(session, move))
  })

  test('T10.1 while another process holds the write lock for too long; reading goes on', async () => {
    const { storage, clock, file } = await sqliteForTest()
    const user = await addUser(storage, 'ada')
    const session = await openSession(storage, 'tab', user)
    const impatient = sqliteStorage({ file, clock: clock.now, busyMilliseconds: 20 })
    await impatient.open()
    const other = new DatabaseSync(file)
    other.exec('BEGIN IMMEDIATE')
    for (const write of writesOf(impatient, user, clock.now()))
      await expect(write()).rejects.toSatisfy(isStorageUnavailable)
    expect(await stored(impatient, session)).toEqual(session)
    other.exec('ROLLBACK')
    other.close()
    expect(await impatient.moveSession(aMove(session, clock.now()))).toBe(true)
    await impatient.close()
  })

  test('when the disk is full, and again at work when there is room', async () => {
    const { file, storage } = await sqliteForTest()
    await storage.close()
    const database = sqliteDatabase(file)
    await database.open()
    const insert = 'INSERT INTO security_events (document) VALUES (hex(zeroblob(100000)))'
    const pages = Number(database.get('PRAGMA page_count')?.['page_count'])
    database.get(`PRAGMA max_page_count = ${pages}`)
    await expect(database.transaction(() => database.run(insert))).rejects.toSatisfy(isStorageUnavailable)
    const written = groupCommit(database).submit(() => database.run(insert) === 1)
    await expect(written).rejects.toSatisfy(isStorageUnavailable)
    expect(database.all('SELECT 1 FROM security_events')).toEqual([])
    database.get(`PRAGMA max_page_count = ${pages + 100}`)
    expect(await database.transaction(() => database.run(insert))).toBe(1)
    database.close()
  })

  test('when the file may only be read', async () => {
    const { file, storage } = await sqliteForTest()
    await storage.close()
    const database = sqliteDatabase(file)
    await database.open()
    database.run('PRAGMA query_only = ON')
    expect(() => database.run("INSERT INTO security_events (document) VALUES ('{}')")).toThrow(
      expect.toSatisfy(isStorageUnavailable),
    )
    database.close()
  })

  test('a fault of the statement is no such thing', async () => {
    const { file, storage } = await sqliteForTest()
    await storage.close()
    const database = sqliteDatabase(file)
    await database.open()
    for (const sql of ['SELECT nonsense', 'INSERT INTO security_events (document) VALUES (NULL)']) {
      expect(() => database.run(sql)).toThrow(expect.not.toSatisfy(isStorageUnavailable))
    }
    database.close()
  })
})

describe('writes that share a transaction', () => {
  /** A database that records what it is asked, and can be made to fail. */
  function scripted(fails: (transaction: number) => Error | undefined): { database: Database; commits: () => number } {
    let transactions = 0
    const unused = (): never => {
      throw new Error('not asked here')
    }
    return {
      commits: () => transactions,
      database: {
        open: unused,
        get: unused,
        all: unused,
        run: unused,
        snapshot: unused,
        revision: unused,
        close: unused,
        async transaction(work) {
          transactions += 1
          const result = work()
          const failure = fails(transactions)
          if (failure !== undefined) throw failure
          return result
        },
      },
    }
  }

  test('F9 what arrives in one turn is committed once, and each write gets its own answer', async () => {
    const { database, commits } = scripted(() => undefined)
    const group = groupCommit(database)
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => group.submit(() => index % 3 === 0)))
    expect(answers).toEqual(Array.from({ length: 50 }, (_, index) => index % 3 === 0))
    expect(commits()).toBe(1)
    expect(await group.submit(() => true)).toBe(true)
    expect(commits()).toBe(2)
  })

  test('a lone write waits for no timer: it is on the disk when the turn of the event loop is over', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] })
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const { database, commits } = scripted(() => undefined)
    const group = groupCommit(database)
    for (const turn of [1, 2, 3]) {
      const answer = group.submit(() => true)
      expect(commits()).toBe(turn - 1)
      await new Promise(setImmediate)
      expect(commits()).toBe(turn)
      expect(await answer).toBe(true)
    }
  })

  test.each([true, false])(
    'T10.3 who comes while another process has the file goes with those that wait already (it lets go: %s)',
    async (letsGo) => {
      const { database, commits } = scripted(() => undefined)
      const unlocked = Promise.withResolvers<void>()
      const group = groupCommit({
        ...database,
        async transaction(work) {
          await unlocked.promise
          return database.transaction(work)
        },
      })
      const early = [group.submit(() => true), group.submit(() => false)]
      await new Promise(setImmediate)
      const late = group.submit(() => true)
      await new Promise(setImmediate)
      if (letsGo) unlocked.resolve()
      else unlocked.reject(storageUnavailable(new Error('database is locked')))
      const answers = await Promise.allSettled([...early, late])
      expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : 'rejected'))).toEqual(
        letsGo ? [true, false, true] : ['rejected', 'rejected', 'rejected'],
      )
      expect(commits()).toBe(letsGo ? 1 : 0)
      if (!letsGo) return
      await Promise.all([group.flush(), group.submit(() => true)])
      expect(commits()).toBe(2)
    },
  )

  test('T10.3 a transaction that waits for another process leaves this one free for everything else', async () => {
    const { storage, clock, file } = await sqliteForTest()
    const user = await addUser(storage, 'ada')
    const session = await openSession(storage, 'tab', user)
    const other = new DatabaseSync(file)
    other.exec('BEGIN IMMEDIATE')
    const waiting = [
      storage.moveSession(aMove(session, clock.now())),
      storage.openSession(aSession('late', user, clock.now()), anEvent('session_opened', 1)),
    ]
    for (let turn = 0; turn < 100; turn += 1) {
      expect(await stored(storage, session)).toEqual(session)
      await new Promise(setImmediate)
    }
    other.exec('ROLLBACK')
    other.close()
    expect(await Promise.all(waiting)).toEqual([true, 'opened'])
  })

  test('B4 nothing is answered before the commit', async () => {
    const answered: string[] = []
    const { database } = scripted(() => {
      answered.push('commit')
      return undefined
    })
    const group = groupCommit(database)
    await Promise.all(['a', 'b'].map((name) => group.submit(() => true).then(() => answered.push(name))))
    expect(answered).toEqual(['commit', 'a', 'b'])
  })

  test('B4 a commit that fails is answered by failure to all, and not tried again', async () => {
    const { database, commits } = scripted(() => storageUnavailable(new Error('disk I/O error')))
    const group = groupCommit(database)
    const answers = await Promise.allSettled([group.submit(() => true), group.submit(() => false)])
    expect(answers.map((answer) => answer.status)).toEqual(['rejected', 'rejected'])
    expect(commits()).toBe(1)
  })

  test('F9 one write that cannot be written fails alone', async () => {
    const { database, commits } = scripted(() => undefined)
    const group = groupCommit(database)
    const poison = (): boolean => {
      throw new Error('poison')
    }
    const answers = await Promise.allSettled([
      group.submit(() => true),
      group.submit(poison),
      group.submit(() => false),
    ])
    expect(answers).toMatchObject([{ value: true }, { reason: { message: 'poison' } }, { value: false }])
    expect(commits()).toBe(4)
  })

  test('F9 one poisoned move among ten fails alone, in the file too', async () => {
    const { storage, clock } = await sqliteForTest()
    const user = await addUser(storage, 'ada')
    const names = Array.from({ length: 10 }, (_, index) => `tab ${index}`)
    const sessions = await Promise.all(names.map((name) => openSession(storage, name, user)))
    await emptyOutbox(storage)
    const moves = sessions.map((session, index) =>
      aMove(session, clock.now(), {
        event: anEvent('session_rolled_forward', clock.now(), { sessionId: session.id }),
        ...(index === 4 && { tokenHash: new Uint8Array(31) }),
      }),
    )
    const answers = await Promise.allSettled(moves.map((move) => storage.moveSession(move)))
    expect(answers.map((answer) => answer.status === 'fulfilled' && answer.value)).toEqual(
      names.map((_, index) => index !== 4),
    )
    expect(answers[4]).toMatchObject({ reason: expect.not.toSatisfy(isStorageUnavailable) })
    for (const [index, session] of sessions.entries()) {
      const move = moves[index]
      expect(await stored(storage, session)).toEqual(index === 4 || move === undefined ? session : moved(session, move))
    }
    expect(await outbox(storage)).toEqual(moves.filter((_, index) => index !== 4).map((move) => move.event))
  })
})
