import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from './running-server/eventually.ts'
import { expectRefusal } from './running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from './running-server/first-party-calls.ts'
import { findFreePort } from './running-server/free-port.ts'
import { runPawl, startProcess, temporaryData } from './running-server/started-process.ts'
import { alice, lastingEngine } from './running-server/started-server.ts'
import { copyStore } from './running-server/store-copy.ts'

const secretOf = (name: string): string => createHash('sha256').update(name).digest('base64url')
const logLine = z.looseObject({ level: z.number(), time: z.number(), msg: z.string() })

describe('pawl start', () => {
  test('says one line on stdout once it listens; logs are lines of JSON on stderr', async () => {
    await using data = await temporaryData()
    await using server = await startProcess(data)
    expect((await server.send('/health/ready')).status).toBe(200)
    await signIn(server)
    const { stdout, stderr, status } = await server.stop()
    expect({ stdout, status }).toEqual({ stdout: `listening on ${server.issuer}\n`, status: 0 })
    // Beside the log only what people are to read before it begins.
    const lines = stderr.split('\n').filter((line) => line.startsWith('{'))
    expect(lines.length).toBeGreaterThan(3)
    for (const line of lines) expect(logLine.parse(JSON.parse(line)).level).toBeLessThan(50)
  })

  test('keeps what is its own to itself: directory 0700, database and secrets 0600', async () => {
    await using data = await temporaryData()
    await using server = await startProcess(data)
    await signIn(server)
    const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)
    const files = lastingEngine === 'sqlite' ? ['pawl.db', 'pawl.db-wal', 'secrets'] : ['secrets']
    for (const name of files) expect(await modeOf(`${data.path}/${name}`)).toBe('600')
    expect(await modeOf(data.path)).toBe('700')
  })

  test('goes on where it stopped: sessions, keys and both kinds of token survive a restart', async () => {
    await using data = await temporaryData()
    await using first = await startProcess(data)
    const session = await signIn(first)
    const next = await refresh(first, session.refresh_token)
    await first.stop()
    await using second = await startProcess(data, { PAWL_ISSUER: first.issuer })
    expect(await sessionStatus(second, next.access_token)).toBe(200)
    expect((await refresh(second, session.refresh_token)).refresh_token).toBe(next.refresh_token)
    expect((await refresh(second, next.refresh_token)).session_id).toBe(session.session_id)
  })

  test('sees at once what the command line does on the same data (T6.1)', async () => {
    await using data = await temporaryData()
    await using server = await startProcess(data)
    const environment = { PAWL_DATA: data.path }
    const bob = { username: 'bob', password: 'marble-orchard-twelve' }
    expect((await runPawl(['user', 'add', 'bob', '--password-stdin'], environment, `${bob.password}\n`)).status).toBe(0)
    const session = await signIn(server, bob)
    expect((await runPawl(['session', 'revoke', session.session_id], environment)).status).toBe(0)
    expectRefusal(await tryRefresh(server, session.refresh_token), 'invalid_grant', 'revoked_by_admin')
    expect(await sessionStatus(server, session.access_token)).toBe(401)
    const again = await signIn(server, bob)
    expect((await runPawl(['user', 'disable', 'bob'], environment)).status).toBe(0)
    expectRefusal(await tryRefresh(server, again.refresh_token), 'invalid_grant', 'user_disabled')
    expectRefusal(await server.send('/auth/login', { json: bob }), 'invalid_credentials')
  })
})

describe('stopping', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: a request under way is answered, new connections are not, further signals change nothing, status 0',
    async (signal) => {
      await using data = await temporaryData()
      await using server = await startProcess(data)
      const body = JSON.stringify({ ...alice, delivery: 'body' })
      const socket = await openConnection(server.port)
      const length = Buffer.byteLength(body)
      // 100-continue tells that the server has begun with the request.
      socket.write(
        `POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\nexpect: 100-continue\r\n\r\n`,
      )
      const answer = received(socket)
      await eventually(() => expect(answer.text).toContain('100 Continue'))
      server.signal(signal)
      await eventually(() => expect(server.stderr()).toContain('"draining"'))
      await expect(openConnection(server.port)).rejects.toThrow('ECONNREFUSED')
      server.signal('SIGTERM')
      server.signal('SIGINT')
      socket.write(body)
      await eventually(() => expect(answer.text).toMatch(/"refresh_token":"pawl_rt_/))
      expect(answer.text).toContain('HTTP/1.1 200')
      expect(answer.text.toLowerCase()).toContain('connection: close')
      const { status, signal: killedBy } = await server.end
      expect({ status, killedBy }).toEqual({ status: 0, killedBy: null })
    },
  )

  test('idle connections do not hold it up', async () => {
    await using data = await temporaryData()
    await using server = await startProcess(data)
    const [idle, used] = [await openConnection(server.port), await openConnection(server.port)]
    used.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n')
    const answer = received(used)
    await eventually(() => expect(answer.text).toContain('"live"'))
    const signalled = performance.now()
    expect((await server.stop()).status).toBe(0)
    expect(performance.now() - signalled).toBeLessThan(3000)
    idle.destroy()
  })
})

describe('what keeps it from starting', () => {
  test('a secret that does not open the keys: it names the id of the missing one and serves nothing (T13.2)', async () => {
    await using data = await temporaryData()
    await using first = await startProcess(data, { PAWL_SECRETS: secretOf('old') })
    const session = await signIn(first)
    await first.stop()
    const environment = { PAWL_DATA: data.path, PORT: String(await findFreePort()) }
    const listed = await runPawl(['key', 'list', '--json'], { ...environment, PAWL_SECRETS: secretOf('old') })
    const keys = z.object({ signing_keys: z.array(z.looseObject({ secret_id: z.string() })) })
    const [key] = keys.parse(JSON.parse(listed.stdout)).signing_keys
    const wrong = await runPawl(['start'], { ...environment, PAWL_SECRETS: secretOf('new') })
    expect({ status: wrong.status, stdout: wrong.stdout }).toEqual({ status: 1, stdout: '' })
    expect(wrong.stderr).toContain('PAWL_SECRETS')
    expect(wrong.stderr).toContain(key?.secret_id)
    expect(wrong.stderr).not.toContain(secretOf('new'))

    // T13.1: with the old one behind the new one everything goes on.
    const both = { PAWL_SECRETS: `${secretOf('new')},${secretOf('old')}`, PAWL_ISSUER: first.issuer }
    await using second = await startProcess(data, both)
    expect(await sessionStatus(second, session.access_token)).toBe(200)
    expect((await tryRefresh(second, session.refresh_token)).status).toBe(200)
  })
})

describe('a store that has lost writes', () => {
  test('a token ahead of it is taken for what it is, the session rolls forward, and one token lives', async () => {
    await using data = await temporaryData()
    await using first = await startProcess(data)
    const session = await signIn(first)
    await first.stop()
    const copy = await copyStore(data)

    await using second = await startProcess(data, { PAWL_ISSUER: first.issuer })
    let ahead = session
    for (let rotation = 0; rotation < 12; rotation += 1) ahead = await refresh(second, ahead.refresh_token)
    await second.stop()
    await copy.putBack()

    await using third = await startProcess(data, { PAWL_ISSUER: first.issuer })
    const rolled = await refresh(third, ahead.refresh_token)
    expect(rolled.session_id).toBe(session.session_id)
    expect((await refresh(third, ahead.refresh_token)).refresh_token).toBe(rolled.refresh_token)
    await eventually(() => expect(third.stderr()).toContain('session_rolled_forward'))
    expect((await refresh(third, rolled.refresh_token)).session_id).toBe(session.session_id)
  })
})

function openConnection(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
  })
}

/** What comes back on a connection, as it comes. */
function received(socket: Socket): { readonly text: string } {
  const answer = { text: '' }
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer.text += text
  })
  return answer
}
