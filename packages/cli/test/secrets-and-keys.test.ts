import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { freshEnvironment, pawl, pawlProcess, type RunningServer, startServer } from './pawl-process.ts'

const password = 'a sentence nobody else has'
const older = createHash('sha256').update('older').digest('base64url')
const newer = createHash('sha256').update('newer').digest('base64url')
const both = `${newer},${older}`
const hour = 3_600_000

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

async function start(secrets: string): Promise<RunningServer> {
  const server = await startServer({ ...environment, PAWL_SECRETS: secrets })
  servers.push(server)
  return server
}

/** A command, with the secrets that its shell has. */
const run = (secrets: string, words: string, stdin = '') =>
  pawl(words.split(' '), { environment: { ...environment, PAWL_SECRETS: secrets }, stdin })

const tokens = z.object({ access_token: z.string(), refresh_token: z.string() })

function post(path: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
}

async function signIn(): Promise<z.infer<typeof tokens>> {
  return tokens.parse(await (await post('/auth/login', { username: 'ann', password, delivery: 'body' })).json())
}

async function refreshed(token: string): Promise<z.infer<typeof tokens>> {
  const reply = await post('/auth/refresh', { refresh_token: token })
  expect(reply.status).toBe(200)
  return tokens.parse(await reply.json())
}

async function sessionStatus(accessToken: string): Promise<number> {
  return (await fetch(`${url}/auth/session`, { headers: { authorization: `Bearer ${accessToken}` } })).status
}

const resealed = z.object({
  newest_secret_id: z.string(),
  resealed: z.array(z.string()),
  older_secrets: z.array(
    z.looseObject({ id: z.string(), signing_keys: z.number(), live_sessions: z.number(), removable: z.boolean() }),
  ),
})

async function reseal(secrets: string): Promise<z.infer<typeof resealed>> {
  const { stdout, stderr } = await run(secrets, 'key reseal --json')
  expect(stderr).toBe('')
  return resealed.parse(JSON.parse(stdout))
}

/** What the store would look like had every refresh key become active that much earlier. */
function backdateRefreshKeys(milliseconds: number): void {
  const database = new DatabaseSync(join(environment['PAWL_DATA'] ?? '', 'pawl.db'))
  database.prepare('UPDATE refresh_keys SET active_from = active_from - ?').run(milliseconds)
  database.exec('UPDATE key_ring SET version = version + 1')
  database.close()
}

describe('an exchange of secrets', () => {
  test('T13.1 keys and sessions of the older secret go on, new ones are of the newer, and it may go once 0 are left', async () => {
    const first = await start(older)
    await run(older, 'user add ann --password-stdin', password)
    const session = await signIn()
    await first.stop()

    const second = await start(both)
    expect(await sessionStatus(session.access_token)).toBe(200)
    const report = await reseal(both)
    expect(report.resealed).toHaveLength(1)
    expect(report.older_secrets).toMatchObject([{ signing_keys: 0, live_sessions: 1, removable: false }])
    expect((await run(both, 'key reseal')).stdout).not.toMatch(/remove it|may go/)
    // The server that runs notices nothing of the new envelope.
    expect(await sessionStatus(session.access_token)).toBe(200)

    backdateRefreshKeys(hour + 61_000)
    const moved = await refreshed(session.refresh_token)
    expect((await run(both, 'key reseal')).stdout).toMatch(
      /^secret \S{11}: 0 signing keys and 0 live sessions are left: remove it from PAWL_SECRETS now$/m,
    )
    expect((await reseal(both)).older_secrets).toMatchObject([
      { signing_keys: 0, live_sessions: 0, removable: true, refresh_key_state: 'retired' },
    ])
    await second.stop()

    await start(newer)
    expect(await sessionStatus(session.access_token)).toBe(200)
    await refreshed(moved.refresh_token)
    expect((await reseal(newer)).older_secrets).toEqual([])
  })

  test('T13.2 a secret that only sessions still need is asked for at the start; they are answered 503 until it is back', async () => {
    const first = await start(older)
    await run(older, 'user add ann --password-stdin', password)
    const session = await signIn()
    await first.stop()
    await (await start(both)).stop()
    await reseal(both)

    const alone = await start(newer)
    const reply = await post('/auth/refresh', { refresh_token: session.refresh_token })
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
    expect(await reply.json()).toMatchObject({ error: 'temporarily_unavailable', reason: 'key_not_loaded' })
    const { stderr } = await alone.stop()
    expect(stderr).toMatch(/^warning: PAWL_SECRETS lacks \S{11}: 1 live sessions will be answered 503/m)

    await start(both)
    await refreshed(session.refresh_token)
  })

  test.each([
    ['another secret', { PAWL_SECRETS: newer }],
    ['no secret at all', {}],
  ])('T13.2 with %s nothing starts, and the id of the one that is missing is named', async (_, given) => {
    await (await start(older)).stop()
    const { stdout } = await run(older, 'key list --json')
    const [key] = z
      .object({ signing_keys: z.array(z.object({ secret_id: z.string() })) })
      .parse(JSON.parse(stdout)).signing_keys
    const refused = await pawlProcess(['start'], { environment: { ...environment, ...given } })
    expect({ status: refused.status, stdout: refused.stdout }).toEqual({ status: 1, stdout: '' })
    expect(refused.stderr).toMatch(
      new RegExp(`^pawl: PAWL_SECRETS .*the id ${key?.secret_id} is missing.*To fix it, `, 'm'),
    )
    expect(refused.stderr).not.toContain(newer)
  })
})

test('T13.3 a key that is killed by a command is dead at the next request to a server that runs, refresh goes on', async () => {
  await start(older)
  await run(older, 'user add ann --password-stdin', password)
  await run(
    older,
    `client add api --type confidential --secret-stdin --resource ${url}`,
    'c2VjcmV0IG9mIHRoZSBhcGkgaXRzZWxm',
  )
  const before = await signIn()
  const introspect = async (token: string): Promise<unknown> => {
    const authorization = `Basic ${btoa('api:c2VjcmV0IG9mIHRoZSBhcGkgaXRzZWxm')}`
    const body = new URLSearchParams({ token })
    return (await fetch(`${url}/oauth/introspect`, { method: 'POST', headers: { authorization }, body })).json()
  }
  const published = async (): Promise<unknown> => (await fetch(`${url}/oauth/jwks`)).json()
  const kidOf = (token: string): unknown =>
    JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
  const kid = String(kidOf(before.access_token))
  expect(await introspect(before.access_token)).toMatchObject({ active: true })
  expect(await published()).toMatchObject({ keys: [{ kid }] })

  const killed = await pawlProcess(['key', 'kill', kid, '--json'], {
    environment: { ...environment, PAWL_SECRETS: older },
  })
  expect(killed).toMatchObject({ status: 0, stderr: '' })

  expect(await introspect(before.access_token)).toEqual({ active: false })
  expect(await sessionStatus(before.access_token)).toBe(401)
  expect(JSON.stringify(await published())).not.toContain(kid)
  const after = await refreshed(before.refresh_token)
  expect(JSON.parse(killed.stdout)).toEqual({ kid, killed: true, replacement: kidOf(after.access_token) })
  expect(await introspect(after.access_token)).toMatchObject({ active: true })
  expect(await sessionStatus(after.access_token)).toBe(200)
  expect(await published()).toMatchObject({ keys: [{ kid: kidOf(after.access_token) }] })
})
