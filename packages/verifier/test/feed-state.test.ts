import type { RevocationMessage } from '@pawl/protocol'
import { describe, expect, test } from 'vitest'
import { createFeedState, type FeedState } from '../src/feed-state.ts'
import { createRevocationSet } from '../src/revocation-set.ts'
import { entry, start } from './feed-fixture.ts'

/** A reader of the feed whose clocks the test moves. */
function createState(mostEntries = 100) {
  const world = { clock: start, elapsed: 5_000 }
  const set = createRevocationSet(mostEntries, 30_000)
  const state = createFeedState({ set, clock: () => world.clock, elapsed: () => world.elapsed })
  state.begin()
  return { world, set, state }
}

function hear(state: FeedState, id: string, { event, ...data }: RevocationMessage) {
  return state.hear({ event, data: JSON.stringify(data), id })
}

const everything = { event: 'snapshot', entries: [], more: false } as const
const beat = (now = start) => ({ event: 'heartbeat', now }) as const

describe('how old what is known is', () => {
  test('infinitely, before the first proof', () => {
    const { state } = createState()
    expect(state.lagMilliseconds()).toBe(Number.POSITIVE_INFINITY)
    hear(state, 'e.1', { event: 'snapshot', entries: [], more: true })
    expect(state.lagMilliseconds()).toBe(Number.POSITIVE_INFINITY)
    hear(state, 'e.1', everything)
    expect(state.lagMilliseconds()).toBe(0)
  })

  test('a snapshot is as old as the contact in which it was asked for', () => {
    const { state, world } = createState()
    world.elapsed += 4_000
    hear(state, 'e.1', everything)
    expect(state.lagMilliseconds()).toBe(4_000)
    hear(state, 'e.1', beat())
    expect(state.lagMilliseconds()).toBe(0)
  })

  test('a clock that is set back makes nothing younger', () => {
    const { state, world } = createState()
    hear(state, 'e.1', everything)
    world.clock -= 3_600_000
    world.elapsed += 20_000
    expect(state.lagMilliseconds()).toBe(20_000)
  })

  test('a machine that slept, or a clock that is set on, makes it older until the next proof', () => {
    const { state, world } = createState()
    hear(state, 'e.1', everything)
    world.clock += 3_600_000
    expect(state.lagMilliseconds()).toBe(3_600_000)
    hear(state, 'e.1', beat(start + 3_600_000))
    expect(state.lagMilliseconds()).toBe(0)
  })

  test('an issuer whose clock is wrong, or is set back, is believed from the next contact on', () => {
    const { state, world } = createState()
    hear(state, 'e.1', everything)
    hear(state, 'e.1', beat(7))
    expect(state.lagMilliseconds()).toBe(0)
    world.elapsed += 5_000
    expect(hear(state, 'e.1', beat(5_007))).toBe('further')
    world.elapsed += 5_000
    // It cannot be told from a heartbeat that took that long.
    expect(hear(state, 'e.1', { event: 'heartbeat', now: 0 })).toBe('further')
    expect(state.lagMilliseconds()).toBe(10_007 - 0)
  })

  test('a heartbeat that took longer than 15 s proves nothing', () => {
    const { state, world } = createState()
    hear(state, 'e.1', everything)
    hear(state, 'e.1', beat(start))
    world.elapsed += 20_001
    const { proofs } = state
    expect(hear(state, 'e.1', beat(start + 5_000))).toBe('nothing')
    expect(state.proofs).toBe(proofs)
    expect(state.lagMilliseconds()).toBe(20_001)
    state.begin()
    expect(hear(state, 'e.1', beat(start + 5_001))).toBe('further')
    expect(state.lagMilliseconds()).toBe(0)
  })
})

describe('T6.4 a feed that tells more than there is room for', () => {
  test('is one that something is missing of; what there is room for holds', () => {
    const { set, state } = createState(2)
    expect(hear(state, 'e.1', { ...everything, entries: ['a', 'b', 'c'].map((id) => entry(id)) })).toEqual({
      over: 'too many entries',
    })
    expect(state.position).toBeUndefined()
    expect(state.lagMilliseconds()).toBe(Number.POSITIVE_INFINITY)
    expect(set.entries).toBe(2)
  })

  test.each([0, 3_600_000])(
    'is understood again once what filled it has expired by both clocks; theirs is %d ms ahead',
    (ahead) => {
      const { set, state, world } = createState(2)
      hear(state, 'e.1', { ...everything, entries: ['a', 'b', 'c'].map((id) => entry(id)) })
      const { until } = entry('a')
      const later = (at: number) => ({ ...entry('d'), at, until: at + 900_000 })
      // One clock that leaps ahead takes nothing away.
      state.begin()
      expect(hear(state, 'e.2', { ...everything, entries: [later(until + 30_001)] })).toEqual({
        over: 'too many entries',
      })
      world.clock = until + 30_001
      state.begin()
      expect(hear(state, 'e.2', { ...everything, entries: [later(until)] })).toEqual({ over: 'too many entries' })
      state.begin()
      expect(hear(state, 'e.2', { ...everything, entries: [later(until + 30_001 + ahead)] })).toBe('further')
      expect({ entries: set.entries, position: state.position }).toEqual({
        entries: 1,
        position: { epoch: 'e', sequence: 2 },
      })
      expect(state.lagMilliseconds()).toBe(0)
    },
  )
})

describe('where the reader is', () => {
  test('after a gap, or what it did not understand, nowhere', () => {
    for (const [id, message] of [
      ['e.3', { event: 'entries', entries: [] }],
      ['f.2', beat()],
    ] as const) {
      const { state } = createState()
      hear(state, 'e.1', everything)
      expect(state.position).toEqual({ epoch: 'e', sequence: 1 })
      expect(hear(state, id, message)).toEqual({ over: 'gap' })
      expect(state.position).toBeUndefined()
    }
    const { state } = createState()
    hear(state, 'e.1', everything)
    expect(state.hear({ event: 'entries', data: '{', id: 'e.2' })).toEqual({ over: 'malformed' })
    expect(state.position).toBeUndefined()
  })

  test('in the middle of a snapshot, nowhere: the one before it is not continued', () => {
    const { state } = createState()
    hear(state, 'e.1', everything)
    hear(state, 'f.9', { ...everything, more: true })
    expect(state.position).toBeUndefined()
    expect(hear(state, 'f.9', beat())).toBe('nothing')
    hear(state, 'f.9', everything)
    expect(state.position).toEqual({ epoch: 'f', sequence: 9 })
  })
})
