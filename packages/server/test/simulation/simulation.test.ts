import { describe, expect, onTestFinished, test } from 'vitest'
import { listedChoices, seededChoices } from './choices.ts'
import { everyInterleaving } from './every-interleaving.ts'
import { loadHeart } from './heart.ts'
import { honestSeeds, thiefSeeds } from './seeds.ts'
import { postgresForSimulation, simulationDatabase } from './simulated-postgres.ts'
import { sqliteForSimulation } from './simulated-sqlite.ts'
import { runThiefSchedule, type ThiefResult } from './thief-schedule.ts'

const heart = await loadHeart(new URL('../../src/', import.meta.url))
const minutes = 60_000

describe('simulation of the ratchet (design: invariants)', () => {
  test(
    '4,000 seeded schedules of honest holders: one chain, convergence, order, liveness, progress, refusals free (T4.4, T16.1)',
    async () => {
      expect(await honestSeeds(heart, { first: 1, count: 4_000 })).toBeUndefined()
    },
    2 * minutes,
  )

  test(
    '1,000 seeded schedules of owner and thief: one change of hands with a token, three with its attempt id (T17.2, B7)',
    async () => {
      expect(await thiefSeeds(heart, { first: 1, count: 1_000 })).toBeUndefined()
    },
    2 * minutes,
  )

  test(
    '300 schedules on SQLite, where waiting writes share a transaction (F9)',
    async () => {
      const sqlite = await sqliteForSimulation(heart)
      onTestFinished(sqlite.close)
      expect(await honestSeeds(heart, { first: 1, count: 300 }, { on: sqlite })).toBeUndefined()
    },
    2 * minutes,
  )

  test.skipIf(simulationDatabase === undefined)(
    '100 schedules on PostgreSQL, where waiting writes go out one after the other (F9) (needs postgresql)',
    async () => {
      const postgres = await postgresForSimulation()
      onTestFinished(postgres.close)
      expect(await honestSeeds(heart, { first: 1, count: 100 }, { on: postgres })).toBeUndefined()
    },
    2 * minutes,
  )

  test(
    'all interleavings of two holders on two nodes with a revocation and a crash',
    async () => {
      const { runs, states, failing } = await everyInterleaving(heart)
      expect(failing?.violation).toBeUndefined()
      expect(runs).toBeGreaterThan(states)
      expect(states).toBeGreaterThan(1_000)
    },
    2 * minutes,
  )
})

describe('the limits that the design states (F13)', () => {
  const inLockStep = (kind: ThiefResult['kind']) =>
    runThiefSchedule({ heart, choices: listedChoices([kind, ...Array.from({ length: 14 }, () => 'both refresh')]) })

  test('a thief who refreshes within the window of the owner is not noticed as long as he does', async () => {
    expect(await inLockStep('token')).toMatchObject({ violation: undefined, detected: false, alternations: 27 })
  })

  test('nor is one who reads the store of the owner all the time', async () => {
    expect(await inLockStep('continuous')).toMatchObject({ violation: undefined, detected: false, alternations: 27 })
  })

  test('outside of that the bounds of one and three changes of hands are reached, and not passed', async () => {
    const most = { token: 0, 'token and attempt id': 0, continuous: 0 }
    for (let seed = 1; seed <= 1_000; seed += 1) {
      const { kind, lockStep, alternations } = await runThiefSchedule({ heart, choices: seededChoices(seed) })
      if (!lockStep) most[kind] = Math.max(most[kind], alternations)
    }
    expect(most).toMatchObject({ token: 1, 'token and attempt id': 3 })
  })
})
