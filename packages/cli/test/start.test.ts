import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { freshEnvironment, pawl, pawlProcess, type RunningServer, startServer, stopAtStart } from './pawl-process.ts'

const password = 'a sentence nobody else has'
let environment: Record<string, string> = {}
let url = ''
let remove: () => Promise<void> = async () => undefined
const servers: RunningServer[] = []

beforeEach(async () => {
  const fresh = await freshEnvironment()
  environment = fresh.environment
  url = fresh.url
  remove = fresh.remove
})
afterEach(async () => {
  for (const server of servers.splice(0)) if (server.process.exitCode === null) await server.stop('SIGKILL')
  await remove()
})

async function start(flags: readonly string[] = [], more: Record<string, string> = {}): Promise<RunningServer> {
  const server = await startServer({ ...environment, ...more }, flags)
  servers.push(server)
  return server
}

const run = (words: string, stdin = '') => pawl(words.split(' '), { environment, stdin })

function post(path: string, body: unknown): Promise<Response> {
  return fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

const tokens = z.object({ session_id: z.string(), access_token: z.string(), refresh_token: z.string() })

async function signIn(): Promise<z.infer<typeof tokens>> {
  const reply = await post('/auth/login', { username: 'ann', password, delivery: 'body' })
  return tokens.parse(await reply.json())
}

async function sessionStatus(accessToken: string): Promise<number> {
  return (await fetch(`${url}/auth/session`, { headers: { authorization: `Bearer ${accessToken}` } })).status
}

describe('starting', () => {
  test('the last start-up line on stdout is "listening on <issuer>", all else is on stderr', async () => {
    const server = await start([], { PAWL_ISSUER: `${url}/id`, PAWL_ISUER: 'x' })
    expect(server.startLines).toEqual([`listening on ${url}/id`])
    const { stderr } = await server.stop()
    expect(stderr).toMatch(/^warning: PAWL_ISUER is no setting and has no effect; did you mean PAWL_ISSUER\?$/m)
  })

  test('flags win over the environment', async () => {
    const server = await start(['--issuer', 'https://id.example', '--access-seconds', '60'], {
      PAWL_ISSUER: 'https://other.example',
    })
    expect(server.startLines).toEqual(['listening on https://id.example'])
  })

  test('T27.4 and T32.2 what is wrong is said at once, in the words it came in, and nothing listens', async () => {
    const more = {
      PAWL_MODE: 'production',
      PAWL_ISSUER: 'http://id.example',
      PAWL_DATABASE_URL: 'mysql://x',
      PAWL_ABSOLUTE_SECONDS: '10',
    }
    const { status, stdout, stderr } = await pawlProcess(['start', '--idle-seconds', '20'], {
      environment: { ...environment, ...more },
    })
    expect(status).toBe(1)
    expect(stdout).toBe('')
    const named = stderr
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[1])
    expect(named).toEqual(['PAWL_DATABASE_URL', '--idle-seconds', 'PAWL_ISSUER', 'PAWL_SECRETS'])
  })

  test.each([[[]], [['--workers', '2']]])(
    'SIGTERM ends a start that waits for its store, with status 0: %j',
    async (flags) => {
      // It takes connections and says nothing: a database that somebody else migrates looks no different.
      const silent = createServer().listen(0, '127.0.0.1')
      const begun = once(silent, 'connection')
      await once(silent, 'listening')
      const { port } = z.object({ port: z.number() }).parse(silent.address())
      const more = { PAWL_DATABASE_URL: `postgres://pawl@127.0.0.1:${port}/pawl` }
      const end = await stopAtStart({ environment: { ...environment, ...more }, flags, begun })
      silent.close()
      expect(end).toEqual({ status: 0, stdout: '', stderr: '' })
    },
  )

  test('T13.2 with another secret than the keys were sealed under it refuses and names the secret', async () => {
    const [one, other] = [3, 7].map((step) =>
      Buffer.from(Array.from({ length: 32 }, (_, index) => (index * step + 1) % 256)).toString('base64url'),
    )
    await (await start([], { PAWL_SECRETS: one ?? '' })).stop()
    const { status, stdout, stderr } = await pawlProcess(['start'], {
      environment: { ...environment, PAWL_SECRETS: other ?? '' },
    })
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^pawl: PAWL_SECRETS .*the id [\w-]{11} is missing/m)
    await (await start([], { PAWL_SECRETS: `${other},${one}` })).stop()
  })

  test('a port that is taken is named with the way out', async () => {
    await start()
    const { status, stderr } = await pawlProcess(['start'], { environment })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^pawl: .*EADDRINUSE.*set PORT/m)
  })
})

describe('stopping', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it with status 0', async (signal) => {
    const server = await start()
    expect(await server.stop(signal)).toMatchObject({ status: 0 })
  })

  test('a request under way is answered, whatever signals arrive meanwhile', async () => {
    const server = await start()
    const socket = connect(Number(environment['PORT']), '127.0.0.1')
    let received = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      received += chunk
    })
    const closed = once(socket, 'close')
    // With Expect the server tells that it has begun with the request, so nothing needs to be waited for by the clock.
    socket.write(
      'POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n',
    )
    await once(socket, 'data')
    expect(received).toContain('100 Continue')
    server.process.kill('SIGTERM')
    await untilRefused(Number(environment['PORT']))
    server.process.kill('SIGTERM')
    server.process.kill('SIGINT')
    socket.write('{}')
    await closed
    expect(received).toMatch(/HTTP\/1.1 400 [\s\S]*connection: close[\s\S]*"error":"invalid_request"/i)
    expect(await server.stop('SIGTERM')).toMatchObject({ status: 0 })
  })
})

/** Resolves once nobody accepts connections on a port any more. */
async function untilRefused(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const refused = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(false))
      socket.once('error', () => resolve(true))
    })
    socket.destroy()
    if (refused) return
  }
}

describe('administering a server that runs', () => {
  test('users, sessions, keys and tokens change under it at once', async () => {
    await start()
    expect(await run('user add ann --password-stdin', `${password}\r\n`)).toMatchObject({ status: 0 })
    const first = await signIn()
    expect(await sessionStatus(first.access_token)).toBe(200)

    const listed = await run('session list --user ann --json')
    expect(JSON.parse(listed.stdout)).toMatchObject({
      sessions: [{ session_id: first.session_id, generation: 0, client_id: 'first-party', revoked_at: null }],
    })
    expect(listed.stdout).not.toContain('seed')
    expect((await run('session list')).stdout).toContain(first.session_id)

    const refreshToken = await run('token inspect --json', `${first.refresh_token}\n`)
    expect(JSON.parse(refreshToken.stdout)).toMatchObject({
      kind: 'refresh_token',
      standing: 'current',
      ended: null,
      session_id: first.session_id,
    })
    expect(refreshToken.stdout).not.toContain(first.refresh_token.slice(-40, -6))
    const accessToken = await run('token inspect', first.access_token)
    expect(accessToken.stdout).toMatch(/^verdict {2}active/m)
    expect(accessToken.stdout).not.toContain(first.access_token.split('.')[2])

    expect(await run(`session revoke ${first.session_id}`)).toMatchObject({ status: 0 })
    expect(await run(`session revoke ${first.session_id}`)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('ended already'),
    })
    expect(await sessionStatus(first.access_token)).toBe(401)
    expect((await run('token inspect', first.access_token)).stdout).toMatch(/refused \(revoked_by_admin\)/)
    expect((await run('token inspect --json', first.refresh_token)).stdout).toContain('"ended":"revoked_by_admin"')
  })

  test('T13.3 a killed key ends its access tokens at once, and refresh still works', async () => {
    await start()
    await run('user add ann --password-stdin', password)
    const before = await signIn()
    const { stdout } = await run('key list --json')
    const kid = z
      .object({ signing_keys: z.array(z.object({ kid: z.string(), state: z.string() })) })
      .parse(JSON.parse(stdout)).signing_keys[0]?.kid
    expect(await run(`key kill ${kid}`)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('signs from now on'),
    })
    expect(await sessionStatus(before.access_token)).toBe(401)
    const after = tokens.parse(await (await post('/auth/refresh', { refresh_token: before.refresh_token })).json())
    expect(await sessionStatus(after.access_token)).toBe(200)
  })

  test('a new password and a disabled user end sessions at once', async () => {
    await start()
    await run('user add ann --password-stdin', password)
    const first = await signIn()
    expect(await run('user password ann --password-stdin', `${password}, or has`)).toMatchObject({ status: 0 })
    expect(await sessionStatus(first.access_token)).toBe(401)
    expect((await post('/auth/login', { username: 'ann', password })).status).toBe(401)
    await run('user password ann --password-stdin', password)
    const second = await signIn()
    expect(JSON.parse((await run('session revoke --user ann --json')).stdout)).toEqual({ revoked: [second.session_id] })
    const third = await signIn()
    await run('user disable ann')
    expect(await sessionStatus(third.access_token)).toBe(401)
    expect((await post('/auth/refresh', { refresh_token: third.refresh_token })).status).toBe(400)
  })
})
