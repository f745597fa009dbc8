import { expect, test } from 'vitest'
import type { SecurityEvent } from '../../security-events/security-event.ts'
import { type StorageFactory, storageFor } from './fixture.ts'
import { addUser, anEvent, emptyOutbox, openSession, outbox } from './records.ts'

/** The outbox. */
export function eventContract(factory: StorageFactory): void {
  test.each<[string, SecurityEvent]>([
    ['the least', { type: 'session_stranger', at: 0, actor: 'server' }],
    [
      'all fields',
      {
        type: 'session_replayed',
        at: Number.MAX_SAFE_INTEGER,
        actor: 'client',
        sessionId: 's',
        userId: 'u',
        clientId: 'c',
        keyId: 'k',
        reason: 'replay',
        device: { address: '2001:db8::1', userAgent: null },
        endedSessions: ['a', 'b'],
        evidence: { gap: 3, age_known: false, first_seen: null, holder: 'ünï 📱 \0 "quoted"', ratio: 0.25 },
      },
    ],
  ])('reads back exactly what was written: %s', async (_, event) => {
    const { storage } = await storageFor(factory)
    await storage.appendEvent(event)
    expect(await outbox(storage)).toEqual([event])
  })

  test('gives the oldest first, as many as asked for, and the same again until they are forgotten', async () => {
    const { storage } = await storageFor(factory)
    for (let at = 0; at < 5; at += 1) await storage.appendEvent(anEvent('session_stranger', at))
    const first = await storage.nextEvents(3)
    expect(first.map((entry) => entry.event.at)).toEqual([0, 1, 2])
    expect(await storage.nextEvents(3)).toEqual(first)
    await storage.forgetEvents(first.slice(0, 2).map((entry) => entry.sequence))
    await storage.forgetEvents([])
    await storage.forgetEvents([1_000_000])
    expect((await outbox(storage)).map((event) => event.at)).toEqual([2, 3, 4])
  })

  test('T29.1 a sequence grows and is never used again, also when the newest was forgotten', async () => {
    const { storage } = await storageFor(factory)
    const seen: number[] = []
    for (let at = 0; at < 4; at += 1) {
      await storage.appendEvent(anEvent('session_stranger', at))
      const entries = await storage.nextEvents(10)
      expect(entries).toHaveLength(1)
      seen.push(...entries.map((entry) => entry.sequence))
      await storage.forgetEvents(entries.map((entry) => entry.sequence))
    }
    expect(seen).toEqual([...new Set(seen)].sort((left, right) => left - right))
  })

  test('T29.1 of two nodes one delivers an event, and the other when that one has not done so for 30 seconds', async (context) => {
    const { storage, clock, connect } = await storageFor(factory)
    if (connect === undefined) return context.skip('one node is all there can be')
    const second = await connect()
    const instants = async (node: typeof storage, limit = 10) =>
      (await node.nextEvents(limit)).map(({ event }) => event.at)
    for (let at = 0; at < 5; at += 1) await storage.appendEvent(anEvent('session_stranger', at))
    expect(await instants(storage, 2)).toEqual([0, 1])
    expect(await instants(second, 2)).toEqual([2, 3])
    expect(await instants(storage)).toEqual([0, 1, 4])
    clock.advance(29_999)
    expect(await instants(second)).toEqual([2, 3])
    clock.advance(1)
    expect(await instants(second)).toEqual([0, 1, 2, 3, 4])
    expect(await instants(storage)).toEqual([])
    await emptyOutbox(second)
    clock.advance(30_000)
    expect(await instants(storage)).toEqual([])
  })

  test('T29.1 of two nodes that ask at once each event is given to one', async (context) => {
    const { storage, connect } = await storageFor(factory)
    if (connect === undefined) return context.skip('one node is all there can be')
    const nodes = [storage, await connect(), await connect()]
    for (let at = 0; at < 30; at += 1) await storage.appendEvent(anEvent('session_stranger', at))
    const given: number[] = []
    for (let round = 0; round < 4; round += 1) {
      const batches = await Promise.all(nodes.map((node) => node.nextEvents(3)))
      given.push(...batches.flat().map(({ sequence }) => sequence))
      await Promise.all(nodes.map((node, index) => node.forgetEvents(batches[index]?.map((one) => one.sequence) ?? [])))
    }
    expect(new Set(given).size).toBe(given.length)
    expect(new Set([...given, ...(await storage.nextEvents(30)).map(({ sequence }) => sequence)]).size).toBe(30)
  })

  test('T29.1 what a node was given and has not delivered is there for the next one as soon as it is closed', async (context) => {
    const { storage, reopen } = await storageFor(factory)
    if (reopen === undefined) return context.skip('this engine keeps nothing')
    await storage.appendEvent(anEvent('session_stranger', 1))
    expect(await outbox(storage)).toHaveLength(1)
    expect(await outbox(await reopen())).toHaveLength(1)
  })

  test('T29.1 events of different changes stand in the order of the changes', async () => {
    const { storage } = await storageFor(factory)
    const user = await addUser(storage, 'ada')
    await openSession(storage, 'tab', user)
    await storage.disableUser(user.id, 1, anEvent('user_disabled', 1))
    expect((await outbox(storage)).map((event) => event.type)).toEqual([
      'user_added',
      'session_opened',
      'user_disabled',
    ])
  })
}
