import { describe, expect, test } from 'vitest'
import type { RevocationStep } from '../../revocations/revocation-store.ts'
import type { Storage } from '../store-ports.ts'
import { builtInClientId, type StorageFactory, storageFor } from './fixture.ts'
import { addUser, anEnding, anEvent, inOrder, openSession, stored } from './records.ts'
import { named, sequenceOf, snapshot, stepsAfter } from './revocation-reading.ts'

/** The order of the revocation feed, and how a node hears that it has grown. */
export function revocationOrderContract(factory: StorageFactory): void {
  describe('the sequence', () => {
    test('T6.1 of very many ends at once fills several steps, each whole and none too large', async () => {
      const { storage, clock, connect } = await storageFor(factory)
      const user = await addUser(storage, 'ada')
      const count = 2003
      for (let first = 0; first < count; first += 200) {
        const names = Array.from({ length: Math.min(200, count - first) }, (_, index) => `tab ${first + index}`)
        await Promise.all(names.map((name) => openSession(storage, name, user)))
      }
      const event = anEvent('session_ended', clock.now())
      const ended = await storage.endUserSessions({ userId: user.id, now: clock.now(), reason: 'logout', event })
      await storage.addRevocation({ kind: 'client', id: 'one', now: clock.now() })
      const reader = (await connect?.()) ?? storage
      const steps = await stepsAfter(reader, 0)
      expect(steps.map(({ sequence, entries }) => [sequence, entries.length])).toEqual([
        [1, 1000],
        [2, 1000],
        [3, 3],
        [4, 1],
      ])
      const all = inOrder([...ended.map((id) => `session ${id}`), 'client one'])
      expect(named(steps.flatMap(({ entries }) => entries))).toEqual(all)
      for (const limit of [7, 1000, 5000]) expect(named(await snapshot(reader, limit))).toEqual(all)
      const upTo = await reader.readRevocationPage({ after: undefined, upTo: 2, limit: 5000 })
      expect(upTo.entries).toHaveLength(2000)
    }, 60_000)

    test('T6.1 has no gap and no step out of order, whoever ends what on which node, for a reader that looks', async () => {
      const { storage, clock, connect } = await storageFor(factory)
      const nodes = [storage, (await connect?.()) ?? storage, (await connect?.()) ?? storage]
      const reader = (await connect?.()) ?? storage
      const users = await Promise.all(['ada', 'bob', 'eve', 'kim'].map((name) => addUser(storage, name)))
      const sessions = await Promise.all(
        users.flatMap((user) =>
          Array.from({ length: 12 }, (_, tab) =>
            openSession(storage, `${user.username} ${tab}`, user, { clientId: builtInClientId }),
          ),
        ),
      )
      const endings = [
        ...sessions.map((session, index) => nodes[index % 3]?.endSession(anEnding(session, clock.now()))),
        ...users.map((user, index) => {
          const event = anEvent('session_ended', clock.now())
          return nodes[index % 3]?.endUserSessions({ userId: user.id, now: clock.now(), reason: 'logout', event })
        }),
        ...users.map((user, index) => {
          const event = anEvent('user_disabled', clock.now())
          return nodes[(index + 1) % 3]?.disableUser(user.id, clock.now(), event)
        }),
      ]
      let over = false
      const done = Promise.all(endings).then(() => {
        over = true
      })
      const seen: RevocationStep[] = []
      const look = async () => {
        const { steps } = await reader.readRevocationSteps(seen.length)
        for (const step of steps) expect(step.sequence).toBe(seen.push(step))
      }
      while (!over) await look()
      await done
      await look()
      expect(await sequenceOf(storage)).toBe(seen.length)
      const owed = inOrder([...sessions.map(({ id }) => `session ${id}`), ...users.map(({ id }) => `user ${id}`)])
      expect(named(seen.flatMap(({ entries }) => entries))).toEqual(owed)
      for (const session of sessions) expect((await stored(reader, session))?.revokedAt).toBe(clock.now())
    })

    test('F8 goes on in a new epoch, with all that is in the feed', async () => {
      const { storage, clock } = await storageFor(factory)
      await storage.addRevocation({ kind: 'client', id: 'one', now: clock.now() })
      const before = await stepsAfter(storage, 0)
      await storage.startRevocationEpoch('another')
      await storage.addRevocation({ kind: 'client', id: 'two', now: clock.now() })
      const { position, steps } = await storage.readRevocationSteps(0)
      expect(position).toEqual({ epoch: 'another', sequence: 2 })
      expect(steps.slice(0, 1)).toEqual(before)
      expect(await storage.readRevocationPage({ after: undefined, upTo: 2, limit: 10 })).toMatchObject({ position })
    })

    test('T6.1 is there after closing and opening again', async (context) => {
      const { storage, clock, reopen } = await storageFor(factory)
      if (reopen === undefined) return context.skip('this engine keeps nothing')
      await storage.declareAccessLifetime({ milliseconds: 5000, until: clock.now() + 86_400_000 })
      await storage.addRevocation({ kind: 'client', id: 'one', now: clock.now() })
      const before = await storage.readRevocationSteps(0)
      expect(before.steps).toHaveLength(1)
      const reopened = await reopen()
      expect(await reopened.readRevocationSteps(0)).toEqual(before)
      await reopened.addRevocation({ kind: 'client', id: 'two', now: clock.now() })
      expect((await stepsAfter(reopened, 1))[0]).toMatchObject({
        sequence: 2,
        entries: [{ until: clock.now() + 95_000 }],
      })
    })
  })

  describe('watching', () => {
    /** Waits for the feed's own word that it has grown, and gives the newest step. */
    async function watched(watcher: Storage, grow: () => Promise<unknown>): Promise<number> {
      const before = await sequenceOf(watcher)
      const grown = Promise.withResolvers<number>()
      const stop = watcher.watchRevocations(() => {
        void sequenceOf(watcher).then((sequence) => {
          if (sequence > before) grown.resolve(sequence)
        })
      })
      await grow()
      const sequence = await grown.promise
      stop()
      return sequence
    }

    test('T6.1 tells of what this node ended', async () => {
      const { storage, clock } = await storageFor(factory)
      const grow = (id: string) => () => storage.addRevocation({ kind: 'client', id, now: clock.now() })
      expect(await watched(storage, grow('one'))).toBe(1)
      expect(await watched(storage, grow('two'))).toBe(2)
    })

    test('T6.1 tells of what another node ended', async (context) => {
      const { storage, clock, connect } = await storageFor(factory)
      if (connect === undefined) return context.skip('one node is all there can be')
      const other = await connect()
      const grow = (id: string) => () => other.addRevocation({ kind: 'client', id, now: clock.now() })
      expect(await watched(storage, grow('one'))).toBe(1)
      expect(await watched(storage, grow('two'))).toBe(2)
    })

    test('tells nobody who does not listen any more', async () => {
      const { storage, clock } = await storageFor(factory)
      let told = 0
      const stop = storage.watchRevocations(() => {
        told += 1
      })
      stop()
      const grow = () => storage.addRevocation({ kind: 'client', id: 'one', now: clock.now() })
      await watched(storage, grow)
      expect(told).toBe(0)
    })
  })
}
