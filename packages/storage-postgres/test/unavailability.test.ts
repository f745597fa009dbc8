import { inspect } from 'node:util'
import type { SessionRecord, Storage, UserRecord } from '@pawl/server'
import {
  addUser,
  aMove,
  anEnding,
  anEvent,
  aPeek,
  aRepeat,
  aSession,
  moved,
  openSession,
  outbox,
  stored,
} from '@pawl/server/storage-contract/records'
import { isStorageUnavailable } from '@pawl/server/storage-unavailable'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { postgresStorage } from '../src/postgres-storage.ts'
import { proxyForTest } from './message-proxy.ts'
import { clientForTest, newSchema, postgresForTest, testUrl, urlForTest, urlWith } from './postgres-fixture.ts'

/** A call of every kind: gathered reads and writes, lone ones, transactions. */
function everyKindOfCall(storage: Storage, user: UserRecord, now: number): readonly (() => Promise<unknown>)[] {
  const session = aSession('tab', user, now)
  return [
    () => storage.storeNow(),
    () => storage.readSession(session.id),
    () => storage.moveSession(aMove(session, now)),
    () => storage.countRepeat(aRepeat(session, now)),
    () => storage.countPeek(aPeek(session, now)),
    () => storage.openSession(aSession('other', user, now), anEvent('session_opened', now)),
    () => storage.endSession(anEnding(session, now)),
    () => storage.removeEndedSessions(now, 1),
    () => storage.listSessions(1),
    () => storage.disableUser(user.id, now, anEvent('user_disabled', now)),
    () => storage.findUser(user.id),
    () => storage.findClient('app'),
    () => storage.keysVersion(),
    () => storage.readKeys(),
    () => storage.appendEvent(anEvent('session_stranger', now)),
    () => storage.nextEvents(1),
    () => storage.readFailures('ada'),
    () => storage.countFailures('ada', 1, 1),
  ]
}

/** Waits until the engine answers again. */
async function recovered(storage: Storage): Promise<void> {
  await vi.waitFor(() => storage.storeNow(), { timeout: 15_000, interval: 20 })
}

/** What is waited for comes at once, unless the machine is busy. */
const patience = { timeout: 15_000 }

describe.skipIf(testUrl === undefined)('a store that does not answer (needs the package postgresql)', () => {
  test('before it is opened and after it is closed', async () => {
    const { storage, clock } = await postgresForTest()
    const user = await addUser(storage, 'ada')
    await storage.keysVersion()
    await storage.close()
    const unopened = postgresStorage({ url: urlForTest(), schema: newSchema() })
    for (const closed of [storage, unopened]) {
      for (const call of everyKindOfCall(closed, user, clock.now()).filter((one) => !String(one).includes('keysV'))) {
        await expect(call(), String(call)).rejects.toSatisfy(isStorageUnavailable)
      }
    }
    await unopened.close()
  })

  test('closing writes what was queued first', async () => {
    const { storage, clock, reopen } = await postgresForTest()
    const session = await openSession(storage, 'tab', await addUser(storage, 'ada'))
    const move = aMove(session, clock.now())
    const answer = storage.moveSession(move)
    const reopened = await reopen()
    expect(await answer).toBe(true)
    expect(await stored(reopened, session)).toEqual(moved(session, move))
  })

  test.each([
    ['127.0.0.1:1', 'nobody listens'],
    ['pawl.invalid', 'there is no such host'],
  ])('the URL leads to %s, where %s; no message holds its password', async (host) => {
    const url = new URL(urlForTest())
    url.host = host
    url.password = 's3cret-word'
    const storage = postgresStorage({ url: url.href })
    const error = await storage.open().catch((thrown: unknown) => thrown)
    expect(error).toSatisfy(isStorageUnavailable)
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('s3cret-word')
    await storage.close()
  })

  test.each(['postgres', 'mysql://pawl:s3cret-word@db/pawl', 's3cret-word', 'http://pawl:s3cret-word@db/'])(
    'a URL that is none is refused at once, and not repeated: %s',
    (url) => {
      const refused = () => postgresStorage({ url })
      expect(refused).toThrow(TypeError)
      expect(refused).toThrow(expect.not.stringContaining('s3cret-word'))
    },
  )

  test.each(['Pawl', 'pawl-1', '1pawl', 'a"b', '', 'pg_pawl', 'x'.repeat(64), 'pawl; DROP SCHEMA public'])(
    'the schema %j is refused at once',
    (schema) => {
      expect(() => postgresStorage({ url: urlForTest(), schema })).toThrow(TypeError)
    },
  )

  describe('a connection that breaks', () => {
    test('F10 at a move, before it arrives or after it was done: nobody is told false, and the next call works', async () => {
      for (const fault of ['request-lost', 'reply-lost'] as const) {
        const proxy = await proxyForTest()
        const { storage, clock, connect } = await postgresForTest({ url: proxy.url })
        const beside = await connect({ url: urlForTest() })
        const session = await openSession(storage, 'tab', await addUser(storage, 'ada'))
        proxy.breakAt(/FOR NO KEY UPDATE OF sessions SKIP LOCKED/, fault)
        const move = aMove(session, clock.now())
        await expect(storage.moveSession(move)).rejects.toSatisfy(isStorageUnavailable)
        expect(proxy.breaks()).toBe(1)
        const expected = fault === 'reply-lost' ? moved(session, move) : session
        expect(await stored(beside, session)).toEqual(expected)
        expect(await stored(storage, session)).toEqual(expected)
        expect(await storage.moveSession(aMove(expected, clock.now()))).toBe(true)
      }
    })

    test('F10 at the commit of a transaction', async () => {
      for (const fault of ['request-lost', 'reply-lost'] as const) {
        const proxy = await proxyForTest()
        const { storage, clock, connect } = await postgresForTest({ url: proxy.url })
        const beside = await connect({ url: urlForTest() })
        const user = await addUser(storage, 'ada')
        const session = await openSession(storage, 'tab', user)
        proxy.breakAt(/^COMMIT$/, fault)
        const disabling = storage.disableUser(user.id, clock.now(), anEvent('user_disabled', 1))
        await expect(disabling).rejects.toSatisfy(isStorageUnavailable)
        await vi.waitFor(async () => {
          const row = await stored(beside, session)
          expect(row?.revokedReason).toBe(fault === 'reply-lost' ? 'user_disabled' : null)
          // The server notices that nobody is there any more, and lets go of the row.
          const again = await beside.disableUser(user.id, clock.now(), anEvent('user_disabled', 1))
          expect(again).toBe(fault === 'request-lost')
        }, patience)
        expect((await storage.findUser(user.id))?.disabledAt).toBe(clock.now())
      }
    })

    test('T10.3 all of them at once, while nobody uses them and while everybody does', async () => {
      const name = `pawl ${newSchema()}`
      const url = new URL(urlForTest())
      url.searchParams.set('application_name', name)
      const { storage, clock } = await postgresForTest({ url: url.href })
      const user = await addUser(storage, 'ada')
      const sessions = await Promise.all(
        Array.from({ length: 30 }, (_, index) => openSession(storage, `tab ${index}`, user)),
      )
      const administrator = await clientForTest()
      const endAll = () =>
        administrator.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
          name,
        ])
      expect((await endAll()).rowCount).toBeGreaterThan(1)
      await recovered(storage)
      for (const session of sessions.slice(0, 3)) {
        expect(await storage.moveSession(aMove(session, clock.now()))).toBe(true)
      }
      const underWay = Promise.allSettled(
        sessions.slice(3).map((session) => storage.moveSession(aMove(session, clock.now()))),
      )
      await endAll()
      for (const answer of await underWay) {
        if (answer.status === 'rejected') expect(answer.reason).toSatisfy(isStorageUnavailable)
        else expect(answer.value).toBe(true)
      }
      await recovered(storage)
      for (const session of sessions) expect(await stored(storage, session)).toMatchObject({ id: session.id })
    })
  })

  test('a statement that takes too long is given up by the server, and its row is free again', async () => {
    const { storage, clock, schema } = await postgresForTest({ url: urlWith('-c statement_timeout=200') })
    const session = await openSession(storage, 'tab', await addUser(storage, 'ada'))
    const other = await clientForTest()
    await other.query(`BEGIN; SELECT FROM "${schema}".sessions FOR UPDATE`)
    await expect(storage.endSession(anEnding(session, clock.now()))).rejects.toSatisfy(isStorageUnavailable)
    await other.query('ROLLBACK')
    expect(await storage.endSession(anEnding(session, clock.now()))).toBe(true)
    expect((await outbox(storage)).filter(({ type }) => type === 'session_ended')).toHaveLength(1)
  })

  test('T10.1 ends that somebody holds up do not hold up the refreshes of everybody else', async () => {
    const { storage, clock, schema } = await postgresForTest()
    const user = await addUser(storage, 'ada')
    const sessions: SessionRecord[] = []
    for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) {
      sessions.push(await openSession(storage, name, user))
    }
    const refreshing = await openSession(storage, 'refreshing', user)
    const [other, watching] = [await clientForTest(), await clientForTest()]
    await other.query(`BEGIN; SELECT FROM "${schema}".revocation_feed FOR UPDATE`)
    const ends = Promise.allSettled(sessions.map((session) => storage.endSession(anEnding(session, clock.now()))))
    const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%"${schema}".revocation_feed%'`
    await vi.waitFor(async () => expect((await watching.query(waiting)).rowCount).toBe(2), patience)
    expect(await storage.moveSession(aMove(refreshing, clock.now()))).toBe(true)
    await other.query('ROLLBACK')
    for (const end of await ends) {
      if (end.status === 'rejected') expect(end.reason).toSatisfy(isStorageUnavailable)
      else expect(end.value).toBe(true)
    }
    expect(await storage.endSession(anEnding(refreshing, clock.now()))).toBe(true)
  })

  test('T10.1 a server with fewer connections than the node may have serves all the same', async () => {
    const { storage, connect, clock, schema } = await postgresForTest()
    const administrator = await clientForTest()
    const role = `${schema}_crowded`
    await administrator.query(`
      CREATE ROLE ${role} LOGIN PASSWORD 'word' CONNECTION LIMIT 3; GRANT USAGE ON SCHEMA "${schema}" TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO ${role}`)
    onTestFinished(async () => {
      await administrator.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    })
    const url = new URL(urlForTest())
    url.username = role
    url.password = 'word'
    const crowded = await connect({ url: url.href, schema, connections: 10 })
    const user = await addUser(storage, 'ada')
    const names = Array.from({ length: 20 }, (_, index) => `tab ${index}`)
    const sessions = await Promise.all(names.map((name) => openSession(crowded, name, user)))
    const ends = sessions.map((session) => crowded.endSession(anEnding(session, clock.now())))
    expect(await Promise.all(ends)).toEqual(names.map(() => true))
  })

  test('T10.3 tables that are away for a while are the fault of the store, not of any token', async () => {
    const { storage, clock, schema } = await postgresForTest()
    const user = await addUser(storage, 'ada')
    const session = await openSession(storage, 'tab', user)
    const administrator = await clientForTest()
    await administrator.query(`ALTER SCHEMA "${schema}" RENAME TO "${schema}_away"`)
    for (const call of everyKindOfCall(storage, user, clock.now()).filter((one) => !String(one).includes('keysV')))
      await expect(call(), String(call)).rejects.toSatisfy(isStorageUnavailable)
    await administrator.query(`ALTER SCHEMA "${schema}_away" RENAME TO "${schema}"`)
    expect(await storage.moveSession(aMove(session, clock.now()))).toBe(true)
  })

  test('a server that takes no writes says so, and so does the engine', async () => {
    const { storage, clock } = await postgresForTest()
    const session = await openSession(storage, 'tab', await addUser(storage, 'ada'))
    const administrator = await clientForTest()
    const role = newSchema()
    await administrator.query(`CREATE ROLE "${role}" SUPERUSER LOGIN PASSWORD 'word'`)
    await administrator.query(`ALTER ROLE "${role}" SET default_transaction_read_only = on`)
    onTestFinished(async () => {
      await administrator.query(`DROP ROLE "${role}"`)
    })
    const url = new URL(urlForTest())
    url.username = role
    url.password = 'word'
    const { connect } = await postgresForTest()
    const reading = await connect({ url: url.href })
    const move = reading.moveSession(aMove(session, clock.now()))
    await expect(move).rejects.toSatisfy(isStorageUnavailable)
    await expect(move).rejects.toThrow('the database takes no writes: it is a standby, or read-only')
  })

  test.each(['nul\0byte', 'half \ud83d pair'])(
    'nobody has the id %j, and whoever has one like it is left alone',
    async (id) => {
      const { storage, clock } = await postgresForTest()
      const now = clock.now()
      // What the driver would make of half a pair.
      const user: UserRecord = {
        ...(await addUser(storage, 'ada')),
        id: 'half \ufffd pair',
        username: 'bob',
        passwordHash: 'h',
      }
      expect(await storage.addUser(user, 'bob', anEvent('user_added', now))).toBe(true)
      const session = await openSession(storage, 'tab', user)
      expect(await storage.disableUser(id, now, anEvent('user_disabled', now))).toBe(false)
      expect(await storage.replacePasswordHash(id, 'h', 'other')).toBe(false)
      const event = anEvent('session_ended', now)
      expect(await storage.setRoles({ id, roles: [], applyNow: false, now, event })).toBe(false)
      const change = { id, passwordHash: 'other', now, event }
      expect(await storage.changePassword(change)).toBe(false)
      expect(await storage.endUserSessions({ userId: id, now, reason: 'logout', event })).toEqual([])
      expect(await storage.findUser(user.id)).toEqual(user)
      expect(await stored(storage, session)).toEqual(session)
    },
  )

  test('two engines in two schemas of one database know nothing of each other', async () => {
    const [one, two] = [await postgresForTest(), await postgresForTest()]
    const session = await openSession(one.storage, 'tab', await addUser(one.storage, 'ada'))
    expect(await stored(two.storage, session)).toBeUndefined()
    expect(await two.storage.listUsers()).toEqual([])
  })
})
