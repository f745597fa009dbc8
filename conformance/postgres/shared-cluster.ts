import { isMissing } from '../../checks/machine-packages.ts'
import { startCluster } from './cluster.ts'

const variable = 'PAWL_TEST_POSTGRES_URL'

/**
 * Vitest calls this before the first test of a project that names it, and what it returns after the last test of all. The
 * first project starts the one PostgreSQL of the run; where the variable is set beforehand, that one is used.
 */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env[variable] !== undefined || isMissing('postgresql')) return undefined
  const cluster = await startCluster()
  process.env[variable] = cluster.url
  return async () => {
    delete process.env[variable]
    await cluster[Symbol.asyncDispose]()
  }
}
