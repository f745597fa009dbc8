import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  activeSigningKey,
  planRotation,
  type RotationSettings,
  rotationSettings,
  type ScheduledKey,
  signingKeyStates,
} from '../../src/keys/rotation-schedule.ts'
import { day, minute, quickSettings } from './keys-fixture.ts'

const ahead = quickSettings.publishAheadSeconds * 1000
const after = quickSettings.retireAfterSeconds * 1000
const every = quickSettings.rotateEverySeconds * 1000

function key(kid: string, activeFrom: number, options: Partial<ScheduledKey> = {}): ScheduledKey {
  return { kid, algorithm: 'ES256', createdAt: activeFrom, activeFrom, ...options }
}

function plan(keys: readonly ScheduledKey[], now: number): ReturnType<typeof planRotation> {
  return planRotation(keys, now, quickSettings, 'ES256')
}

describe('JW-8 T12.1: the schedule of signing keys', () => {
  test('the first key signs at once', () => {
    expect(plan([], 1000)).toEqual({ create: { activeFrom: 1000 }, remove: [] })
  })

  test('the next one is published a cache lifetime ahead of the day on which it is due', () => {
    const keys = [key('a', 0)]
    expect(plan(keys, every - ahead - 1)).toEqual({ remove: [] })
    expect(plan(keys, every - ahead)).toEqual({ create: { activeFrom: every }, remove: [] })
  })

  test('a server that was down when a key was due still publishes ahead', () => {
    expect(plan([key('a', 0)], every * 3)).toEqual({ create: { activeFrom: every * 3 + ahead }, remove: [] })
  })

  test('while one key waits for its time no further one is created, whatever its algorithm', () => {
    expect(plan([key('a', 0), key('b', every)], every - 1)).toEqual({ remove: [] })
    expect(plan([key('a', 0), key('b', every, { algorithm: 'Ed25519' })], every - 1)).toEqual({ remove: [] })
  })

  test('a key stays until its successor has signed for the longest lifetime and skew, to the millisecond', () => {
    const keys = [key('a', 0), key('b', every)]
    expect(plan(keys, every + after - 1).remove).toEqual([])
    expect(plan(keys, every + after).remove).toEqual(['a'])
  })

  test('a setting of another algorithm is a reason to rotate, ahead as ever', () => {
    expect(planRotation([key('a', 0)], 5000, quickSettings, 'Ed25519')).toEqual({
      create: { activeFrom: 5000 + ahead },
      remove: [],
    })
  })

  test('where several keys are due the newest signs, all waiting ones are published, all others retire', () => {
    const keys = [key('a', 0), key('b', 10), key('c', 20), key('d', 30)]
    expect(signingKeyStates(keys, 25).map((entry) => [entry.key.kid, entry.state])).toEqual([
      ['d', 'published'],
      ['c', 'active'],
      ['b', 'retiring'],
      ['a', 'retiring'],
    ])
  })

  test('a clock set back before the first key does not leave the server without one', () => {
    const keys = [key('a', 100), key('b', 200)]
    expect(activeSigningKey(keys, 50)?.kid).toBe('a')
    expect(signingKeyStates(keys, 50).map((entry) => entry.state)).toEqual(['published', 'active'])
    expect(plan(keys, 50).remove).toEqual([])
    expect(activeSigningKey([], 50)).toBeUndefined()
  })

  test('keys of one instant have one order on every node', () => {
    const keys = [key('b', 0), key('a', 0), key('c', 0, { createdAt: -1 })]
    expect(activeSigningKey(keys, 0)?.kid).toBe('a')
    expect(activeSigningKey(keys.toReversed(), 0)?.kid).toBe('a')
  })

  test('settings are computed from what they must cover and cannot be set too short', () => {
    const settings = rotationSettings({ jwksCacheSeconds: 300, longestAccessSeconds: 900 })
    expect(settings).toEqual({ rotateEverySeconds: 7_776_000, publishAheadSeconds: 360, retireAfterSeconds: 960 })
    const hasty = rotationSettings({ jwksCacheSeconds: 300, longestAccessSeconds: 900, rotateEverySeconds: 1 })
    expect(hasty.rotateEverySeconds).toBe(360)
  })

  test('however irregularly it is followed, no valid token ever fails at a verifier with a full cache', () => {
    const lifetime = after - minute
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 3 * day }), { minLength: 20, maxLength: 200 }),
        fc.integer({ min: ahead / 1000, max: (5 * day) / 1000 }),
        (gaps, rotateEverySeconds) => {
          const { signings, publishedAt, removedAt } = follow(gaps, { ...quickSettings, rotateEverySeconds })
          for (const { kid, at } of signings) {
            const published = publishedAt.get(kid) ?? Number.POSITIVE_INFINITY
            if (kid !== 'key 0') expect(at - published).toBeGreaterThanOrEqual(ahead)
            expect(removedAt.get(kid) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(at + lifetime)
          }
        },
      ),
    )
  })
})

interface Followed {
  readonly signings: readonly { readonly kid: string; readonly at: number }[]
  readonly publishedAt: ReadonlyMap<string, number>
  readonly removedAt: ReadonlyMap<string, number>
}

/** Runs the schedule with gaps (milliseconds) between its runs, and notes which key signs when. */
function follow(gaps: readonly number[], settings: RotationSettings): Followed {
  const signings: { readonly kid: string; readonly at: number }[] = []
  const publishedAt = new Map<string, number>()
  const removedAt = new Map<string, number>()
  let keys: readonly ScheduledKey[] = []
  let now = 0
  for (const gap of gaps) {
    const { create, remove } = planRotation(keys, now, settings, 'ES256')
    for (const kid of remove) removedAt.set(kid, now)
    const fresh = create && key(`key ${publishedAt.size}`, create.activeFrom, { createdAt: now })
    if (fresh !== undefined) publishedAt.set(fresh.kid, now)
    keys = [...keys.filter(({ kid }) => !remove.includes(kid)), ...(fresh === undefined ? [] : [fresh])]
    // Tokens are signed from this run until the next one, up to the last instant of each key.
    const lastInstants = keys.map(({ activeFrom }) => activeFrom - 1).filter((at) => at >= now && at < now + gap)
    for (const at of [now, ...lastInstants, now + gap - 1]) {
      signings.push({ kid: activeSigningKey(keys, at)?.kid ?? 'none', at })
    }
    now += gap
  }
  return { signings, publishedAt, removedAt }
}
