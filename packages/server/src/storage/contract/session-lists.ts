import { expect, test } from 'vitest'
import { type StorageFactory, storageFor } from './fixture.ts'
import {
  absoluteMilliseconds,
  addUser,
  aMove,
  anEnding,
  anEvent,
  emptyOutbox,
  idleMilliseconds,
  inOrder,
  moved,
  openSession,
  outbox,
  stored,
} from './records.ts'

/** Several sessions at once: lists, ending many, and housekeeping. */
export function sessionListContract(factory: StorageFactory): void {
  test('T9.3 lists live sessions only, by the rule that refuses the others', async () => {
    const { storage, clock } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    const other = await addUser(storage, 'bob')
    const ended = await openSession(storage, 'ended', user)
    await storage.endSession(anEnding(ended, clock.now()))
    const idle = await openSession(storage, 'idle', user)
    await openSession(storage, 'absolute', user, { absoluteExpiresAt: clock.now() + idleMilliseconds })
    const live = await openSession(storage, 'live', user, { idleExpiresAt: clock.now() + idleMilliseconds + 1 })
    const foreign = await openSession(storage, 'foreign', other, { idleExpiresAt: clock.now() + 2 * idleMilliseconds })
    clock.advance(idleMilliseconds - 1)
    expect((await storage.listUserSessions(user.id)).sessions).toHaveLength(3)
    clock.advance(1)
    expect(await storage.listUserSessions(user.id)).toEqual({ now: clock.now(), sessions: [live] })
    expect((await storage.listUserSessions(other.id)).sessions).toEqual([foreign])
    const everyone = await storage.listSessions(10)
    expect(everyone.now).toBe(clock.now())
    expect(new Set(everyone.sessions.map((session) => session.id))).toEqual(new Set([live.id, foreign.id]))
    expect(await storage.moveSession(aMove(idle, clock.now()))).toBe(false)
    expect((await storage.listUserSessions('nobody')).sessions).toEqual([])
  })

  test('lists the newest use first, and no more than asked for', async () => {
    const { storage, clock } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    const first = await openSession(storage, 'first', user)
    clock.advance(1)
    const second = await openSession(storage, 'second', user)
    clock.advance(1)
    const third = await openSession(storage, 'third', user)
    clock.advance(1)
    const move = aMove(first, clock.now())
    await storage.moveSession(move)
    const newestFirst = [moved(first, move), third, second]
    expect((await storage.listUserSessions(user.id)).sessions).toEqual(newestFirst)
    expect((await storage.listSessions(3)).sessions).toEqual(newestFirst)
    expect((await storage.listSessions(2)).sessions).toEqual(newestFirst.slice(0, 2))
  })

  test('F6 ending all of a user’s sessions names each, spares one, and tells of it once', async () => {
    const { storage, clock } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    const other = await addUser(storage, 'bob')
    const kept = await openSession(storage, 'kept', user)
    const sessions = [await openSession(storage, 'one', user), await openSession(storage, 'two', user)]
    const before = await openSession(storage, 'before', user)
    await storage.endSession(anEnding(before, clock.now(), { reason: 'replay' }))
    const foreign = await openSession(storage, 'foreign', other)
    await emptyOutbox(storage)
    clock.advance(5)
    const event = anEvent('session_ended', clock.now(), { userId: user.id })
    const ending = { userId: user.id, except: kept.id, now: clock.now(), reason: 'logout', event } as const
    const ended = await storage.endUserSessions(ending)
    expect(inOrder(ended)).toEqual(inOrder(sessions.map((session) => session.id)))
    expect(await outbox(storage)).toEqual([{ ...event, endedSessions: ended }])
    for (const session of sessions) {
      expect(await stored(storage, session)).toEqual({ ...session, revokedAt: clock.now(), revokedReason: 'logout' })
    }
    expect(await stored(storage, before)).toMatchObject({ revokedReason: 'replay', revokedAt: clock.now() - 5 })
    expect([await stored(storage, kept), await stored(storage, foreign)]).toEqual([kept, foreign])

    expect(await storage.endUserSessions(ending)).toEqual([])
    expect(await outbox(storage)).toHaveLength(1)
    expect(await storage.endUserSessions({ userId: user.id, now: clock.now(), reason: 'logout', event })).toEqual([
      kept.id,
    ])
    expect(await storage.endUserSessions({ userId: 'nobody', now: clock.now(), reason: 'logout', event })).toEqual([])
    expect(await stored(storage, foreign)).toEqual(foreign)
  })

  test('F8 ends every live session of everyone in batches, each once, and tells of each batch once', async () => {
    const { storage, clock } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    const other = await addUser(storage, 'bob')
    const live = await Promise.all(
      Array.from({ length: 25 }, (_, index) =>
        openSession(storage, `tab ${index}`, index % 2 === 0 ? user : other, { idleExpiresAt: clock.now() + 5000 }),
      ),
    )
    const expired = await openSession(storage, 'expired', user, { idleExpiresAt: clock.now() + 5 })
    const ended = await openSession(storage, 'ended', user)
    await storage.endSession(anEnding(ended, clock.now(), { reason: 'replay' }))
    await emptyOutbox(storage)
    clock.advance(5)
    const event = anEvent('session_ended', clock.now(), { actor: 'admin', reason: 'restored' })
    const batches: (readonly string[])[] = []
    for (let after = ''; ; after = batches.at(-1)?.at(-1) ?? '') {
      const batch = { after, limit: 10, now: clock.now(), reason: 'restored', event } as const
      batches.push(await storage.endLiveSessions(batch))
      if ((batches.at(-1)?.length ?? 0) < 10) break
    }
    expect(batches.map((batch) => batch.length)).toEqual([10, 10, 5])
    expect(inOrder(batches.flat())).toEqual(inOrder(live.map((session) => session.id)))
    expect(await outbox(storage)).toEqual(batches.map((endedSessions) => ({ ...event, endedSessions })))
    for (const session of live) {
      expect(await stored(storage, session)).toEqual({ ...session, revokedAt: clock.now(), revokedReason: 'restored' })
    }
    expect(await stored(storage, expired)).toEqual(expired)
    expect(await stored(storage, ended)).toMatchObject({ revokedReason: 'replay' })
    const again = { after: '', limit: 10, now: clock.now(), reason: 'restored', event } as const
    expect(await storage.endLiveSessions(again)).toEqual([])
    expect(await outbox(storage)).toHaveLength(3)
  })

  test('T9.3 removes what ended, in batches, and only once the absolute expiry has passed too', async () => {
    const { storage, clock } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    const start = clock.now()
    const old = await Promise.all(
      Array.from({ length: 25 }, (_, index) =>
        openSession(storage, `old ${index}`, user, { absoluteExpiresAt: start + absoluteMilliseconds + (index % 3) }),
      ),
    )
    const idle = await openSession(storage, 'idle', user, { absoluteExpiresAt: start + 10 * absoluteMilliseconds })
    const revoked = await openSession(storage, 'revoked', user, {
      absoluteExpiresAt: start + 10 * absoluteMilliseconds,
    })
    await storage.endSession(anEnding(revoked, start))
    const row = await stored(storage, revoked)

    expect(await storage.removeEndedSessions(start + absoluteMilliseconds - 1, 100)).toBe(0)
    // Nine of them lie exactly at the bound, which is inclusive.
    expect(await storage.removeEndedSessions(start + absoluteMilliseconds, 100)).toBe(9)
    const bound = start + absoluteMilliseconds + 2
    expect(await storage.removeEndedSessions(bound, 10)).toBe(10)
    expect(await storage.removeEndedSessions(bound, 10)).toBe(6)
    expect(await storage.removeEndedSessions(bound, 10)).toBe(0)
    for (const session of old) expect(await stored(storage, session)).toBeUndefined()
    expect(await stored(storage, idle)).toEqual(idle)
    expect(await stored(storage, revoked)).toEqual(row)
    expect(await storage.removeEndedSessions(start + 10 * absoluteMilliseconds, 10)).toBe(2)
    expect(await storage.findUser(user.id)).toEqual(user)
  })

  test('T9.3 two nodes that tidy up at once remove each session once', async () => {
    const { storage, clock, connect } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    await Promise.all(Array.from({ length: 40 }, (_, index) => openSession(storage, `old ${index}`, user)))
    const nodes = connect === undefined ? [storage, storage] : [storage, await connect()]
    const bound = clock.now() + absoluteMilliseconds
    const removed = await Promise.all([...nodes, ...nodes].map((node) => node.removeEndedSessions(bound, 15)))
    let total = removed.reduce((sum, count) => sum + count, 0)
    // A batch may find its rows taken by another one's and come back small; whoever tidies up goes on until none is left.
    for (let count = 1; count > 0; total += count) count = await storage.removeEndedSessions(bound, 15)
    expect(total).toBe(40)
  })
}
