import { createPawl, sqliteStorage } from '@pawl/server'
import { postgresStorage } from '../src/postgres-storage.ts'
import { tellingOf } from './move-points.ts'

/** A move that kills its own process when it gets to a point; see move-points.ts. */
const [file = '', url = '', schema = '', point] = process.argv.slice(2)
const { administration } = createPawl({ storage: sqliteStorage({ file }), issuer: 'http://localhost' })
const dying = tellingOf(async (reached) => {
  if (reached === point) process.kill(process.pid, 'SIGKILL')
}, postgresStorage({ url, schema }))
await administration.move({ to: dying, destination: schema })
