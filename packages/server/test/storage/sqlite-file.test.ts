import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import {
  addUser,
  aMove,
  anEvent,
  aSession,
  emptyOutbox,
  moved,
  namedBytes,
  namedId,
  openSession,
  stored,
} from '../../src/storage/contract/records.ts'
import { sqliteDatabase } from '../../src/storage/sqlite/database.ts'
import { migrate, migrations } from '../../src/storage/sqlite/migrations.ts'
import { sqliteStorage, sqliteStorageOn } from '../../src/storage/sqlite/sqlite-storage.ts'
import type { Storage } from '../../src/storage/store-ports.ts'
import type { SessionRecord } from '../../src/tokens/session.ts'
import { isStorageUnavailable } from '../../src/tokens/storage-unavailable.ts'
import { sqliteForTest } from './sqlite-fixture.ts'

/** Runs statements on a file that nobody has open, and returns the rows of the last. */
function onFile(file: string, ...statements: readonly string[]): readonly unknown[] {
  mkdirSync(dirname(file), { recursive: true })
  const connection = new DatabaseSync(file)
  const rows = statements.map((sql) => connection.prepare(sql).all())
  connection.close()
  return rows.at(-1) ?? []
}

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

function engineOn(file: string): Storage {
  return sqliteStorage({ file, clock: () => 1 })
}

describe('the schema', () => {
  test('a file that a newer release wrote is refused with a reason, and left alone', async () => {
    const { file, storage } = await sqliteForTest()
    await storage.close()
    onFile(file, `PRAGMA user_version = ${migrations.length + 1}`)
    const before = digest(file)
    const told = `has schema ${migrations.length + 1} and this release of Pawl knows ${migrations.length}: start the`
    await expect(engineOn(file).open()).rejects.toThrow(told)
    expect(digest(file)).toBe(before)
  })

  test('another program’s file is refused, and left alone', async () => {
    const { file } = await sqliteForTest()
    for (const [name, ...statements] of [
      ['tables', 'CREATE TABLE theirs (x)'],
      ['id', 'CREATE TABLE theirs (x)', 'PRAGMA application_id = 7'],
    ] as const) {
      onFile(`${file}-${name}`, ...statements)
      const before = digest(`${file}-${name}`)
      await expect(engineOn(`${file}-${name}`).open()).rejects.toThrow('not one of Pawl')
      expect(digest(`${file}-${name}`)).toBe(before)
    }
  })

  test('what is no database at all is refused as unavailable', async () => {
    const { file } = await sqliteForTest()
    writeFileSync(`${file}-text`, 'to whom it may concern '.repeat(100))
    await expect(engineOn(`${file}-text`).open()).rejects.toSatisfy(isStorageUnavailable)
    await expect(engineOn(dirname(file)).open()).rejects.toThrow()
  })

  test('later steps are taken on top of what is there, once, and all or none', async () => {
    const { file, storage } = await sqliteForTest()
    const user = await addUser(storage, 'ada')
    await storage.close()
    const planted = 'CREATE TABLE planted (x INTEGER) STRICT; INSERT INTO planted VALUES (1)'
    const connection = new DatabaseSync(file)
    expect(() => migrate(connection, [...migrations, planted, 'CREATE nonsense'])).toThrow()
    expect(connection.prepare('PRAGMA user_version').get()).toEqual({ user_version: migrations.length })
    expect(() => connection.prepare('SELECT * FROM planted')).toThrow()
    for (const _ of [1, 2]) migrate(connection, [...migrations, planted])
    expect(connection.prepare('SELECT x FROM planted').all()).toEqual([{ x: 1 }])
    connection.exec(`PRAGMA user_version = ${migrations.length}`)
    connection.close()
    const again = engineOn(file)
    await again.open()
    expect(await again.listUsers()).toEqual([user])
    await again.close()
  })

  test('a session of the release before is read, and that release can still write beside this one', async () => {
    const { file } = await sqliteForTest()
    const earlier = `${file}-earlier`
    const connection = new DatabaseSync(earlier)
    migrate(connection, migrations.slice(0, 1))
    connection.exec(`
      INSERT INTO users VALUES (1, 'usr_1', 'ada', 'ada', NULL, '[]', 1, NULL);
      INSERT INTO session_terms VALUES (1, 'first-party', '{"scope":[],"resources":[],"amr":[],"delivery":"body"}')`)
    const insertOfBefore = `
      INSERT INTO sessions (id, user, terms, generation, token_hash, refresh_key_id, seed, recent, created_at,
        last_used_at, idle_expires_at, absolute_expires_at, repeats)
      VALUES (?, 1, 1, zeroblob(8), zeroblob(32), zeroblob(8), zeroblob(32), zeroblob(176), 1, 1, 1000, 1000, 3)`
    connection.prepare(insertOfBefore).run(namedBytes('before', 16))
    connection.close()

    const storage = engineOn(earlier)
    await storage.open()
    const beside = new DatabaseSync(earlier)
    beside.prepare(insertOfBefore).run(namedBytes('beside', 16))
    beside.close()
    for (const name of ['before', 'beside']) {
      const id = namedId(name)
      const nothing = { repeats: 3, peeks: 0, repeatHolders: new Uint8Array(16) }
      expect((await storage.readSession(id)).session).toMatchObject(nothing)
      expect(await storage.countRepeat({ id, expectedGeneration: 0, now: 1, holder: namedBytes('x', 4) })).toBe(true)
      expect(await storage.countPeek({ id, expectedGeneration: 0, now: 1 })).toBe(true)
      expect((await storage.readSession(id)).session).toMatchObject({ repeats: 4, peeks: 1 })
    }
    await storage.close()
  })

  test('a copy that VACUUM INTO makes while the store is in use is a whole store', async () => {
    const { file, storage } = await sqliteForTest()
    const user = await addUser(storage, 'ada')
    const session = await openSession(storage, 'tab', user)
    const copying = new DatabaseSync(file)
    copying.exec(`VACUUM INTO '${file}-copy'`)
    copying.close()
    await storage.endSession({ id: session.id, now: 1, reason: 'logout', event: anEvent('session_ended', 1) })
    const copy = engineOn(`${file}-copy`)
    await copy.open()
    expect(await copy.listUsers()).toEqual([user])
    expect((await copy.readSession(session.id)).session).toEqual(session)
    expect(await copy.findDamage()).toEqual([])
    await copy.close()
  })

  test('nobody but the owner can read the file or its log', async () => {
    const { file, storage } = await sqliteForTest()
    await addUser(storage, 'ada')
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(`${file}${suffix}`).mode & 0o777).toBe(0o600)
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700)
  })

  test('no column that a refresh writes is in an index, and every index has its reason', async () => {
    const { file, storage } = await sqliteForTest()
    await storage.close()
    const indexed = onFile(
      file,
      `SELECT info.name FROM pragma_index_list('sessions') AS list JOIN pragma_index_info(list.name) AS info ORDER BY 1`,
    )
    expect(indexed).toEqual([{ name: 'absolute_expires_at' }, { name: 'id' }, { name: 'user' }])
  })

  test.each([
    ['SELECT * FROM sessions WHERE id = ?', 'sessions'],
    ['SELECT * FROM sessions WHERE user = ?', 'sessions_by_user'],
    [
      'SELECT number FROM sessions WHERE absolute_expires_at <= ? ORDER BY absolute_expires_at LIMIT 5',
      'sessions_by_absolute_expiry',
    ],
    ['SELECT key FROM failures WHERE ends_at <= ? ORDER BY ends_at LIMIT 5', 'failures_by_end'],
  ])('T9.2 %s reads an index, not the table', async (sql, index) => {
    const { file, storage } = await sqliteForTest()
    await storage.close()
    expect(JSON.stringify(onFile(file, `EXPLAIN QUERY PLAN ${sql}`))).toMatch(new RegExp(`SEARCH .*${index}`))
  })
})

test('F8 a commit has reached the disk when it returns, and foreign keys hold', async () => {
  const { file } = await sqliteForTest()
  const database = sqliteDatabase(file)
  await database.open()
  const values = ['journal_mode', 'synchronous', 'foreign_keys', 'busy_timeout'].map((name) =>
    Object.values(database.get(`PRAGMA ${name}`) ?? {}).join(),
  )
  // synchronous 2 is FULL.
  expect(values).toEqual(['wal', '2', '1', '0'])
  database.close()
})

describe('the size of the file', () => {
  const pageBytes = 4096

  /** Opens sessions on one connection, delivering events on the way as a server does. */
  async function openMany(storage: Storage, count: number): Promise<readonly SessionRecord[]> {
    const people = 500
    const users = await Promise.all(Array.from({ length: people }, (_, index) => addUser(storage, `user ${index}`)))
    await emptyOutbox(storage)
    const start = Date.UTC(2026, 0, 1)
    const sessions: SessionRecord[] = []
    for (let index = 0; index < count; index += 1) {
      const user = users[(index * 7919) % users.length]
      if (user === undefined) throw new Error('there are users')
      const openedFrom = { address: `203.0.113.${index % 256}`, userAgent: `Mozilla/5.0 ${'x'.repeat(108)}` }
      const session = aSession(`tab ${index}`, user, start + index * 1000, {
        scope: ['openid', 'profile', 'email'],
        resources: ['https://api.example.com/', 'https://files.example.com/'],
        absoluteExpiresAt: start + index * 1000 + 7_776_000_000,
        idleExpiresAt: start + index * 1000 + 2_592_000_000,
        openedFrom,
        lastUsedFrom: openedFrom,
      })
      await storage.openSession(
        session,
        anEvent('session_opened', start, { sessionId: session.id, device: openedFrom }),
      )
      sessions.push(session)
      if (index % 200 === 199) await emptyOutbox(storage)
    }
    await emptyOutbox(storage)
    return sessions
  }

  /** Opens sessions in a file without waiting for the disk each time: only its length matters here. */
  async function filled(file: string, count: number): Promise<readonly SessionRecord[]> {
    const database = sqliteDatabase(file)
    const storage = sqliteStorageOn(database, { file, clock: () => 1 })
    await storage.open()
    database.run('PRAGMA synchronous = OFF')
    const sessions = await openMany(storage, count)
    await storage.close()
    return sessions
  }

  test('T9.1 a session with a user agent of 120 bytes takes at most 600, indexes and all', {
    timeout: 120_000,
  }, async () => {
    const { file } = await sqliteForTest()
    const count = 20_000
    await filled(file, count)
    expect(statSync(file).size / count).toBeLessThanOrEqual(600)
    expect(statSync(file).size / count).toBeGreaterThan(400)
  })

  test('T9.1 a hundred refreshes of each session make the file no longer', {
    timeout: 120_000,
  }, async () => {
    const { file, reopen } = await sqliteForTest()
    let sessions = await filled(file, 500)
    const before = statSync(file).size
    const reopened = await reopen()
    for (let round = 0; round < 100; round += 1) {
      const moves = sessions.map((session) =>
        aMove(session, session.lastUsedAt + 900_000, {
          idleExpiresAt: session.lastUsedAt + 900_000 + 2_592_000_000,
          usedFrom: session.openedFrom,
        }),
      )
      expect(await Promise.all(moves.map((move) => reopened.moveSession(move)))).not.toContain(false)
      sessions = sessions.flatMap((session, index) => {
        const move = moves[index]
        return move === undefined ? [] : [moved(session, move)]
      })
    }
    await reopened.close()
    expect((statSync(file).size - before) / sessions.length).toBeLessThanOrEqual(1)
  })

  test('T9.1 2,000 moves of one session leave one row, a file of the same length and a bounded log', {
    timeout: 120_000,
  }, async () => {
    const { file, storage, reopen } = await sqliteForTest()
    const user = await addUser(storage, 'ada')
    const limits = { idleExpiresAt: Number.MAX_SAFE_INTEGER, absoluteExpiresAt: Number.MAX_SAFE_INTEGER }
    let session = await openSession(storage, 'tab', user, limits)
    await storage.close()
    const before = statSync(file).size
    const reopened = await reopen()
    let longestLog = 0
    for (let generation = 0; generation < 2000; generation += 1) {
      const move = aMove(session, session.lastUsedAt + 1, {
        tokenHash: namedBytes(`token ${generation}`, 32),
        refreshKeyId: namedId('refresh key', 8),
        idleExpiresAt: limits.idleExpiresAt - generation,
      })
      expect(await reopened.moveSession(move)).toBe(true)
      session = moved(session, move)
      if (generation % 100 === 0) longestLog = Math.max(longestLog, statSync(`${file}-wal`).size)
    }
    expect(await stored(reopened, session)).toEqual(session)
    await reopened.close()
    expect(statSync(file).size - before).toBeLessThanOrEqual(2 * pageBytes)
    expect(longestLog).toBeLessThan(16 * 2 ** 20)
    expect(
      onFile(
        file,
        'SELECT (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM security_events) AS events',
      ),
    ).toEqual([{ sessions: 1, events: 2 }])
  })
})
