import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memorySessions } from '@pawl/client/bff/memory-sessions'
import { sealedSessions } from '@pawl/client/bff/sealed-sessions'
import { sqliteSessions } from '@pawl/client/bff/sqlite-sessions'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ada, startIssuer } from '../started-issuer.ts'
import { sentTo, startBff } from './started-bff.ts'

const secret = Buffer.from('32 bytes that seal test cookies!').toString('base64url')

const keepings = [
  ['memory', async () => memorySessions()],
  ['SQLite', async () => sqliteSessions(join(await folder(), 'sessions.db'))],
  ['cookies', async () => sealedSessions([secret])],
] as const

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pawl-bff-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

describe.each(keepings)('sessions kept in %s', (_name, make) => {
  async function signedIn() {
    const app = startBff(await startIssuer(), { sessions: await make() })
    await app.signIn()
    app.sent.length = 0
    return app
  }

  test('T1.1 many requests with an expired access token are one rotation', async () => {
    const app = await signedIn()
    app.server.passTime(1000)
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.ask('/bff/api/notes')))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(sentTo(app, '/auth/refresh')).toHaveLength(1)
    app.server.passTime(1000)
    expect((await app.ask('/bff/api/notes')).status).toBe(200)
    expect(sentTo(app, '/auth/refresh')).toHaveLength(2)
  })

  test('T4.1 a lost reply is fetched again under the same attempt id, long after', async () => {
    const app = await signedIn()
    app.server.passTime(1000)
    app.network = async (_request, proceed) => {
      await proceed()
      throw new TypeError('the connection broke')
    }
    expect((await app.ask('/bff/api/notes')).status).toBe(503)
    app.network = (_request, proceed) => proceed()
    app.server.passTime(24 * 3600)
    expect((await app.ask('/bff/api/notes')).status).toBe(200)
    const ids = sentTo(app, '/auth/refresh').map(({ text }) => JSON.parse(text).attempt_id)
    expect(ids).toEqual([expect.stringMatching(/^[A-Za-z0-9_-]{22,86}$/), ids[0]])
  })

  test.each([
    [500, '{"error":"server_error"}'],
    [502, '<h1>Bad gateway</h1>'],
    [503, ''],
    [429, '{"error":"too_many_requests"}'],
    [403, 'a firewall'],
    [400, '{"error":"invalid_grant"}'],
    [200, 'not JSON'],
  ])('T5.1 T5.3 a refresh answered %i %s is 503 to the browser, and ends nothing', async (status, body) => {
    const app = await signedIn()
    app.server.passTime(1000)
    app.network = async () => new Response(body, { status, headers: { 'Retry-After': '7' } })
    const answer = await app.ask('/bff/api/notes')
    expect(answer.status).toBe(503)
    expect(answer.headers.get('Retry-After')).toBe('7')
    expect(answer.headers.getSetCookie()).toEqual([])
    await app.ask('/bff/api/notes')
    // Whoever asks to be left alone is.
    expect(app.sent).toHaveLength(1)
    app.network = (_request, proceed) => proceed()
    app.server.passTime(8)
    expect((await app.ask('/bff/api/notes')).status).toBe(200)
    expect(sentTo(app, '/auth/logout')).toEqual([])
  })

  test('T5.1 while the access token is still good, an issuer that is away is not noticed', async () => {
    const app = await signedIn()
    app.server.passTime(890)
    app.network = async (request, proceed) =>
      request.url.endsWith('/auth/refresh') ? new Response(null, { status: 503 }) : proceed()
    expect((await app.ask('/bff/api/notes')).status).toBe(200)
    app.server.passTime(11)
    expect((await app.ask('/bff/api/notes')).status).toBe(503)
  })

  test('T5.2 BF-2 only invalid_grant by the issuer ends the session, and the browser learns why', async () => {
    const app = await signedIn()
    await app.server.administration.revokeUserSessions(ada.username)
    app.server.passTime(1000)
    const refused = await app.ask('/bff/api/notes')
    expect(refused.status).toBe(401)
    expect(await refused.json()).toMatchObject({ error: 'invalid_token', reason: 'revoked_by_admin' })
    const told = await app.ask('/bff/auth/refresh', { method: 'POST' })
    expect(told.status).toBe(400)
    expect(await told.json()).toMatchObject({ error: 'invalid_grant', reason: 'revoked_by_admin' })
    expect(sentTo(app, '/auth/refresh')).toHaveLength(1)
    expect(app.cookie()).toBe('')
    expect((await app.ask('/bff/auth/session')).status).toBe(401)
  })

  test('T6.5 a sign-out ends the session at the issuer; where that is away, the browser is signed out all the same', async () => {
    const app = await signedIn()
    const cookie = app.cookie()
    expect((await app.ask('/bff/auth/logout', { method: 'POST' })).status).toBe(204)
    expect(sentTo(app, '/auth/logout')).toHaveLength(1)
    app.server.passTime(1000)
    expect(await app.bff.renew(cookie)).toMatchObject({ access: { status: 'signed-out' } })
    await app.signIn()
    app.network = async () => new Response(null, { status: 503 })
    expect((await app.ask('/bff/auth/logout', { method: 'POST' })).status).toBe(503)
    expect(app.cookie()).toBe('')
  })

  test('T16.1 a cookie that a late answer puts back signs nobody in again', async () => {
    const app = await signedIn()
    const cookie = app.cookie()
    // A page that is signing out has dropped the readable cookie; what else is under way puts none back.
    const session = cookie.split('; ').find((pair) => pair.startsWith('__Host-pawl_session=')) ?? ''
    expect(await app.bff.renew(session)).toMatchObject({ access: { status: 'active' }, setCookies: [] })
    await app.ask('/bff/auth/logout', { method: 'POST' })
    expect(await app.bff.renew(cookie)).toMatchObject({ access: { status: 'signed-out' } })
    expect(await app.bff.peek(cookie)).toMatchObject({ status: 'signed-out' })
  })

  test('a foreign or damaged session cookie is nobody', async () => {
    const app = await signedIn()
    const cookie = app.cookie()
    const damaged = [...cookie.matchAll(/pawl_session=([^;]+)/g)].flatMap(([, value = '']) => [
      `${value.slice(0, -4)}AAAA`,
      `${value}A`,
      value.slice(1),
      'x',
    ])
    for (const value of damaged) {
      expect(await app.bff.renew(`__Host-pawl_session=${value}`)).toMatchObject({
        access: { status: 'signed-out', reason: 'not_signed_in' },
        setCookies: [],
      })
    }
    expect(app.sent).toEqual([])
  })
})

describe('several processes of one application', () => {
  test('T3.1 T3.2 share a file: each sends the same attempt id, and all go on with the newest tokens', async () => {
    const file = join(await folder(), 'sessions.db')
    const first = startBff(await startIssuer(), { sessions: sqliteSessions(file) })
    await first.signIn()
    const others = Array.from({ length: 3 }, () => first.another({ sessions: sqliteSessions(file) }))
    const all = [first, ...others]
    for (let round = 0; round < 3; round += 1) {
      first.server.passTime(1000)
      const answers = await Promise.all(all.map((process) => process.ask('/bff/api/notes')))
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    }
    const ids = all.flatMap((process) =>
      sentTo(process, '/auth/refresh').map(({ text }) => JSON.parse(text).attempt_id),
    )
    expect(new Set(ids).size).toBe(3)
    // Late enough for a token that was left behind to count as stolen.
    first.server.passTime(3600)
    for (const process of all) expect((await process.ask('/bff/api/notes')).status).toBe(200)
  })

  test('a copy of the file holds no token, no attempt at one, and no session cookie', async () => {
    const file = join(await folder(), 'sessions.db')
    const app = startBff(await startIssuer(), { sessions: sqliteSessions(file) })
    await app.signIn()
    app.server.passTime(1000)
    await app.ask('/bff/api/notes')
    const bytes = (await readFile(file)).toString('latin1') + (await readFile(`${file}-wal`)).toString('latin1')
    const secrets = [...app.tokens, app.cookie().split(/[=;]/)[1] ?? '', 'pawl_rt_', ada.username]
    expect(secrets.filter((text) => bytes.includes(text))).toEqual([])
    expect(app.tokens.size).toBe(4)
  })

  test('T2.4 with sessions in cookies, answers in reverse order leave a cookie that still refreshes', async () => {
    const app = startBff(await startIssuer(), { sessions: sealedSessions([secret]) })
    await app.signIn()
    const cookies: string[] = []
    for (let round = 0; round < 3; round += 1) {
      cookies.push(app.cookie())
      app.server.passTime(1000)
      await app.ask('/bff/api/notes')
    }
    // The last but one puts itself back into the jar, and another process than the one that renewed gets to see it.
    app.server.passTime(3600)
    const { access } = await app.another().bff.renew(cookies.at(-1) ?? null)
    expect(access).toMatchObject({ status: 'active' })
  })

  test('a secret can be replaced without signing anybody out, and one that is gone opens nothing', async () => {
    const newer = Buffer.from('another 32 bytes to seal cookies').toString('base64url')
    const app = startBff(await startIssuer(), { sessions: sealedSessions([secret]) })
    await app.signIn()
    const replaced = app.another({ sessions: sealedSessions([newer, secret]) })
    app.server.passTime(1000)
    expect((await replaced.ask('/bff/api/notes')).status).toBe(200)
    expect((await app.another({ sessions: sealedSessions([newer]) }).ask('/bff/api/notes')).status).toBe(200)
    expect((await app.another({ sessions: sealedSessions([secret]) }).ask('/bff/api/notes')).status).toBe(401)
    expect(() => sealedSessions([])).toThrow('at least one')
    expect(() => sealedSessions(['c2hvcnQ'])).toThrow('32 or more')
  })

  test('T5.1 a session store that fails is 503, and never a sign-out', async () => {
    const app = startBff(await startIssuer(), {
      sessions: (surroundings) => ({
        ...memorySessions()(surroundings),
        find: () => Promise.reject(new Error('no connection')),
      }),
    })
    await app.signIn()
    const answer = await app.ask('/bff/api/notes')
    expect(answer.status).toBe(503)
    expect(answer.headers.getSetCookie()).toEqual([])
  })
})
