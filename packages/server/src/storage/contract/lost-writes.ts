import { expect, test } from 'vitest'
import { type StorageFactory, storageFor } from './fixture.ts'
import { addUser, aMove, anEvent, emptyOutbox, openSession, outbox } from './records.ts'

/** What is remembered of writes that the store has lost. */
export function lostWritesContract(factory: StorageFactory): void {
  const nothing = { sessions: 0, noticedAt: null, intactUntil: null, settledAt: null }

  test('F8 nothing is lost at first, and plain moves change nothing of that', async () => {
    const { storage, clock } = await storageFor(factory)
    expect(await storage.lostWrites()).toEqual(nothing)
    const session = await openSession(storage, 'tab', await addUser(storage, 'ada'))
    const event = anEvent('attempt_id_reused', clock.now())
    expect(await storage.moveSession(aMove(session, clock.now(), { event }))).toBe(true)
    expect(await storage.lostWrites()).toEqual(nothing)
  })

  test('F8 sessions that roll forward are counted, with the newest use that was still known', async () => {
    const { storage, clock } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    const sessions = [await openSession(storage, 'one', user), await openSession(storage, 'two', user)]
    for (const [index, session] of sessions.entries()) {
      clock.advance(5)
      const lostSince = session.lastUsedAt + 3 - index
      expect(await storage.moveSession(aMove(session, clock.now(), { generation: 7, lostSince }))).toBe(true)
    }
    const opened = clock.now() - 10
    const seen = { sessions: 2, noticedAt: clock.now(), intactUntil: opened + 3, settledAt: null }
    expect(await storage.lostWrites()).toEqual(seen)
    // A move that is not written is not counted either.
    for (const session of sessions) {
      expect(await storage.moveSession(aMove(session, clock.now(), { lostSince: clock.now() }))).toBe(false)
    }
    expect(await storage.lostWrites()).toEqual(seen)
  })

  test('F8 what was settled is told once, and sessions that were not used since show nothing new', async () => {
    const { storage, clock } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    const [early, late, fresh] = [
      await openSession(storage, 'early', user),
      await openSession(storage, 'late', user),
      await openSession(storage, 'fresh', user),
    ]
    const rolls = (session: typeof early, lostSince: number) =>
      storage.moveSession(aMove(session, clock.now(), { generation: 7, lostSince }))
    await rolls(early, early.lastUsedAt)
    await emptyOutbox(storage)
    clock.advance(5)
    const restored = anEvent('store_restored', clock.now(), { actor: 'admin' })
    await storage.settleLostWrites(clock.now(), restored)
    expect(await outbox(storage)).toEqual([restored])
    expect(await storage.lostWrites()).toEqual({ ...nothing, settledAt: clock.now() })
    const settledAt = clock.now()
    clock.advance(5)
    expect(await rolls(late, settledAt)).toBe(true)
    expect(await storage.lostWrites()).toEqual({ ...nothing, settledAt })
    expect(await rolls(fresh, settledAt + 1)).toBe(true)
    expect(await storage.lostWrites()).toEqual({
      sessions: 1,
      noticedAt: clock.now(),
      intactUntil: settledAt + 1,
      settledAt,
    })
  })
}
