import { describe, expect, test } from 'vitest'
import { addUser, aMove, anEvent, aRefreshKey, openSession } from '../../src/storage/contract/records.ts'
import { sqliteDatabase } from '../../src/storage/sqlite/database.ts'
import { type Child, child } from './child-process.ts'
import { sqliteForTest } from './sqlite-fixture.ts'

/** Runs a child to its end. */
async function ran(...args: readonly string[]): Promise<readonly string[]> {
  const running = await child(...args)
  running.start()
  await running.gone
  return running.lines
}

describe('several processes on one file', () => {
  test('T10.1 processes that start at once on a new file all find it migrated, once', async () => {
    const { file } = await sqliteForTest()
    for (const round of [1, 2, 3]) {
      const fresh = `${file}-${round}`
      const children = await Promise.all(Array.from({ length: 4 }, () => child('open', fresh)))
      for (const one of children) one.start()
      await Promise.all(children.map((one) => one.gone))
      expect(children.map((one) => one.lines)).toEqual(Array.from({ length: 4 }, () => ['opened 0']))
    }
  })

  test('B1 B5 T1.1 two processes and this one move one session: every generation is won once', {
    timeout: 60_000,
  }, async () => {
    const { file, storage } = await sqliteForTest()
    const [id = ''] = await ran('prepare', file, 'tab')
    const until = 300
    const children = await Promise.all([
      child('contend', file, id, String(until)),
      child('contend', file, id, String(until)),
    ])
    for (const one of children) one.start()
    let won = 0
    for (;;) {
      const { session, now } = await storage.readSession(id)
      if (session === undefined || session.generation >= until) break
      if (await storage.moveSession(aMove(session, now, { idleExpiresAt: Number.MAX_SAFE_INTEGER }))) won += 1
      await new Promise(setImmediate)
    }
    await Promise.all(children.map((one) => one.gone))
    const theirs = children.map((one) => Number(one.lines[0]))
    const generation = (await storage.readSession(id)).session?.generation ?? 0
    expect(generation).toBeGreaterThanOrEqual(until)
    expect(theirs.reduce((sum, wins) => sum + wins, won)).toBe(generation)
  })

  test('T10.1 sign-ins and key changes beside processes that keep writing are slowed down, never refused', {
    timeout: 60_000,
  }, async () => {
    const { file, storage } = await sqliteForTest()
    const ids = await ran('prepare', file, 'one', 'two')
    const user = await addUser(storage, 'bob')
    const children = await Promise.all(ids.map((id) => child('advance', file, id)))
    for (const one of children) one.start()
    await Promise.all(children.map((one) => one.said(1)))
    for (let index = 0; index < 60; index += 1) {
      await openSession(storage, `tab ${index}`, user)
      const version = await storage.keysVersion()
      const added = await storage.addRefreshKey(aRefreshKey(`key ${index}`), version, anEvent('refresh_key_added', 1))
      expect(added).toBe(true)
    }
    expect((await storage.listUserSessions(user.id)).sessions).toHaveLength(60)
    for (const one of children) one.process.kill('SIGKILL')
    await Promise.all(children.map((one) => one.gone))
  })

  test('B4 F10 a process that is killed loses no acknowledged move, and nothing else is in its way', {
    timeout: 60_000,
  }, async () => {
    const { file, storage } = await sqliteForTest()
    const ids = await ran('prepare', file, 'one', 'two', 'three', 'four')
    const acknowledged = new Map(ids.map((id) => [id, 0]))
    for (const lines of [1, 30, 111, 250, 400]) {
      const running: Child = await child('advance', file, ...ids)
      running.start()
      await running.said(lines)
      running.process.kill('SIGKILL')
      await running.gone
      for (const line of running.lines) {
        const [id = '', generation] = line.split(' ')
        acknowledged.set(id, Number(generation))
      }
      for (const [id, generation] of acknowledged) {
        const stands = (await storage.readSession(id)).session?.generation ?? -1
        // At most one more: a move that was committed when the kill came before it could be told.
        expect([generation, generation + 1]).toContain(stands)
        acknowledged.set(id, stands)
      }
    }
    const database = sqliteDatabase(file)
    await database.open()
    expect(database.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
    database.close()
  })
})
