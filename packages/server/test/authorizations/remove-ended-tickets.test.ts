import { expect, test } from 'vitest'
import { removeEndedTickets } from '../../src/authorizations/remove-ended-tickets.ts'
import { aTicket } from '../../src/storage/contract/records.ts'
import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'

test('T9.4 tickets go an hour after their time, in batches, as long as there is time for it', async () => {
  let now = 1_000_000
  const storage = memoryStorage({ clock: () => now })
  for (let number = 0; number < 1200; number += 1) await storage.addTicket(aTicket(`ticket ${number}`, now), 10_000)
  const goOn = async () => true
  now += 100 + 3_600_000 - 1
  expect(await removeEndedTickets(storage, goOn)).toBe(0)
  now += 1
  expect(await removeEndedTickets(storage, async () => false)).toBe(500)
  expect(await removeEndedTickets(storage, goOn)).toBe(700)
})
