import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isMissing } from '../checks/machine-packages.ts'
import { ownDatabase } from './postgres/own-database.ts'
import { eventually } from './running-server/eventually.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { type BodyReply, bodyReply, errorReply } from './running-server/replies.ts'
import {
  type ProcessEnd,
  runPawl,
  type StartedProcess,
  startProcess,
  temporaryData,
} from './running-server/started-process.ts'

/** Without a race window nothing but its attempt id lets a client ask again. */
const settings = { PAWL_RACE_WINDOW_SECONDS: '0' }
const holders = 8
const counted = z.object({
  outcome: z.string(),
  carried: z.object({ sessions: z.int(), failures: z.int() }).optional(),
})

describe.skipIf(isMissing('postgresql'))('pawl move from SQLite to PostgreSQL', () => {
  test('F8 T34.2 under load: SQLite answers 200 or 503 and from the move on nothing; on PostgreSQL everyone goes on, and a thief is still one', async () => {
    await using data = await temporaryData()
    await using database = await ownDatabase()
    await using first = await startProcess(data, settings)
    fillUp(data.databaseFile, 20_000)
    const move = movingTo(data.path, database.url)
    const owner = await signIn(first)
    let owners = owner
    for (let moved = 0; moved < 9; moved += 1) owners = await refresh(first, owners.refresh_token)
    const lost = await signIn(first)
    const attempt = { attempt_id: randomBytes(16).toString('base64url') }
    const unheard = await refresh(first, lost.refresh_token, attempt)
    const leaving = await signIn(first)
    expect((await first.send('/auth/logout', { json: { refresh_token: leaving.refresh_token } })).status).toBe(204)
    const held = await Promise.all(Array.from({ length: holders }, async () => createHolder(await signIn(first))))
    const stop = new AbortController()
    const working = held.map((holder) => refreshUntil(stop.signal, first, holder))
    await answeredTimes(held, 3)

    const moved = await move()
    expect(moved).toMatchObject({ status: 0, stderr: '' })
    const { outcome, carried } = counted.parse(JSON.parse(moved.stdout))
    expect({ outcome, carried }).toMatchObject({
      outcome: 'moved',
      carried: { sessions: 3 + holders, failures: 20_000 },
    })
    const atMove = held.map(({ refusals }) => refusals)
    await eventually(() => expect(held.every(({ refusals }, index) => refusals > (atMove[index] ?? 0))).toBe(true))
    stop.abort()
    await Promise.all(working)

    await expectNothingFrom(first, held[0]?.token ?? '')
    const again = await runPawl(['start'], { ...settings, PAWL_DATA: data.path, PORT: String(first.port + 1) })
    expect({ status: again.status, stdout: again.stdout }).toEqual({ status: 1, stdout: '' })
    expect(again.stderr).toMatch(/moved to another store.*PAWL_DATABASE_URL.*pawl move --undo/)
    expect(again.stderr + moved.stdout).not.toContain(passwordOf(database.url))

    const onPostgres = { ...settings, PAWL_DATABASE_URL: database.url, PAWL_ISSUER: first.issuer }
    await using second = await startProcess(data, onPostgres)
    for (const holder of held) {
      const { session_id, refresh_token } = await refresh(second, holder.token, { attempt_id: holder.attempt })
      expect(session_id).toBe(holder.sessionId)
      expect((await refresh(second, refresh_token)).session_id).toBe(holder.sessionId)
    }
    // The reply to this one never came, so it asks once more.
    expect((await refresh(second, lost.refresh_token, attempt)).refresh_token).toBe(unheard.refresh_token)
    expectRefusal(await tryRefresh(second, leaving.refresh_token), 'invalid_grant', 'logout')
    expectRefusal(await tryRefresh(second, owner.refresh_token), 'invalid_grant', 'replay')
    expectRefusal(await tryRefresh(second, owners.refresh_token), 'invalid_grant', 'replay')
    await expectNothingFrom(first, held[0]?.token ?? '')
    await second.stop()
    expect(second.stderr()).not.toMatch(/session_(rolled_forward|superseded_use)/)
  })

  test('killed again and again, it ends: at no time do both serve, and nobody is signed out', {
    timeout: 120_000,
  }, async () => {
    await using data = await temporaryData()
    await using database = await ownDatabase()
    await using first = await startProcess(data, settings)
    fillUp(data.databaseFile, 30_000)
    const move = movingTo(data.path, database.url)
    const held = await Promise.all(Array.from({ length: holders }, async () => createHolder(await signIn(first))))
    const onPostgres = { ...settings, PAWL_DATABASE_URL: database.url, PAWL_ISSUER: first.issuer }
    let inUse = true
    // From where it has hardly begun to where a whole one takes about as long.
    for (let killAfter = 500; inUse && killAfter <= 2500; killAfter += 500) {
      await move(killAfter)
      for (const holder of held) {
        const reply = await refreshOnce(first, holder)
        inUse &&= reply.status === 200
        if (reply.status !== 200) expectUnavailable(reply)
      }
      const listed = await runPawl(['user', 'list'], { PAWL_DATA: data.path, PAWL_DATABASE_URL: database.url })
      if (inUse) expect(listed.status === 0 ? listed.stdout : 'no users').toContain('no users')
    }
    const ended = await move()
    expect(ended).toMatchObject({ status: 0, stderr: '' })
    await expectNothingFrom(first, held[0]?.token ?? '')
    await using second = await startProcess(data, onPostgres)
    for (const holder of held) expect((await refreshOnce(second, holder)).status).toBe(200)
  })

  test('undone, SQLite goes on from where it was, and what ended on PostgreSQL ends here by its log', async () => {
    await using data = await temporaryData()
    await using database = await ownDatabase()
    await using first = await startProcess(data, settings)
    const [staying, leaving] = [await signIn(first), await signIn(first)]
    const move = movingTo(data.path, database.url)
    expect((await move()).status).toBe(0)
    const onPostgres = { ...settings, PAWL_DATABASE_URL: database.url, PAWL_ISSUER: first.issuer }
    await using second = await startProcess(data, onPostgres)
    const ahead = await refresh(second, staying.refresh_token)
    expect((await second.send('/auth/logout', { json: { refresh_token: leaving.refresh_token } })).status).toBe(204)
    const { stderr: journal } = await second.stop()

    const undone = await runPawl(['move', '--undo', '--json'], { PAWL_DATA: data.path })
    const { lost_since } = z.looseObject({ lost_since: z.iso.datetime() }).parse(JSON.parse(undone.stdout))
    const words = ['restore', '--lost-since', lost_since, '--journal', '-', '--keep-sessions', '--json']
    const restored = await runPawl(words, { PAWL_DATA: data.path }, journal)
    expect(JSON.parse(restored.stdout)).toMatchObject({ reapplied: { sessions_ended: 1 } })
    expectRefusal(await tryRefresh(first, leaving.refresh_token), 'invalid_grant', 'logout')
    expect((await refresh(first, ahead.refresh_token)).session_id).toBe(staying.session_id)
    expect((await move()).stderr).toContain('DROP SCHEMA pawl CASCADE')
  })
})

/** One client with one store: its newest token, and the attempt id that it has put beside it. */
interface Holder {
  readonly sessionId: string
  token: string
  attempt: string
  answers: number
  refusals: number
}

function createHolder({ session_id, refresh_token }: BodyReply): Holder {
  return { sessionId: session_id, token: refresh_token, attempt: newAttempt(), answers: 0, refusals: 0 }
}

function newAttempt(): string {
  return randomBytes(16).toString('base64url')
}

async function refreshOnce(server: StartedProcess, holder: Holder): Promise<Reply> {
  const reply = await tryRefresh(server, holder.token, { attempt_id: holder.attempt })
  if (reply.status !== 200) holder.refusals += 1
  else {
    holder.token = reply.read(bodyReply).refresh_token
    holder.attempt = newAttempt()
    holder.answers += 1
  }
  return reply
}

async function refreshUntil(signal: AbortSignal, server: StartedProcess, holder: Holder): Promise<void> {
  while (!signal.aborted) {
    const reply = await refreshOnce(server, holder)
    if (reply.status !== 200) expectUnavailable(reply)
  }
}

async function answeredTimes(held: readonly Holder[], times: number): Promise<void> {
  await eventually(() => expect(held.every(({ answers }) => answers >= times)).toBe(true))
}

/** Not a word about the token: try again later. */
function expectUnavailable(reply: Reply): void {
  expect({ status: reply.status, error: reply.read(errorReply).error }, reply.text).toEqual({
    status: 503,
    error: 'temporarily_unavailable',
  })
  expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(reply.setCookies).toEqual([])
}

/** A store that was left says nothing of anybody, neither yes nor no. */
async function expectNothingFrom(server: StartedProcess, token: string): Promise<void> {
  expectUnavailable(await tryRefresh(server, token))
  expectUnavailable(
    await server.send('/auth/login', { json: { username: 'alice', password: 'not that one, but long' } }),
  )
  expectUnavailable(await server.send('/auth/logout', { json: { refresh_token: token } }))
  expectUnavailable(await server.send('/health/ready'))
}

/** Runs `pawl move` on the data, with the URL on standard input. */
function movingTo(path: string, url: string): (killAfter?: number) => Promise<ProcessEnd> {
  return (killAfter) => runPawl(['move', '--to-stdin', '--json'], { PAWL_DATA: path }, `${url}\n`, killAfter)
}

function passwordOf(url: string): string {
  const { password } = new URL(url)
  return password === '' ? 'there is none' : password
}

/** Gives a move something to carry. */
function fillUp(databaseFile: string, rows: number): void {
  const database = new DatabaseSync(databaseFile, { timeout: 5000 })
  try {
    database
      .prepare(
        `WITH RECURSIVE rows (row) AS (SELECT 1 UNION ALL SELECT row + 1 FROM rows WHERE row < ?)
         INSERT INTO failures (key, count, ends_at) SELECT row || hex(zeroblob(50)), 1, 9007199254740991 FROM rows`,
      )
      .run(rows)
  } finally {
    database.close()
  }
}
