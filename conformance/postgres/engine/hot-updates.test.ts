import { addUser, aMove, moved, openSession } from '@pawl/server/storage-contract/records'
import { postgresStorage } from '@pawl/storage-postgres'
import { describe, expect, test } from 'vitest'
import { isMissing } from '../../../checks/machine-packages.ts'
import { eventually } from '../../running-server/eventually.ts'
import { startCluster } from '../cluster.ts'
import { rowsOf } from '../own-database.ts'

const count = 300
/** How many lie on a page of the table, about. */
const together = 12
const rounds = 100

describe.skipIf(isMissing('postgresql'))('what a session takes (needs the package postgresql)', () => {
  test('T9.1 T11.2 one row of at most 1,200 bytes, and a hundred refreshes write no index and no byte more', {
    timeout: 120_000,
  }, async () => {
    // While anybody looks at the database, old versions of rows keep their places. So nobody does but the one connection:
    // where the direct way leads nowhere, that one looks for changes, too.
    await using cluster = await startCluster({ autovacuum: false })
    const where = { url: cluster.url, schema: 'pawl' }
    const storage = postgresStorage({ ...where, directUrl: 'postgres://nobody@127.0.0.1:1/nothing', connections: 1 })
    await storage.open()
    const now = await storage.storeNow()
    const limits = { idleExpiresAt: now + 1e6, absoluteExpiresAt: now + 1e7, scope: ['read', 'write'] }
    const sessions = await Promise.all(
      Array.from({ length: count }, async (_, index) =>
        openSession(storage, `tab ${index}`, await addUser(storage, `user ${index}`), limits),
      ),
    )
    const bytes = async () =>
      Number((await rowsOf(where, `SELECT pg_total_relation_size('sessions') AS bytes`))[0]?.['bytes'])
    const before = await bytes()
    expect(before / count).toBeLessThanOrEqual(1200)
    for (let round = 0; round < rounds; round += 1) {
      // One of each page at a time: more do not meet in one statement but by chance.
      for (let first = 0; first < together; first += 1) {
        await Promise.all(
          sessions.map(async (session, place) => {
            if (place % together !== first) return
            const move = aMove(session, now, { idleExpiresAt: now + 1e6 })
            expect(await storage.moveSession(move)).toBe(true)
            sessions[place] = moved(session, move)
          }),
        )
      }
    }
    expect((await bytes()) - before).toBeLessThanOrEqual(count)
    expect(await rowsOf(where, 'SELECT count(*)::integer AS rows FROM sessions')).toEqual([{ rows: count }])
    expect(await rowsOf(where, 'SELECT count(*)::integer AS rows FROM session_terms')).toEqual([{ rows: 1 }])

    // A connection tells what it has counted when it ends.
    await storage.close()
    const counted = `SELECT n_tup_upd::integer AS updates, n_tup_hot_upd::integer AS hot
      FROM pg_stat_user_tables WHERE relname = 'sessions'`
    await eventually(async () => {
      expect(await rowsOf(where, counted)).toEqual([{ updates: rounds * count, hot: rounds * count }])
    })
  })
})
