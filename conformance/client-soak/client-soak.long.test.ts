import { describe, expect, test } from 'vitest'
import { isMissing } from '../../checks/machine-packages.ts'
import { soak } from './soak.ts'

describe.skipIf(isMissing('chromium'))(
  '20 tabs and 10 processes over a proxy that cannot be relied on (needs chromium)',
  () => {
    test('T1.2 T3.1 T4.1 T5.1 T7.4: two minutes, and nobody is signed out, no chain forks, no promise is overdue', async () => {
      const report = await soak({ milliseconds: 120_000, tabs: 20, processes: 10, seed: 7 })
      expect(report.complaints).toEqual([])
      expect(report.generations).toHaveLength(2)
      for (const generation of report.generations) expect(generation).toBeGreaterThan(5)
      for (const fate of ['drop-request', 'drop-reply', 'delay-reply', 'duplicate', 'bad-gateway', 'captive-portal'])
        expect(report.fates[fate]).toBeGreaterThan(0)
    })
  },
)
