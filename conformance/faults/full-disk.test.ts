import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { expectRefusal } from '../running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from '../running-server/first-party-calls.ts'
import type { BodyReply } from '../running-server/replies.ts'
import { mayMount, smallDisk } from '../running-server/small-disk.ts'
import { runPawl, type StartedProcess, startProcess, temporaryData } from '../running-server/started-process.ts'
import { alice } from '../running-server/started-server.ts'

const attemptId = 'd'.repeat(22)

test.skipIf(!mayMount)(
  'T10.3 a full disk is 503 with Retry-After to whoever writes, nothing is half-written, and all goes on once there is room (needs root to mount a file system)',
  { timeout: 120_000 },
  async () => {
    using disk = smallDisk(2)
    await using data = await temporaryData(disk.path)
    await using server = await startProcess(data)
    await endure(server, data.databaseFile, { take: disk.fill, giveBack: disk.makeRoom })
  },
)

test.skipIf(!hasPrlimit())(
  'T10.3 a file that may grow no further is 503 with Retry-After, too, and all goes on once it may (needs prlimit)',
  { timeout: 120_000 },
  async () => {
    await using data = await temporaryData()
    await using server = await startProcess(data)
    const log = `${data.databaseFile}-wal`
    await endure(server, data.databaseFile, {
      take: () => limitFiles(server.pid, String(statSync(log).size)),
      giveBack: () => limitFiles(server.pid, 'unlimited'),
    })
  },
)

/** Takes the room away from a server with sessions, looks at what it does, and gives the room back. */
async function endure(
  server: StartedProcess,
  databaseFile: string,
  room: { readonly take: () => void; readonly giveBack: () => void },
): Promise<void> {
  const sessions: BodyReply[] = []
  while (sessions.length < 6) sessions.push(await signIn(server))
  const [first] = sessions
  if (first === undefined) throw new Error('there are sessions')
  room.take()
  await untilRefused(server, sessions)
  const before = everything(databaseFile)
  const refusals = [
    ...(await Promise.all(sessions.map(({ refresh_token }) => tryRefresh(server, refresh_token)))),
    await tryRefresh(server, first.refresh_token, { attempt_id: attemptId }),
    await server.send('/auth/login', { json: { ...alice, delivery: 'body' } }),
    await server.send('/auth/logout', { json: { refresh_token: first.refresh_token } }),
    await server.send('/oauth/revoke', { form: { client_id: 'first-party', token: first.refresh_token } }),
    await server.send('/auth/logout-everywhere', { method: 'POST', bearer: first.access_token }),
  ]
  for (const reply of refusals) {
    expectRefusal(reply, 'temporarily_unavailable', 'storage_unavailable')
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(reply.setCookies).toEqual([])
  }
  expect(everything(databaseFile)).toEqual(before)
  // Whoever only reads notices nothing.
  expect(await sessionStatus(server, first.access_token)).toBe(200)
  for (const path of ['/oauth/jwks', '/health/ready', '/metrics']) expect((await server.send(path)).status).toBe(200)
  // The log says what is wrong.
  expect(server.stderr()).toMatch(/database or disk is full|disk I\/O error/)

  room.giveBack()
  for (const session of sessions) {
    const next = await refresh(server, session.refresh_token)
    expect(next.session_id).toBe(session.session_id)
    await refresh(server, next.refresh_token)
  }
  await signIn(server)
  const environment = { PAWL_DATA: databaseFile.slice(0, -'/pawl.db'.length) }
  expect(await runPawl(['doctor'], environment)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/integrity checked/),
  })
  expect(server.stderr()).not.toMatch(/session_(replayed|superseded_use|rolled_forward|ended)/)
}

/** Uses up what room there is left in the log: the answers are good or 503, nothing else. */
async function untilRefused(server: StartedProcess, sessions: BodyReply[]): Promise<void> {
  for (let attempt = 0; attempt < 2000; attempt += 1) {
    const index = attempt % sessions.length
    const session = sessions[index]
    if (session === undefined) continue
    const reply = await tryRefresh(server, session.refresh_token)
    if (reply.status === 503) return
    sessions[index] = await refreshReply(reply, session)
  }
  throw new Error('the room never ran out')
}

async function refreshReply(reply: Awaited<ReturnType<typeof tryRefresh>>, session: BodyReply): Promise<BodyReply> {
  expect(reply.status, reply.text).toBe(200)
  const next = { ...session, ...JSON.parse(reply.text) }
  expect(next.session_id).toBe(session.session_id)
  return next
}

/** All that the file holds, but the outbox and counts, which empty themselves. */
function everything(databaseFile: string): unknown {
  const database = new DatabaseSync(databaseFile, { readOnly: true })
  try {
    const tables = ['users', 'clients', 'session_terms', 'sessions', 'key_ring', 'signing_keys', 'refresh_keys']
    return tables.map((table) => database.prepare(`SELECT * FROM ${table} ORDER BY 1`).all())
  } finally {
    database.close()
  }
}

function hasPrlimit(): boolean {
  return spawnSync('prlimit', ['--version']).status === 0
}

/** Sets how long a file of a process may get, in bytes. What is written beyond fails, as on a full disk. */
function limitFiles(pid: number, bytes: string): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}
