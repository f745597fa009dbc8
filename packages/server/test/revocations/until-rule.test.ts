import { revocationEntryLimits, revocationKinds } from '@pawl/protocol'
import { expect, test } from 'vitest'
import { settingsTable } from '../../src/configuration/settings-table.ts'
import { longestClientAccessSeconds } from '../../src/registered-clients/client-registration.ts'
import { accessLifetime, entryUntil, longestAccessMilliseconds } from '../../src/revocations/until-rule.ts'

test('T6.4 the longest lifetime that is reckoned with is the longest that settings and registrations allow', () => {
  expect(longestClientAccessSeconds * 1000).toBe(longestAccessMilliseconds)
  expect(settingsTable.accessSeconds.schema.safeParse(String(longestAccessMilliseconds / 1000)).success).toBe(true)
  expect(settingsTable.accessSeconds.schema.safeParse(String(longestAccessMilliseconds / 1000 + 1)).success).toBe(false)
})

test.each(revocationKinds)(
  'T6.4 no verifier forgets an entry of kind %s early because it asks to be kept too long',
  (kind) => {
    for (const longest of [undefined, 1000, longestAccessMilliseconds]) {
      const kept = entryUntil(kind, 5000, longest) - 5000
      expect(kept).toBeLessThanOrEqual(revocationEntryLimits.keptMilliseconds)
      expect(kept).toBeGreaterThanOrEqual((longest ?? longestAccessMilliseconds) + 60_000)
    }
  },
)

test('T6.4 a declared lifetime counts until tokens have expired that are issued some minutes later', () => {
  expect(accessLifetime(900_000, 1000)).toEqual({ milliseconds: 900_000, until: 1000 + 900_000 + 600_000 })
})
