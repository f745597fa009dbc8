import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { ownDatabase, rowsOf } from './postgres/own-database.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import type { StorePlace } from './running-server/own-store.ts'
import { bodyReply } from './running-server/replies.ts'
import { lastingEngine, startServer } from './running-server/started-server.ts'
import { storedRows } from './running-server/stored-state.ts'

/**
 * PostgreSQL clears the versions of a row away as it goes, unless some statement still looks at an earlier state: then a
 * few more of them stay. Nine thousand that stayed would take more than five megabytes.
 */
const fewPages = lastingEngine === 'sqlite' ? 2 * 4096 : 32 * 8192

describe('a session that is refreshed ten thousand times', () => {
  test('does not make the database grow, and every earlier token is still told (T9.1, B18)', {
    timeout: 240_000,
  }, async () => {
    // PostgreSQL tidies up after the refreshes what no other transaction of the database may still have to see.
    await using database = lastingEngine === 'postgres' ? await ownDatabase() : undefined
    await using server = await startServer({ engine: lastingEngine, databaseUrl: database?.url })
    const first = await signIn(server)
    const { session_id } = first
    const kept = new Map([[0, first.refresh_token]])
    let current = first.refresh_token
    let sizeAtFirst = 0
    for (let generation = 1; generation <= 10_000; generation += 1) {
      const reply = await server.pawl.fetch(refreshRequest(server.issuer, current))
      expect(reply.status).toBe(200)
      current = bodyReply.parse(await reply.json()).refresh_token
      if (generation % 1000 === 0 || generation > 9990) kept.set(generation, current)
      if (generation === 1000) sizeAtFirst = await sizeOf(server.store)
    }
    const row = await server.storage.readSession(session_id)
    expect(row.session?.generation).toBe(10_000)
    expect(Math.abs((await sizeOf(server.store)) - sizeAtFirst)).toBeLessThanOrEqual(fewPages)
    expect(await countRows(server.store)).toEqual({ sessions: 1, session_terms: 1 })

    // Eight behind is a repeat at that instant; nine behind is theft at once.
    const repeated = await tryRefresh(server, kept.get(9992) ?? '')
    expect(repeated.read(bodyReply).refresh_token).toBe(current)
    expectRefusal(await tryRefresh(server, kept.get(9991) ?? ''), 'invalid_grant', 'replay')
    expectRefusal(await tryRefresh(server, current), 'invalid_grant', 'replay')
  })

  test('any token of its past is told from garbage: theft, not unknown', async () => {
    for (const generation of [0, 1, 291]) {
      await using server = await startServer({ engine: lastingEngine })
      let current = (await signIn(server)).refresh_token
      let past = current
      for (let moved = 1; moved <= 300; moved += 1) {
        const reply = await server.pawl.fetch(refreshRequest(server.issuer, current))
        current = bodyReply.parse(await reply.json()).refresh_token
        if (moved === generation) past = current
      }
      expectRefusal(await tryRefresh(server, past), 'invalid_grant', 'replay')
    }
  })
})

describe('refreshing and repeating', () => {
  test('writes no further row (T9.1)', async () => {
    await using server = await startServer({ engine: lastingEngine })
    const session = await signIn(server)
    const before = await countRows(server.store)
    let { refresh_token } = session
    for (let moved = 0; moved < 50; moved += 1) {
      refresh_token = (await refresh(server, refresh_token)).refresh_token
      await refresh(server, refresh_token)
    }
    expect(await countRows(server.store)).toEqual(before)
  })
})

function refreshRequest(issuer: string, refreshToken: string): Request {
  return new Request(`${issuer}/auth/refresh`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ refresh_token: refreshToken }),
  })
}

/** Size in bytes of everything that the engine keeps, without what it has room for later. */
async function sizeOf({ databaseFile, database }: StorePlace): Promise<number> {
  if (database !== undefined) {
    const sizes =
      'SELECT sum(pg_relation_size(oid)) AS bytes FROM pg_class WHERE relnamespace = current_schema()::regnamespace'
    return Number((await rowsOf(database, sizes))[0]?.['bytes'])
  }
  const file = databaseFile ?? ''
  const connection = new DatabaseSync(file)
  try {
    // Moves into the file what the log holds.
    connection.exec('PRAGMA wal_checkpoint(PASSIVE)')
    return statSync(file).size
  } finally {
    connection.close()
  }
}

/** How many rows the tables hold that a refresh could write to. */
async function countRows(store: StorePlace): Promise<unknown> {
  const counts = ['sessions', 'session_terms'].map((table) => `(SELECT count(*) FROM ${table}) AS ${table}`)
  const [row = {}] = await storedRows(store, `SELECT ${counts.join(', ')}`)
  return Object.fromEntries(Object.entries(row).map(([table, count]) => [table, Number(count)]))
}
