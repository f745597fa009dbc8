import { inspect } from 'node:util'
import type { SecurityEvent, SessionRecord, Storage } from '@pawl/server'
import {
  addUser,
  aMove,
  anEnding,
  anEvent,
  aPeek,
  aRepeat,
  emptyOutbox,
  moved,
  openSession,
  outbox,
  stored,
} from '@pawl/server/storage-contract/records'
import { isStorageUnavailable } from '@pawl/server/storage-unavailable'
import { describe, expect, test } from 'vitest'
import { clientForTest, type PostgresFixture, postgresForTest, testUrl } from './postgres-fixture.ts'

/** Numbers that look random and are the same for the same seed (xorshift). */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** What of a session's history one writer saw happen. */
interface Tally {
  moves: number
  repeats: number
  rolls: number
}

/** One write of a session as it reads, of a kind that a number below 10 picks. */
async function step(storage: Storage, id: string, kind: number, tally: Tally): Promise<void> {
  const { session, now } = await storage.readSession(id)
  if (session === undefined) throw new Error('a session is gone')
  if (kind >= 8) {
    if (await storage.countRepeat(aRepeat(session, now))) tally.repeats += 1
    return
  }
  const event = anEvent('session_rolled_forward', now, { sessionId: id })
  const roll = kind === 0 ? { lostSince: session.lastUsedAt, event } : {}
  if (!(await storage.moveSession(aMove(session, now, { idleExpiresAt: now + 1e6, ...roll })))) return
  tally.moves += 1
  if (kind === 0) tally.rolls += 1
}

/** Picks sessions in an order of its own, several at a time, and takes a step with each. */
async function hammer(storage: Storage, ids: readonly string[], seed: number): Promise<Tally> {
  const draw = numbers(seed)
  const tally: Tally = { moves: 0, repeats: 0, rolls: 0 }
  for (let round = 0; round < 60; round += 1) {
    const picked = Array.from({ length: 12 }, () => ({ id: ids[draw(ids.length)] ?? '', kind: draw(10) }))
    await Promise.all(picked.map(({ id, kind }) => step(storage, id, kind, tally)))
  }
  return tally
}

async function open(fixture: PostgresFixture, count: number): Promise<readonly SessionRecord[]> {
  const user = await addUser(fixture.storage, 'ada')
  const limits = { idleExpiresAt: fixture.clock.now() + 1e6, absoluteExpiresAt: fixture.clock.now() + 1e7 }
  const names = Array.from({ length: count }, (_, index) => `tab ${index}`)
  return Promise.all(names.map((name) => openSession(fixture.storage, name, user, limits)))
}

describe.skipIf(testUrl === undefined)('engines on one database (needs the package postgresql)', () => {
  test('F9 T10.1 four that hammer the same sessions in different orders: no deadlock, no lost and no doubled write', {
    timeout: 120_000,
  }, async () => {
    const fixture = await postgresForTest()
    const sessions = await open(fixture, 31)
    await emptyOutbox(fixture.storage)
    const database = await clientForTest()
    const deadlocks = async (): Promise<number> => {
      const seen = await database.query(
        'SELECT deadlocks::integer FROM pg_stat_database WHERE datname = current_database()',
      )
      return seen.rows[0].deadlocks
    }
    const before = await deadlocks()
    const nodes = [fixture.storage, await fixture.connect(), await fixture.connect(), await fixture.connect()]
    const ids = sessions.map(({ id }) => id)
    const tallies = await Promise.all(nodes.map((node, index) => hammer(node, ids, 7 + index)))
    const total = (count: keyof Tally): number => tallies.reduce((sum, tally) => sum + tally[count], 0)
    const rows = await Promise.all(sessions.map((session) => stored(fixture.storage, session)))
    expect(rows.reduce((sum, row) => sum + (row?.generation ?? 0), 0)).toBe(total('moves'))
    expect(total('moves')).toBeGreaterThan(200)
    expect(total('repeats')).toBeGreaterThan(20)
    expect(total('rolls')).toBeGreaterThan(20)
    expect((await outbox(fixture.storage)).map(({ type }) => type)).toEqual(
      Array.from({ length: total('rolls') }, () => 'session_rolled_forward'),
    )
    expect((await fixture.storage.lostWrites()).sessions).toBe(total('rolls'))
    expect(await deadlocks()).toBe(before)
  })

  test('F9 refreshes that meet ends and disabled users in every order neither deadlock nor succeed afterwards', {
    timeout: 60_000,
  }, async () => {
    const fixture = await postgresForTest()
    const { storage, clock } = fixture
    const second = await fixture.connect()
    for (let round = 0; round < 10; round += 1) {
      const user = await addUser(storage, `user ${round}`)
      const sessions = await Promise.all(
        Array.from({ length: 20 }, (_, index) => openSession(storage, `tab ${round} ${index}`, user)),
      )
      const writes = sessions.flatMap((session, index) => {
        const node = index % 2 === 0 ? storage : second
        return [node.moveSession(aMove(session, clock.now())), node.countPeek(aPeek(session, clock.now()))]
      })
      const ends = [
        second.disableUser(user.id, clock.now(), anEvent('user_disabled', clock.now())),
        storage.endUserSessions({
          userId: user.id,
          now: clock.now(),
          reason: 'logout',
          event: anEvent('session_ended', clock.now()),
        }),
        ...sessions.slice(0, 5).map((session) => second.endSession(anEnding(session, clock.now()))),
        storage.endLiveSessions({
          after: '',
          limit: 100,
          now: clock.now(),
          reason: 'restored',
          event: anEvent('session_ended', clock.now()),
        }),
      ]
      await Promise.all([...writes.toReversed(), ...ends])
      for (const session of sessions) {
        const row = await stored(second, session)
        expect(row?.revokedAt).toBe(clock.now())
        if (row !== undefined) expect(await storage.moveSession(aMove(row, clock.now()))).toBe(false)
      }
    }
  })

  test('F9 a row that somebody has locked holds up nobody else, and is written as soon as it is free', async () => {
    const fixture = await postgresForTest()
    const { storage, clock, schema } = fixture
    const sessions = await open(fixture, 20)
    const [locked] = sessions
    if (locked === undefined) throw new Error('no session')
    const other = await clientForTest()
    await other.query('BEGIN')
    const key = Buffer.from(locked.id, 'base64url').toString('hex')
    await other.query(`SELECT FROM "${schema}".sessions WHERE id = $1 FOR UPDATE`, [key])
    let isWritten: boolean | undefined
    const waiting = storage.moveSession(aMove(locked, clock.now())).then((answer) => {
      isWritten = answer
    })
    const others = sessions.slice(1).map((session) => storage.moveSession(aMove(session, clock.now())))
    expect(await Promise.all(others)).toEqual(others.map(() => true))
    expect(isWritten).toBeUndefined()
    await other.query('COMMIT')
    await waiting
    expect(isWritten).toBe(true)
  })

  test('B12 a row that is deleted while it is locked answers false, not for ever', async () => {
    const fixture = await postgresForTest()
    const { storage, clock, schema } = fixture
    const [session] = await open(fixture, 1)
    if (session === undefined) throw new Error('no session')
    const other = await clientForTest()
    await other.query('BEGIN')
    await other.query(`DELETE FROM "${schema}".sessions`)
    const answer = storage.moveSession(aMove(session, clock.now()))
    await other.query('COMMIT')
    expect(await answer).toBe(false)
  })

  test('F9 one poisoned move among ten fails alone, and its error shows nothing of the row', async () => {
    const fixture = await postgresForTest()
    const { storage, clock } = fixture
    const sessions = await open(fixture, 10)
    await emptyOutbox(storage)
    const moves = sessions.map((session, index) =>
      aMove(session, clock.now(), {
        event: anEvent('session_rolled_forward', clock.now(), { sessionId: session.id }),
        ...(index === 4 && { tokenHash: new Uint8Array(31) }),
      }),
    )
    const answers = await Promise.allSettled(moves.map((move) => storage.moveSession(move)))
    expect(answers.map((answer) => answer.status === 'fulfilled' && answer.value)).toEqual(
      sessions.map((_, index) => index !== 4),
    )
    expect(answers[4]).toMatchObject({ reason: expect.not.toSatisfy(isStorageUnavailable) })
    const seed = Buffer.from(sessions[4]?.seed ?? []).toString('hex')
    expect(seed).toHaveLength(64)
    expect(inspect(answers[4], { depth: 10, showHidden: true })).not.toContain(seed)
    for (const [index, session] of sessions.entries()) {
      const move = moves[index]
      expect(await stored(storage, session)).toEqual(index === 4 || move === undefined ? session : moved(session, move))
    }
    const told: readonly (SecurityEvent | undefined)[] = moves
      .filter((_, index) => index !== 4)
      .map(({ event }) => event)
    expect(await outbox(storage)).toEqual(told)
  })
})
