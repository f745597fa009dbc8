import { createHash } from 'node:crypto'
import { copyFile, open, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { expectRefusal } from '../running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from '../running-server/first-party-calls.ts'
import { findFreePort } from '../running-server/free-port.ts'
import { runPawl, startProcess, type TemporaryData, temporaryData } from '../running-server/started-process.ts'

const pageBytes = 4096

/** What may befall a file, and leaves it unusable. A start reads no session, so damage among them shows in use only. */
const damages: readonly (readonly [string, (file: string) => Promise<void>])[] = [
  ['that is another file altogether', (file) => writeFile(file, 'to whom it may concern '.repeat(2000))],
  ['whose first page is gone', (file) => overwritePage(file, 1)],
  ['whose pages are gone but the first', async (file) => truncate(file, pageBytes)],
  ['that lacks its second half', async (file) => truncate(file, (await readFile(file)).length / 2)],
  ['whose keys are garbage', async (file) => overwritePage(file, rootPage(file, 'signing_keys'))],
]

describe('a database', () => {
  test('that is damaged keeps the server from starting: it names the file and the way out, a backup, and changes nothing', {
    timeout: 120_000,
  }, async () => {
    await using data = await temporaryData()
    await using first = await startProcess(data)
    const session = await signIn(first)
    await first.stop()
    const backup = await backedUp(data)
    const environment = { PAWL_DATA: data.path, PORT: String(await findFreePort()) }
    for (const [name, damage] of damages) {
      await damage(data.databaseFile)
      const damaged = await digest(data.databaseFile)
      const [refused, doctor] = await Promise.all(['start', 'doctor'].map((word) => runPawl([word], environment)))
      if (refused === undefined) throw new Error('it was run')
      expect({ status: refused.status, stdout: refused.stdout }, name).toEqual({ status: 1, stdout: '' })
      const told = `the database ${data.databaseFile} is damaged`
      expect(refused.stderr, name).toContain(told)
      expect(refused.stderr, name).toMatch(/^pawl: .*: stop whatever uses it and put a backup in its place/m)
      expect(doctor, name).toMatchObject({ status: 1, stdout: expect.stringMatching(/^PROBLEM store .*backup/m) })
      expect(await digest(data.databaseFile), name).toBe(damaged)
      await putBack(backup, data)
    }
    await using second = await startProcess(data, { PAWL_ISSUER: first.issuer })
    expect((await refresh(second, session.refresh_token)).session_id).toBe(session.session_id)
  })

  test('with damage that shows only in use is 503 to whoever meets it, and doctor finds it', async () => {
    await using data = await temporaryData()
    await using first = await startProcess(data)
    const session = await signIn(first)
    await first.stop()
    const backup = await backedUp(data)
    await overwritePage(data.databaseFile, rootPage(data.databaseFile, 'sqlite_autoindex_sessions_1'))

    await using second = await startProcess(data, { PAWL_ISSUER: first.issuer })
    for (const reply of [
      await tryRefresh(second, session.refresh_token),
      await second.send('/auth/session', { bearer: session.access_token }),
      await second.send('/auth/logout', { json: { refresh_token: session.refresh_token } }),
    ]) {
      expectRefusal(reply, 'temporarily_unavailable', 'storage_unavailable')
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect(second.stderr()).toContain(`the database ${data.databaseFile} is damaged`)
    const doctor = await runPawl(['doctor'], { PAWL_DATA: data.path })
    expect(doctor).toMatchObject({ status: 1, stdout: expect.stringMatching(/^PROBLEM store .*backup/m) })
    await second.stop('SIGKILL')

    await putBack(backup, data)
    await using third = await startProcess(data, { PAWL_ISSUER: first.issuer })
    expect((await refresh(third, session.refresh_token)).session_id).toBe(session.session_id)
  })
})

async function backedUp(data: TemporaryData): Promise<string> {
  const backup = `${data.path}/backup`
  await copyFile(data.databaseFile, backup)
  return backup
}

async function overwritePage(file: string, page: number): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    await handle.write(new Uint8Array(pageBytes).fill(0x5a), 0, pageBytes, (page - 1) * pageBytes)
  } finally {
    await handle.close()
  }
}

/** The page that a table or an index begins with. */
function rootPage(file: string, name: string): number {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return Number(database.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(name)?.['rootpage'])
  } finally {
    database.close()
  }
}

async function putBack(backup: string, { databaseFile }: TemporaryData): Promise<void> {
  for (const part of ['-wal', '-shm']) await rm(databaseFile + part, { force: true })
  await copyFile(backup, databaseFile)
}

async function digest(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
}
