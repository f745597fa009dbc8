import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { bodyReply } from './running-server/replies.ts'
import { startServer } from './running-server/started-server.ts'

const page = 4096

describe('a session that is refreshed ten thousand times', () => {
  test('does not make the SQLite file grow, and every earlier token is still told (T9.1, B18)', {
    timeout: 120_000,
  }, async () => {
    await using server = await startServer({ engine: 'sqlite' })
    const file = server.databaseFile ?? ''
    const first = await signIn(server)
    const { session_id } = first
    const kept = new Map([[0, first.refresh_token]])
    let current = first.refresh_token
    let afterFirstCheckpoint = 0
    for (let generation = 1; generation <= 10_000; generation += 1) {
      const reply = await server.pawl.fetch(refreshRequest(server.issuer, current))
      expect(reply.status).toBe(200)
      current = bodyReply.parse(await reply.json()).refresh_token
      if (generation % 1000 === 0 || generation > 9990) kept.set(generation, current)
      if (generation === 1000) afterFirstCheckpoint = sizeAfterCheckpoint(file)
    }
    const row = await server.storage.readSession(session_id)
    expect(row.session?.generation).toBe(10_000)
    expect(Math.abs(sizeAfterCheckpoint(file) - afterFirstCheckpoint)).toBeLessThanOrEqual(2 * page)
    expect(rowsOf(file)).toEqual({ sessions: 1, session_terms: 1 })

    // Eight behind is a repeat at that instant; nine behind is theft at once.
    const repeated = await tryRefresh(server, kept.get(9992) ?? '')
    expect(repeated.read(bodyReply).refresh_token).toBe(current)
    expectRefusal(await tryRefresh(server, kept.get(9991) ?? ''), 'invalid_grant', 'replay')
    expectRefusal(await tryRefresh(server, current), 'invalid_grant', 'replay')
  })

  test('any token of its past is told from garbage: theft, not unknown', async () => {
    for (const generation of [0, 1, 500, 991]) {
      await using server = await startServer({ engine: 'sqlite' })
      let current = (await signIn(server)).refresh_token
      let past = current
      for (let moved = 1; moved <= 1000; moved += 1) {
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
    await using server = await startServer({ engine: 'sqlite' })
    const file = server.databaseFile ?? ''
    const session = await signIn(server)
    const before = rowsOf(file)
    let { refresh_token } = session
    for (let moved = 0; moved < 50; moved += 1) {
      refresh_token = (await refresh(server, refresh_token)).refresh_token
      await refresh(server, refresh_token)
    }
    expect(rowsOf(file)).toEqual(before)
  })
})

function refreshRequest(issuer: string, refreshToken: string): Request {
  return new Request(`${issuer}/auth/refresh`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ refresh_token: refreshToken }),
  })
}

/** Size of the database file once everything that the log holds has been moved into it. */
function sizeAfterCheckpoint(file: string): number {
  const database = new DatabaseSync(file)
  try {
    database.exec('PRAGMA wal_checkpoint(PASSIVE)')
    return statSync(file).size
  } finally {
    database.close()
  }
}

/** How many rows the tables hold that a refresh could write to. */
function rowsOf(file: string): unknown {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    const count = (table: string) => Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'])
    return { sessions: count('sessions'), session_terms: count('session_terms') }
  } finally {
    database.close()
  }
}
