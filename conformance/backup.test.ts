import { copyFile, rm, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from './running-server/eventually.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import type { BodyReply } from './running-server/replies.ts'
import { runPawl, startProcess, temporaryData } from './running-server/started-process.ts'

const bob = { username: 'bob', password: 'marble-orchard-twelve' }
const holders = 8
const written = z.strictObject({ file: z.string(), bytes: z.int(), lost_since: z.iso.datetime() })

test('F8 pawl backup of a store that is written to all the time, put back with the command it gave: nobody is signed out, what ended since stays ended', async () => {
  await using data = await temporaryData()
  const environment = { PAWL_DATA: data.path }
  await runPawl(['user', 'add', bob.username, '--password-stdin'], environment, bob.password)
  await using first = await startProcess(data)
  makeRoomFor(20_000_000, data.databaseFile)
  const leaving = await signIn(first)
  const ofBob = await signIn(first, bob)
  const leftBefore = await signIn(first)
  expect((await first.send('/auth/logout', { json: { refresh_token: leftBefore.refresh_token } })).status).toBe(204)
  const held: BodyReply[] = []
  while (held.length < holders) held.push(await signIn(first))
  let going = true
  const load = held.map(async (_, holder) => {
    while (going) held[holder] = await refresh(first, held[holder]?.refresh_token ?? '')
  })

  const backup = await runPawl(['backup', `${data.path}/copy`, '--json'], environment)
  expect(backup).toMatchObject({ status: 0, stderr: '' })
  const { bytes, lost_since } = written.parse(JSON.parse(backup.stdout))
  expect(bytes).toBeGreaterThan(20_000_000)
  const atBackup = held.map((session) => session.refresh_token)

  expect((await first.send('/auth/logout', { json: { refresh_token: leaving.refresh_token } })).status).toBe(204)
  expect((await runPawl(['user', 'disable', bob.username], environment)).status).toBe(0)
  await eventually(() => expect(held.every((session, index) => session.refresh_token !== atBackup[index])).toBe(true))
  going = false
  await Promise.all(load)
  for (const id of [leaving.session_id, ofBob.session_id])
    await eventually(() => expect(first.stderr()).toMatch(new RegExp(`"type":"(session_ended|user_disabled)".*${id}`)))
  const journal = `${data.path}/journal`
  await writeFile(journal, (await first.stop('SIGKILL')).stderr)

  for (const side of ['-wal', '-shm']) await rm(data.databaseFile + side, { force: true })
  await copyFile(`${data.path}/copy`, data.databaseFile)
  const words = ['restore', '--lost-since', lost_since, '--journal', journal, '--keep-sessions', '--json']
  expect(JSON.parse((await runPawl(words, environment)).stdout)).toMatchObject({
    reapplied: { sessions_ended: 2, users_disabled: 1 },
    users_gone: [],
    other_sessions: { choice: 'keep', count: holders },
  })
  await using second = await startProcess(data, { PAWL_ISSUER: first.issuer })
  for (const session of held) {
    const rolled = await refresh(second, session.refresh_token)
    expect(rolled.session_id).toBe(session.session_id)
    await refresh(second, rolled.refresh_token)
  }
  expectRefusal(await tryRefresh(second, leaving.refresh_token), 'invalid_grant', 'logout')
  expectRefusal(await tryRefresh(second, leftBefore.refresh_token), 'invalid_grant', 'logout')
  expectRefusal(await tryRefresh(second, ofBob.refresh_token), 'invalid_grant', 'user_disabled')
})

/** Makes the file large enough for a copy of it to take many steps, with writes in between. */
function makeRoomFor(bytes: number, databaseFile: string): void {
  const database = new DatabaseSync(databaseFile, { timeout: 5000 })
  try {
    database
      .prepare(
        `WITH RECURSIVE rows (row) AS (SELECT 1 UNION ALL SELECT row + 1 FROM rows WHERE row < ?)
         INSERT INTO failures (key, count, ends_at) SELECT row || hex(zeroblob(500)), 1, 9007199254740991 FROM rows`,
      )
      .run(Math.ceil(bytes / 1000))
  } finally {
    database.close()
  }
}
