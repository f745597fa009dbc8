import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Heart } from './heart.ts'
import { type SimulatedEngine, simulatedUser, storeOnEngine } from './simulated-store.ts'

/** Makes a SQLite file, in a folder of its own. */
export async function sqliteForSimulation(heart: Heart): Promise<SimulatedEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-simulation-'))
  let now = () => 0
  const storage = heart.sqlite.sqliteStorage({ file: join(folder, 'pawl.db'), clock: () => now() })
  await storage.open()
  await storage.addUser(simulatedUser, simulatedUser.username, { type: 'user_added', at: 0, actor: 'admin' })
  return {
    name: 'sqlite',
    openStore: (clock) => {
      now = clock
      return storeOnEngine(storage)
    },
    close: async () => {
      await storage.close()
      rmSync(folder, { recursive: true })
    },
  }
}
