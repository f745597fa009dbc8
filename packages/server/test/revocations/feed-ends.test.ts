import { describe, expect, test } from 'vitest'
import { mostReaders } from '../../src/revocations/revocation-feed.ts'
import type { RevocationStore } from '../../src/revocations/revocation-store.ts'
import { manualClock } from '../../src/storage/contract/fixture.ts'
import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { beat, feedWith, isQuiet } from './feed-fixture.ts'
import { idsOf, readFeed } from './reading.ts'

describe('when it ends', () => {
  test('a reader that takes nothing for 30 seconds is let go, told, and makes room', async () => {
    const { open, feed, told, beatFor, read } = feedWith()
    const stuck = (await open({ requestId: 'stuck' })).getReader()
    await stuck.read()
    const lively = await read()
    await beatFor(6 * beat)
    expect([told.dropped, feed.readers()]).toEqual([[], 2])
    await beatFor(beat)
    expect([told.dropped, feed.readers()]).toEqual([['stuck'], 1])
    expect((await stuck.read()).done).toBe(true)
    await lively.until((seen) => seen.length > 5)
  })

  test('a reader that is slow, yet takes something now and then, is not let go', async () => {
    const { open, feed, revoke, beatFor } = feedWith()
    const reader = (await open()).getReader()
    for (let index = 0; index < 20; index += 1) await revoke(`${index}`)
    for (let taken = 0; taken < 10; taken += 1) {
      await reader.read()
      await beatFor(6 * beat)
    }
    expect(feed.readers()).toBe(1)
  })

  test('a reader that breaks off makes room, and with the last one the store is left alone', async () => {
    let watchers = 0
    const { read, feed } = feedWith((store) => ({
      ...store,
      watchRevocations: (changed) => {
        const stop = store.watchRevocations(changed)
        watchers += 1
        return () => {
          stop()
          watchers -= 1
        }
      },
    }))
    const [one, two] = [await read(), await read()]
    expect([feed.readers(), watchers]).toEqual([2, 1])
    await one.stop()
    expect([feed.readers(), watchers]).toEqual([1, 1])
    await two.stop()
    expect([feed.readers(), watchers]).toEqual([0, 0])
    const again = await read()
    await again.until(isQuiet)
    expect([feed.readers(), watchers]).toEqual([1, 1])
  })

  test('more than so many are not served at once', async () => {
    const { open, feed } = feedWith()
    const bodies = await Promise.all(Array.from({ length: mostReaders }, () => open()))
    await expect(open()).rejects.toThrow('the feed is full')
    await bodies[0]?.cancel()
    expect(feed.readers()).toBe(mostReaders - 1)
    await open()
  })

  test('a reader whose right has ended is not sent anything more', async () => {
    const { clock, open, feed, beatFor } = feedWith()
    const reading = readFeed(await open({ endsAt: clock.now() + 2 * beat }))
    await beatFor(beat)
    expect(feed.readers()).toBe(1)
    await beatFor(beat)
    await reading.ended
    expect(feed.readers()).toBe(0)
  })

  test('all end when the server stops, and nobody is served then', async () => {
    const { feed, open, read } = feedWith()
    const readings = [await read(), await read()]
    await readings[0]?.until(isQuiet)
    feed.end()
    await Promise.all(readings.map(({ ended }) => ended))
    await expect(open()).rejects.toThrow('the feed is ended')
    expect(feed.readers()).toBe(0)
  })

  test('T6.1 all begin anew in another epoch', async () => {
    const { read, revoke, storage, beatFor } = feedWith()
    const reading = await read()
    await reading.until(isQuiet)
    await storage.startRevocationEpoch('another')
    await reading.ended
    await revoke('one')
    await beatFor(beat)
    const again = await read(reading.events.at(-1)?.id)
    expect((await again.until(isQuiet))[0]).toMatchObject({ event: 'snapshot', id: 'another.1' })
  })

  test('a reader is not left waiting for a store that fails it in between', async () => {
    let pages = 0
    const { read, revoke, told } = feedWith((store) => ({
      ...store,
      readRevocationPage: (page) => {
        pages += 1
        return pages === 1 ? store.readRevocationPage({ ...page, limit: 1 }) : Promise.reject(new Error('away'))
      },
    }))
    for (const id of ['one', 'two']) await revoke(id)
    const reading = await read()
    await reading.ended
    expect(reading.events.map(({ event }) => event)).toEqual(['snapshot'])
    expect(told.failures).toEqual([new Error('away')])
  })
})

describe('a store that was put back to an earlier state', () => {
  /** A store whose feed another one can be put in the place of. */
  function replaceable() {
    const clock = manualClock()
    let current = memoryStorage({ clock: clock.now })
    const changed = new Set<() => void>()
    const store: RevocationStore = {
      readRevocationSteps: (sequence) => current.readRevocationSteps(sequence),
      readRevocationPage: (page) => current.readRevocationPage(page),
      claimsChangedAt: (userId) => current.claimsChangedAt(userId),
      addRevocation: (revocation) => current.addRevocation(revocation),
      startRevocationEpoch: (epoch) => current.startRevocationEpoch(epoch),
      declareAccessLifetime: (lifetime) => current.declareAccessLifetime(lifetime),
      removeEndedRevocations: (limit) => current.removeEndedRevocations(limit),
      watchRevocations: (listener) => {
        changed.add(listener)
        return () => changed.delete(listener)
      },
    }
    return {
      store,
      putBack: async (ids: readonly string[], epoch: string) => {
        current = memoryStorage({ clock: clock.now })
        await current.startRevocationEpoch(epoch)
        for (const id of ids) await current.addRevocation({ kind: 'client', id, now: clock.now() })
      },
      revoke: (id: string) => current.addRevocation({ kind: 'client', id, now: clock.now() }),
      epoch: async () => (await current.readRevocationSteps(0)).position.epoch,
    }
  }

  test.each([
    ['is behind what was seen of it', ['one']],
    ['has gone on to the same step since', ['one', 'other', 'further']],
    ['has gone on beyond it', ['one', 'other', 'further', 'and further']],
  ])('F8 is noticed when it %s: the epoch changes, and everybody is told everything', async (_, ids) => {
    const { store, putBack, revoke, epoch } = replaceable()
    const { read, feed } = feedWith(() => store)
    const before = await epoch()
    for (const id of ['one', 'lost']) await revoke(id)
    const reading = await read()
    await revoke('seen')
    await feed.beat()
    await reading.until((events) => idsOf(events).includes('seen'))
    await putBack(ids, before)
    await feed.beat()
    await reading.ended
    expect(await epoch()).not.toBe(before)
    const again = await read(reading.events.at(-1)?.id)
    const [snapshot] = await again.until(isQuiet)
    expect(snapshot).toMatchObject({ event: 'snapshot' })
    expect(idsOf(snapshot === undefined ? [] : [snapshot])).toEqual(ids)
  })
})
