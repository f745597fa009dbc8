import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ClientProcess, startClientProcess } from './running-server/client-process.ts'
import { type PageServer, startPageServer } from './running-server/page-server.ts'
import { alice } from './running-server/started-server.ts'

describe('processes that share a file of tokens', () => {
  let server: PageServer
  let folder: string
  let file: string
  const started: ClientProcess[] = []

  beforeEach(async () => {
    server = await startPageServer()
    folder = await mkdtemp(join(tmpdir(), 'pawl-client-'))
    file = join(folder, 'own', 'tokens.json')
  })

  afterEach(async () => {
    await Promise.all(started.splice(0).map((each) => each[Symbol.asyncDispose]()))
    await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  function start(): ClientProcess {
    const each = startClientProcess(server.issuer, file)
    started.push(each)
    return each
  }

  async function signedIn(): Promise<ClientProcess> {
    const first = start()
    expect(await first.ask('signIn', alice)).toMatchObject({ ok: true, session: { generation: 0 } })
    server.asked.length = 0
    return first
  }

  const refreshes = () => server.asked.filter((line) => line === 'POST /auth/refresh').length

  test('T3.1: ten processes find the access token expired at once, and one refresh reaches the server', async () => {
    const processes = [await signedIn(), ...Array.from({ length: 9 }, start)]
    for (const each of processes) expect(await each.ask('call')).toBe(200)
    server.clock.advanceSeconds(1000)
    expect(await Promise.all(processes.map((each) => each.ask('call')))).toEqual(processes.map(() => 200))
    expect(refreshes()).toBe(1)
    const sessions = await Promise.all(processes.map((each) => each.ask('session')))
    expect(sessions).toMatchObject(processes.map(() => ({ status: 'active', generation: 1 })))
  })

  test('T3.3: a process dies between the reply and the file; the next start recovers, long after', async () => {
    const dying = await signedIn()
    const before = await readFile(file, 'utf8')
    expect(await dying.ask('refreshAndDie')).toBeUndefined()
    await dying.ended
    expect(await readFile(file, 'utf8')).toBe(before)
    server.clock.advanceSeconds(3600)
    expect(await start().ask('refresh')).toMatchObject({ status: 'active', generation: 1 })
    expect(await start().ask('refresh')).toMatchObject({ status: 'active', generation: 2 })
  })

  test('T7.1: a process that stands still with the lock in its hands stops no other', async () => {
    const [holder, other] = [await signedIn(), start()]
    expect(await other.ask('call')).toBe(200)
    server.refreshFate = 'held'
    void holder.ask('refresh')
    await expect.poll(refreshes).toBe(1)
    holder.signal('SIGSTOP')
    server.refreshFate = 'answered'
    expect(await other.ask('refresh')).toMatchObject({ status: 'active', generation: 1 })
    expect(refreshes()).toBe(2)
  })

  test('T35.1: the file is its owner’s alone, and after the sign-out nothing is left', async () => {
    const first = await signedIn()
    const other = start()
    await other.ask('refresh')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder, 'own'))).mode & 0o777).toBe(0o700)
    for (const name of await readdir(join(folder, 'own')))
      expect((await stat(join(folder, 'own', name))).mode & 0o077).toBe(0)
    expect(await first.ask('signOut')).toEqual({ ok: true })
    expect(await readdir(join(folder, 'own'))).toEqual([])
    expect(await other.ask('call')).toBe(401)
    expect(await other.ask('session')).toEqual({ status: 'signed-out', reason: 'store_emptied' })
  })

  test('T23.2: a damaged file is no session, and stands in the way of no sign-in', async () => {
    const first = await signedIn()
    await first[Symbol.asyncDispose]()
    for (const damage of ['{', '{"version":1,"session":{"refreshToken":7}}']) {
      await writeFile(file, damage)
      const next = start()
      expect(await next.ask('session')).toEqual({ status: 'signed-out', reason: 'not_signed_in' })
      expect(await next.ask('signIn', alice)).toMatchObject({ ok: true })
      expect(await next.ask('call')).toBe(200)
    }
  })
})
