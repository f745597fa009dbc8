import { describe, expect, onTestFinished, test } from 'vitest'
import { loadHeart } from './heart.ts'
import { honestSeeds, thiefSeeds } from './seeds.ts'
import { postgresForSimulation, simulationDatabase } from './simulated-postgres.ts'
import { sqliteForSimulation } from './simulated-sqlite.ts'

const heart = await loadHeart(new URL('../../src/', import.meta.url))
const minutes = 60_000

describe('simulation of the ratchet, long form', () => {
  test(
    '80,000 seeded schedules of honest holders (T4.4, T16.1)',
    async () => {
      expect(await honestSeeds(heart, { first: 100_000, count: 80_000 })).toBeUndefined()
    },
    20 * minutes,
  )

  test(
    '20,000 seeded schedules of owner and thief (T17.2)',
    async () => {
      expect(await thiefSeeds(heart, { first: 100_000, count: 20_000 })).toBeUndefined()
    },
    20 * minutes,
  )

  test(
    '10,000 schedules on SQLite (F9)',
    async () => {
      const sqlite = await sqliteForSimulation(heart)
      onTestFinished(sqlite.close)
      expect(await honestSeeds(heart, { first: 100_000, count: 10_000 }, { on: sqlite })).toBeUndefined()
    },
    20 * minutes,
  )

  test.skipIf(simulationDatabase === undefined)(
    '3,000 schedules on PostgreSQL (F9) (needs postgresql)',
    async () => {
      const postgres = await postgresForSimulation()
      onTestFinished(postgres.close)
      expect(await honestSeeds(heart, { first: 100_000, count: 3_000 }, { on: postgres })).toBeUndefined()
    },
    20 * minutes,
  )
})
