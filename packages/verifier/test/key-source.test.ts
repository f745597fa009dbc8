import { describe, expect, test } from 'vitest'
import type { KeySetReading } from '../src/key-set.ts'
import { createKeySource, type KeySource } from '../src/key-source.ts'
import { importVerificationKey } from '../src/verification-key.ts'
import { createKey } from './issuer-fixture.ts'

const key = await importVerificationKey((await createKey('ES256', 'a')).jwk)
if (key === undefined) throw new Error('no key')
const keys = (...kids: readonly string[]): KeySetReading => ({ ok: true, keys: new Map(kids.map((kid) => [kid, key])) })
const down: KeySetReading = { ok: false, detail: 'unreachable' }

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** A key source with a clock and an issuer that the test moves. */
interface World {
  now: number
  answer: KeySetReading
  fetches: number
  /** While set, fetches wait for it. */
  gate?: Promise<void> | undefined
  readonly source: KeySource
  find(kid?: string): Promise<string>
}

function createSource(): World {
  const world: World = {
    now: Date.UTC(2026, 10, 21),
    answer: keys('a'),
    fetches: 0,
    source: createKeySource({
      load: async () => {
        world.fetches += 1
        await world.gate
        return world.answer
      },
      clock: () => world.now,
      keysMaxAgeSeconds: 5 * 60,
      keysStaleIfErrorSeconds: 24 * 3_600,
    }),
    async find(kid = 'a') {
      const lookup = await world.source.find(kid)
      // Lets a fetch that runs beside the request come to its end.
      await new Promise(setImmediate)
      return 'key' in lookup ? 'found' : lookup.reason
    },
  }
  return world
}

describe('keys of the issuer', () => {
  test('JW-8 they are fetched when first needed, and kept', async () => {
    const world = createSource()
    expect(world.fetches).toBe(0)
    for (let count = 0; count < 1_000; count += 1) expect(await world.find()).toBe('found')
    world.now += 5 * minute - 1
    expect(await world.find()).toBe('found')
    expect(world.fetches).toBe(1)
  })

  test('JW-8 many requests at once share one fetch, at a cold start and for an unknown key', async () => {
    const world = createSource()
    const all = (kid: string) => Promise.all(Array.from({ length: 100 }, () => world.find(kid)))
    expect(new Set(await all('a'))).toEqual(new Set(['found']))
    expect(world.fetches).toBe(1)
    world.now += minute
    world.answer = keys('a', 'b')
    expect(new Set(await all('b'))).toEqual(new Set(['found']))
    expect(world.fetches).toBe(2)
  })

  test('T12.1 JW-8 a key of a rotation is fetched when the first token names it', async () => {
    const world = createSource()
    await world.find()
    world.now += 31 * second
    world.answer = keys('a', 'b')
    expect(await world.find('b')).toBe('found')
    expect(await world.find('a')).toBe('found')
    expect(world.fetches).toBe(2)
  })

  test('T12.3 10,000 unknown key ids cause at most one fetch per cool-down', async () => {
    const world = createSource()
    await world.find()
    const start = world.now
    for (let count = 0; count < 10_000; count += 1) {
      world.now = start + count * 10
      expect(await world.source.find(`random-${count}`)).toMatchObject({ reason: 'unknown_key' })
    }
    // 100 s: the first fetch, then one at 30, 60 and 90 s.
    expect(world.fetches).toBe(4)
    expect(await world.find()).toBe('found')
  })

  test('T12.3 the same while the issuer does not answer: they are not called unknown then', async () => {
    const world = createSource()
    await world.find()
    world.answer = down
    const start = world.now
    const reasons: string[] = []
    for (let count = 0; count < 10_000; count += 1) {
      world.now = start + count * 10
      reasons.push(await world.find(`random-${count}`))
    }
    expect(world.fetches).toBe(4)
    expect(reasons.slice(0, 3_000)).not.toContain('keys_unavailable')
    expect(reasons.slice(3_000)).not.toContain('unknown_key')
    expect(await world.find()).toBe('found')
  })

  test('T12.2 an issuer that is down for an hour refuses nobody whose key is known', async () => {
    const world = createSource()
    await world.find()
    world.answer = down
    for (let seconds = 0; seconds < 3_600; seconds += 1) {
      world.now += second
      expect(await world.find()).toBe('found')
    }
    // From the fifth minute on, one attempt each 30 s.
    expect(world.fetches).toBe(1 + (3_600 - 300) / 30 + 1)
    world.answer = keys('a', 'b')
    world.now += 30 * second
    expect(await world.find()).toBe('found')
    expect(await world.find('b')).toBe('found')
  })

  test('T12.2 known keys serve for the stated time beyond their age, then everything is keys_unavailable', async () => {
    const world = createSource()
    await world.find()
    world.answer = down
    world.now += 24 * hour + 5 * minute - 1
    expect(await world.find()).toBe('found')
    world.now += 1
    expect(await world.find()).toBe('keys_unavailable')
    world.now += hour
    expect(await world.find()).toBe('keys_unavailable')
    world.answer = keys('a')
    world.now += 30 * second
    expect(await world.find()).toBe('found')
  })

  test('an issuer that hangs delays nobody whose key is known', async () => {
    const world = createSource()
    await world.find()
    world.answer = down
    world.now += 11 * minute
    // The first request after a long pause waits for the fetch, for nobody has looked for so long.
    expect(await world.find()).toBe('found')
    const { promise, resolve } = Promise.withResolvers<void>()
    world.gate = promise
    world.now += 31 * second
    expect(await world.find()).toBe('found')
    expect(world.fetches).toBe(3)
    resolve()
  })

  test('a key that was withdrawn is refused once its age is over', async () => {
    const world = createSource()
    await world.find()
    world.answer = keys('b')
    world.now += 5 * minute - 1
    expect(await world.find()).toBe('found')
    world.now += 1
    // This request is answered with what is at hand, and the fetch beside it brings the news.
    expect(await world.find()).toBe('found')
    expect(await world.find()).toBe('unknown_key')
  })

  test('a key that was withdrawn is refused at once where nobody has asked for twice its age', async () => {
    const world = createSource()
    await world.find()
    world.answer = keys()
    world.now += 10 * minute
    expect(await world.find()).toBe('unknown_key')
  })

  test('a cold start without the issuer is unavailable, and tries again after 1, 2, 4 … 30 s', async () => {
    const world = createSource()
    world.answer = down
    const start = world.now
    const fetchedAt: number[] = []
    for (let tenths = 0; tenths <= 1_300; tenths += 1) {
      world.now = start + tenths * 100
      const before = world.fetches
      expect(await world.find()).toBe('keys_unavailable')
      if (world.fetches > before) fetchedAt.push(tenths / 10)
    }
    expect(fetchedAt).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121])
    world.answer = keys('a')
    world.now += 30 * second
    expect(await world.find()).toBe('found')
  })

  test('keys_unavailable says when it is worth trying again, and why', async () => {
    const world = createSource()
    world.answer = { ok: false, detail: 'status 502' }
    const first = { reason: 'keys_unavailable', retryAfterSeconds: 1, detail: 'status 502' }
    expect(await world.source.find('a')).toEqual(first)
    world.now += second
    expect(await world.source.find('a')).toEqual({ ...first, retryAfterSeconds: 2 })
    world.now += 500
    expect(await world.source.find('a')).toEqual({ ...first, retryAfterSeconds: 2 })
    world.now += 1_000
    expect(await world.source.find('a')).toEqual({ ...first, retryAfterSeconds: 1 })
  })

  test('a failed fetch never takes known keys away', async () => {
    const world = createSource()
    await world.find()
    world.answer = down
    world.now += minute
    expect(await world.find('b')).toBe('keys_unavailable')
    expect(await world.find('a')).toBe('found')
  })

  test('a fetch that was abandoned does not block the next one, nor overwrite it when it comes back', async () => {
    const world = createSource()
    const { promise, resolve } = Promise.withResolvers<void>()
    world.gate = promise
    const abandoned = world.source.find('a')
    await new Promise(setImmediate)
    world.now += minute
    world.gate = undefined
    world.answer = keys('a', 'b')
    expect(await world.find('b')).toBe('found')
    world.answer = keys('a')
    resolve()
    await abandoned
    expect(await world.find('b')).toBe('found')
    expect(world.fetches).toBe(2)
  })

  test('the age of keys counts from when they were asked for, not from when they came', async () => {
    const world = createSource()
    const { promise, resolve } = Promise.withResolvers<void>()
    world.gate = promise
    const first = world.find()
    await new Promise(setImmediate)
    world.now += 4 * second
    resolve()
    expect(await first).toBe('found')
    world.now += 5 * minute - 4 * second
    await world.find()
    expect(world.fetches).toBe(2)
  })

  test('a clock that is set back refuses nobody, and the keys are fetched anew', async () => {
    const world = createSource()
    await world.find()
    world.now -= hour
    expect(await world.find()).toBe('found')
    expect(world.fetches).toBe(2)
  })
})
