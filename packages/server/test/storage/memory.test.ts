import { manualClock } from '../../src/storage/contract/fixture.ts'
import { storageContract } from '../../src/storage/contract/storage-contract.ts'
import { memoryStorage } from '../../src/storage/memory/memory-storage.ts'

storageContract('memory', async () => {
  const clock = manualClock()
  return { storage: memoryStorage({ clock: clock.now }), clock }
})
