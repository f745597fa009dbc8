import { writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from './running-server/eventually.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import type { BodyReply } from './running-server/replies.ts'
import { runPawl, startProcess, temporaryData } from './running-server/started-process.ts'
import { alice } from './running-server/started-server.ts'
import { copyStore } from './running-server/store-copy.ts'

const bob = { username: 'bob', password: 'marble-orchard-twelve' }
const holders = 10
const finding = z.looseObject({ check: z.string(), status: z.string(), message: z.string() })
const diagnosis = z.object({ healthy: z.boolean(), findings: z.array(finding) })

test('F8 a backup that was taken under load is put back: nobody is signed out, and who was caught since is caught again', {
  timeout: 120_000,
}, async () => {
  await using data = await temporaryData()
  const run = (...words: string[]) => runPawl(words, { PAWL_DATA: data.path })
  await runPawl(['user', 'add', bob.username, '--password-stdin'], { PAWL_DATA: data.path }, bob.password)
  await using first = await startProcess(data)
  const owner = await signIn(first)
  const leaving = await signIn(first)
  const ofBob = await signIn(first, bob)
  const held: BodyReply[] = []
  while (held.length < holders) held.push(await signIn(first))

  // Every holder refreshes all the time; in the midst of it the store is copied.
  let going = true
  const load = held.map(async (_, holder) => {
    while (going) held[holder] = await refresh(first, held[holder]?.refresh_token ?? '')
  })
  await refreshedTimes(held, 3)
  const backup = await copyStore(data)
  const atBackup = held.map((session) => session.refresh_token)

  // Since then: a thief is caught, somebody signs out, a user is disabled, somebody signs in.
  let ownersOwn = owner
  for (let moved = 0; moved < 9; moved += 1) ownersOwn = await refresh(first, ownersOwn.refresh_token)
  expectRefusal(await tryRefresh(first, owner.refresh_token), 'invalid_grant', 'replay')
  expect((await first.send('/auth/logout', { json: { refresh_token: leaving.refresh_token } })).status).toBe(204)
  expect((await run('user', 'disable', 'bob')).status).toBe(0)
  const newcomer = await signIn(first)
  await eventually(() => expect(held.every((session, index) => session.refresh_token !== atBackup[index])).toBe(true))
  going = false
  await Promise.all(load)
  await eventually(() => {
    for (const type of ['session_replayed', 'user_disabled', newcomer.session_id])
      expect(first.stderr()).toContain(type)
  })
  const journal = `${data.path}/journal`
  await writeFile(journal, (await first.stop('SIGKILL')).stderr)

  await backup.putBack()
  await using second = await startProcess(data, { PAWL_ISSUER: first.issuer })
  expect((await diagnose(run)).healthy).toBe(true)
  for (const [holder, session] of held.entries()) {
    const rolled = await refresh(second, session.refresh_token)
    expect(rolled.session_id).toBe(session.session_id)
    // The token that it made, and no other, goes on.
    held[holder] = await refresh(second, rolled.refresh_token)
  }
  await eventually(() => expect(second.stderr().match(/"msg":"session_rolled_forward"/g)).toHaveLength(holders))
  expect(second.stderr().match(/has lost writes/g)).toHaveLength(1)
  const found = await diagnose(run)
  expect(found.healthy).toBe(false)
  const told = found.findings.find(({ status }) => status === 'problem')?.message ?? ''
  const command = /Run: pawl (restore --lost-since \S+) --journal LOG/.exec(told)?.[1]?.split(' ') ?? []
  expect(Date.parse(command[2] ?? '')).toBeLessThanOrEqual(backup.takenAt)

  // The backup has raised the dead; the journal of the log lays them down again.
  const choice = [...command, '--journal', journal, '--keep-sessions', '--json']
  const done = { clients_removed: 0, keys_killed: 0 }
  const restored = await run(...choice)
  expect(JSON.parse(restored.stdout || restored.stderr)).toMatchObject({
    reapplied: { ...done, sessions_ended: 3, users_disabled: 1 },
    other_sessions: { choice: 'keep', count: holders },
  })
  for (const token of [owner.refresh_token, ownersOwn.refresh_token]) {
    expectRefusal(await tryRefresh(second, token), 'invalid_grant', 'replay')
  }
  expectRefusal(await tryRefresh(second, leaving.refresh_token), 'invalid_grant', 'logout')
  expectRefusal(await tryRefresh(second, ofBob.refresh_token), 'invalid_grant', 'user_disabled')
  expectRefusal(await second.send('/auth/login', { json: bob }), 'invalid_credentials')
  // A session that the backup does not know is gone, and nothing can bring it back.
  expectRefusal(await tryRefresh(second, newcomer.refresh_token), 'invalid_grant', 'unknown_token')
  expect((await diagnose(run)).healthy).toBe(true)
  expect(JSON.parse((await run(...choice)).stdout)).toMatchObject({
    reapplied: { ...done, sessions_ended: 0, users_disabled: 0 },
  })
  for (const session of held) await refresh(second, session.refresh_token)
})

test('F8 what happened in the last second before a stop is in the log, too', async () => {
  await using data = await temporaryData()
  await using server = await startProcess(data)
  const session = await signIn(server)
  await server.send('/auth/logout', { json: { refresh_token: session.refresh_token } })
  const { stderr } = await server.stop()
  expect(stderr).toMatch(new RegExp(`"type":"session_ended".*"sessionId":"${session.session_id}"`))
})

test('F8 without a journal the choice is to end every session, and it reaches everyone at once', async () => {
  await using data = await temporaryData()
  await using server = await startProcess(data)
  const session = await signIn(server)
  const since = new Date(Date.now() - 1000).toISOString()
  const environment = { PAWL_DATA: data.path }
  const undecided = await runPawl(['restore', '--lost-since', since], environment)
  expect({ status: undecided.status, stdout: undecided.stdout }).toEqual({ status: 2, stdout: '' })
  expect(undecided.stderr).toMatch(/--keep-sessions or --end-sessions/)
  const kept = await runPawl(['restore', '--lost-since', since, '--keep-sessions'], environment)
  expect(kept.stdout).toMatch(/^no journal was given[\s\S]*kept 1 other sessions.*is signed in again/)
  const { refresh_token } = await refresh(server, session.refresh_token)
  const ended = await runPawl(['restore', '--lost-since', since, '--end-sessions'], environment)
  expect(ended.stdout).toMatch(/ended 1 other sessions/)
  expectRefusal(await tryRefresh(server, refresh_token), 'invalid_grant', 'restored')
  expect((await signIn(server, alice)).session_id).not.toBe(session.session_id)
})

/** Resolves once every holder has been answered so many times more. */
async function refreshedTimes(held: readonly BodyReply[], times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const before = held.map((session) => session.refresh_token)
    await eventually(() => expect(held.every((session, index) => session.refresh_token !== before[index])).toBe(true))
  }
}

async function diagnose(run: (...words: string[]) => ReturnType<typeof runPawl>): Promise<z.infer<typeof diagnosis>> {
  return diagnosis.parse(JSON.parse((await run('doctor', '--json')).stdout))
}
