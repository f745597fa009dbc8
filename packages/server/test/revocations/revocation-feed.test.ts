import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RevocationStore } from '../../src/revocations/revocation-store.ts'
import { addUser, anEvent, openSession } from '../../src/storage/contract/records.ts'
import { beat, feedWith, isQuiet } from './feed-fixture.ts'
import { type FeedReading, idsOf, readFeed } from './reading.ts'

/** Small pages, and turns of the event loop in between, so that ends fall between all of a reader's looks. */
function inSmallPages(store: RevocationStore): RevocationStore {
  return {
    ...store,
    readRevocationPage: async (page) => {
      await new Promise((resolve) => setImmediate(resolve))
      return store.readRevocationPage({ ...page, limit: 2 })
    },
  }
}

/** How many end before a reader comes, what it knows already, and whether all of that is waited for. */
const round = fc.record({ ends: fc.nat(3), knows: fc.option(fc.nat(10)), waits: fc.boolean() })

type Round = typeof round extends fc.Arbitrary<infer Value> ? Value : never

/** Lets readers come while things end; each must be sent everything from where it begins, once and in order. */
async function readAll(rounds: readonly Round[]): Promise<void> {
  const { read, revoke, storage, epoch, feed } = feedWith(inSmallPages)
  const readers: { reading: FeedReading; from: number }[] = []
  const underWay: Promise<unknown>[] = []
  let ended = 0
  for (const { ends, knows, waits } of rounds) {
    for (let index = 0; index < ends; index += 1) underWay.push(revoke(`${ended++}`))
    const from = Math.min(knows ?? 0, ended)
    const opened = read(knows === null ? undefined : `${await epoch()}.${from}`)
    underWay.push(opened.then((reading) => readers.push({ reading, from })))
    if (waits) await Promise.all(underWay.splice(0))
  }
  await Promise.all(underWay)
  await feed.beat()
  const { position } = await storage.readRevocationSteps(0)
  const newest = `${position.epoch}.${position.sequence}`
  for (const { reading, from } of readers) {
    const events = await reading.until((seen) => isQuiet(seen) && seen.at(-1)?.id === newest)
    expect(idsOf(events)).toEqual(Array.from({ length: ended - from }, (_, index) => `${from + index}`))
  }
  feed.end()
}

describe('what a reader is sent first', () => {
  test('T6.1 everything that has not expired, then word that nothing is missing', async () => {
    const { clock, read, revoke, epoch, storage } = feedWith()
    await storage.declareAccessLifetime({ milliseconds: 1000, until: clock.now() + 1e9 })
    for (const id of ['old', 'one', 'two']) {
      await revoke(id)
      clock.advance(id === 'old' ? 91_000 : 10)
    }
    const { until } = await read()
    const [snapshot, heartbeat] = await until(isQuiet)
    expect(snapshot).toMatchObject({ event: 'snapshot', more: false, id: `${await epoch()}.3` })
    expect(idsOf(snapshot === undefined ? [] : [snapshot])).toEqual(['one', 'two'])
    expect(heartbeat).toEqual({ event: 'heartbeat', now: clock.now(), id: `${await epoch()}.3` })
  })

  test('T6.4 in parts of at most 1,000, of which only the last says where to resume', async () => {
    const { read, revoke, epoch } = feedWith()
    for (let index = 0; index < 2001; index += 1) await revoke(`${index}`)
    const { until } = await read()
    const parts = (await until(isQuiet)).filter((event) => event.event === 'snapshot')
    expect(parts.map(({ entries, more, id }) => [entries.length, more, id])).toEqual([
      [1000, true, `${await epoch()}.0`],
      [1000, true, `${await epoch()}.0`],
      [1, false, `${await epoch()}.2001`],
    ])
    expect(new Set(idsOf(parts)).size).toBe(2001)
  })

  test('what it does not know yet, step by step, if it names the last event that it knows', async () => {
    const { read, revoke, epoch } = feedWith()
    for (const id of ['one', 'two', 'three']) await revoke(id)
    const { until } = await read(`${await epoch()}.1`)
    const events = await until(isQuiet)
    expect(events.map(({ event, id }) => [event, id])).toEqual([
      ['entries', `${await epoch()}.2`],
      ['entries', `${await epoch()}.3`],
      ['heartbeat', `${await epoch()}.3`],
    ])
    expect(idsOf(events)).toEqual(['two', 'three'])
  })

  test('from where others read on, too: what they were sent is held for all', async () => {
    const { read, revoke, epoch } = feedWith()
    const first = await read()
    for (const id of ['one', 'two', 'three']) await revoke(id)
    await first.until((events) => idsOf(events).length === 3)
    const second = await read(`${await epoch()}.2`)
    expect(idsOf(await second.until(isQuiet))).toEqual(['three'])
    const third = await read(`${await epoch()}.3`)
    expect((await third.until(isQuiet)).map(({ event }) => event)).toEqual(['heartbeat'])
  })

  test.each(['another.2', 'EPOCH.4', 'EPOCH.1x', 'nonsense', 'EPOCH.-1', ''])(
    'everything, if it names the last event as %j, which cannot be gone on from',
    async (named) => {
      const { read, revoke, epoch } = feedWith()
      for (const id of ['one', 'two', 'three']) await revoke(id)
      const { until } = await read(named.replace('EPOCH', await epoch()))
      const [snapshot] = await until(isQuiet)
      expect(snapshot).toMatchObject({ event: 'snapshot', id: `${await epoch()}.3` })
    },
  )

  test('T6.4 everything, if steps behind the last event that it knows are gone', async () => {
    const { clock, storage, read, revoke, epoch } = feedWith()
    await storage.declareAccessLifetime({ milliseconds: 1000, until: clock.now() + 1e9 })
    for (const id of ['one', 'two', 'three']) await revoke(id)
    clock.advance(91_000)
    await storage.removeEndedRevocations(2)
    await revoke('four')
    const { until } = await read(`${await epoch()}.1`)
    expect((await until(isQuiet))[0]).toMatchObject({ event: 'snapshot', entries: [{ id: 'four' }] })
    const { until: untilThen } = await read(`${await epoch()}.2`)
    expect((await untilThen(isQuiet)).map(({ event, id }) => [event, id])).toEqual([
      ['entries', `${await epoch()}.3`],
      ['entries', `${await epoch()}.4`],
      ['heartbeat', `${await epoch()}.4`],
    ])
  })
})

describe('what a reader is sent then', () => {
  test('T6.1 each end as it happens, one event for a step, to everybody', async () => {
    const { read, revoke, told, epoch, feed } = feedWith()
    const readers = await Promise.all([read(), read(), read()])
    expect(feed.readers()).toBe(3)
    await revoke('one')
    await revoke('two')
    for (const { until } of readers) {
      const events = await until((seen) => idsOf(seen).length === 2)
      const steps = events.filter(({ event }) => event === 'entries')
      expect(steps.map(({ id }) => id)).toEqual([`${await epoch()}.1`, `${await epoch()}.2`])
    }
    expect([told.steps.length, told.ages]).toEqual([2, [0, 0]])
  })

  test('T6.2 heartbeats with the clock of the store and the place that all have reached', async () => {
    const { clock, read, revoke, beatFor, epoch } = feedWith()
    const { until, events } = await read()
    await until(isQuiet)
    await beatFor(2 * beat)
    await until((seen) => seen.length === 4)
    await revoke('one')
    await beatFor(beat)
    await until((seen) => seen.length === 6)
    expect(events.slice(2).map(({ event, id }) => [event, id])).toEqual([
      ['heartbeat', `${await epoch()}.0`],
      ['heartbeat', `${await epoch()}.0`],
      ['entries', `${await epoch()}.1`],
      ['heartbeat', `${await epoch()}.1`],
    ])
    expect(events.at(-1)).toMatchObject({ now: clock.now() })
  })

  test('T6.2 no heartbeat while the store does not answer, for nothing can be vouched for', async () => {
    let away = false
    const { read, feed } = feedWith((store) => ({
      ...store,
      readRevocationSteps: (sequence) =>
        away ? Promise.reject(new Error('the store is away')) : store.readRevocationSteps(sequence),
    }))
    const { until, events } = await read()
    await until(isQuiet)
    away = true
    await expect(feed.beat()).rejects.toThrow('the store is away')
    await expect(read()).rejects.toThrow('the store is away')
    away = false
    await feed.beat()
    await until((seen) => seen.length === 3)
    expect(events.map(({ event }) => event)).toEqual(['snapshot', 'heartbeat', 'heartbeat'])
  })

  test('T6.1 nothing is lost or doubled between the snapshot and the steps, whatever ends meanwhile', async () => {
    await fc.assert(fc.asyncProperty(fc.array(round, { maxLength: 12 }), readAll), { numRuns: 100 })
  })

  test('T6.1 very many ends at once come in several steps, to who reads already and to who comes later', async () => {
    const { read, storage, clock, feed } = feedWith()
    const reading = await read()
    const known = (await reading.until(isQuiet)).at(-1)?.id
    const user = await addUser(storage, 'ada')
    for (let index = 0; index < 3_500; index += 1) await openSession(storage, `${index}`, user)
    const event = anEvent('session_ended', clock.now())
    const ended = await storage.endUserSessions({ userId: user.id, now: clock.now(), reason: 'logout', event })
    await feed.beat()
    const events = await reading.until((seen) => idsOf(seen).length === 3_500)
    expect(events.flatMap((step) => (step.event === 'entries' ? [step.entries.length] : []))).toEqual([
      1000, 1000, 1000, 500,
    ])
    expect(idsOf(events)).toEqual(ended)
    const later = await read(known)
    expect(idsOf(await later.until(isQuiet))).toEqual(ended)
  })

  test('T6.1 whoever falls behind what is held for all reads on from the store, and misses nothing', async () => {
    const { open, revoke, beatFor } = feedWith()
    const slow = await open()
    const reader = slow.getReader()
    await reader.read()
    await reader.read()
    const ids = Array.from({ length: 2_200 }, (_, index) => `${index}`.padStart(500, '.'))
    for (const id of ids) await revoke(id)
    await beatFor(beat)
    reader.releaseLock()
    const { until } = readFeed(slow)
    expect(idsOf(await until((seen) => idsOf(seen).length === ids.length))).toEqual(ids)
  })
})
