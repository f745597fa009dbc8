import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { createPlayground, type Playground } from '@pawl/playground'
import { createPawl, memoryStorage, type Pawl } from '@pawl/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

const issuer = 'http://localhost:8080/id'
const page = `${issuer}/playground`
const password = 'violet-harbour-seventeen'

let instant = Date.UTC(2026, 0, 1)
const clock = () => instant
let pawl: Pawl
let playground: Playground

async function ask(url: string, init?: RequestInit): Promise<Response> {
  const answer = await playground.fetch(new Request(url, init))
  if (answer === undefined) throw new Error(`${url} is not the playground's`)
  return answer
}

async function accessToken(resource?: string): Promise<string> {
  const body = JSON.stringify({ username: 'demo', password, delivery: 'body' })
  const headers = { 'Content-Type': 'application/json' }
  const reply = await pawl.fetch(new Request(`${issuer}/auth/login`, { method: 'POST', body, headers }))
  const tokens = z.object({ access_token: z.string(), refresh_token: z.string() }).parse(await reply.json())
  return resource === 'refresh' ? tokens.refresh_token : tokens.access_token
}

beforeAll(async () => {
  pawl = createPawl({
    issuer,
    clock,
    storage: memoryStorage({ clock }),
    secrets: [Buffer.from('0123456789abcdefghijklmnopqrstuv').toString('base64url')],
  })
  await pawl.administration.addUser({ username: 'demo', password, roles: [] })
  await pawl.ready()
  playground = createPlayground({ issuer, clock, fetch: (url, init) => pawl.fetch(new Request(url, init)) })
})

afterAll(() => pawl.close())

describe('the page', () => {
  test('stands below the issuer’s path and nowhere else', async () => {
    expect((await ask(page)).status).toBe(200)
    expect((await ask(`${page}/second-tab`)).status).toBe(200)
    for (const foreign of [
      'http://localhost:8080/playground',
      `${issuer}/playgrounds`,
      `${issuer}/auth/login`,
      issuer,
    ]) {
      expect(await playground.fetch(new Request(foreign)), foreign).toBeUndefined()
    }
    const slash = await ask(`${page}/`)
    expect([slash.status, slash.headers.get('location')]).toEqual([308, '/id/playground'])
  })

  test('is not cached, not framed, and allows its own files and one inline script by its hash', async () => {
    const reply = await ask(page)
    const html = await reply.text()
    const map = /<script type="importmap">(.*?)<\/script>/.exec(html)?.[1] ?? ''
    const hash = createHash('sha256').update(map).digest('base64')
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'text/html; charset=utf-8',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    })
    expect(reply.headers.get('content-security-policy')).toBe(
      `default-src 'none'; script-src 'self' 'sha256-${hash}'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'`,
    )
    expect(html).not.toMatch(/\{\{| style=| on[a-z]+=/)
  })

  test('cannot be broken out of by what it is told', async () => {
    const odd = createPlayground({ issuer, username: '"><script>alert(1)</script>', clientId: '</script><b>' })
    const html = await (await odd.fetch(new Request(page)))?.text()
    expect(html).toContain('value="&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;"')
    expect(html).not.toMatch(/<script>alert|<b>"/)
  })

  test('names only files that are served, and every module’s imports are served as well', async () => {
    const html = await (await ask(page)).text()
    const imports = z.object({ imports: z.record(z.string(), z.string()) })
    const map = imports.parse(JSON.parse(/<script type="importmap">(.*?)<\/script>/.exec(html)?.[1] ?? '')).imports
    const waiting = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => new URL(path ?? '', issuer).href)
    const seen = new Map<string, string>()
    for (const url of waiting) {
      if (seen.has(url)) continue
      const reply = await ask(url)
      const type = reply.headers.get('content-type') ?? ''
      expect([url, reply.status]).toEqual([url, 200])
      seen.set(url, type)
      if (!type.startsWith('text/javascript')) continue
      const code = await reply.text()
      for (const [, name = ''] of code.matchAll(/^(?:import|export)[^'\n]*? from '([^']+)'|^\} from '([^']+)'/gm)) {
        waiting.push(new URL(map[name] ?? name, url).href)
      }
    }
    expect(new Set(seen.values())).toEqual(
      new Set(['image/svg+xml', 'text/css; charset=utf-8', 'text/javascript; charset=utf-8']),
    )
    expect(seen.size).toBeGreaterThan(25)
    expect([...seen.keys()].filter((url) => url.startsWith(`${page}/client/`)).length).toBeGreaterThan(5)
  })

  test('serves modules as JavaScript', async () => {
    for (const name of await readdir(new URL('../page/', import.meta.url))) {
      const reply = await ask(`${page}/page/${name}`)
      expect([name, reply.status]).toEqual([name, /\.(?:ts|css|svg)$/.test(name) ? 200 : 404])
      if (name.endsWith('.ts'))
        expect(await reply.text(), name).not.toMatch(/^interface |^export interface |: string[,)]/m)
    }
  })
})

describe('the list of files', () => {
  test.each([
    'page/../../package.json',
    'page/..%2f..%2fpackage.json',
    'page/%2e%2e/%2e%2e/package.json',
    'page/..\\..\\package.json',
    'page//playground.ts',
    'page/playground.ts%00.css',
    'page/tsconfig.json',
    'page/playground.html',
    'page/',
    'page',
    'client/../package.json',
    'client/constructor',
    '__proto__',
    'server/index.ts',
    'src/playground.ts',
  ])('does not hold %s', async (path) => {
    // The URL of a request resolves dots by itself; what is left of them must not be a file either.
    const answer = await playground.fetch(new Request(`${page}/${path}`))
    expect(answer === undefined || answer.status === 404 || answer.status === 308, path).toBe(true)
    expect((await answer?.text()) ?? '').not.toContain('"name": "@pawl')
  })

  test.each(['POST', 'PUT', 'DELETE'])(
    'answers %s with 405, the methods allowed, and a numbered refusal',
    async (method) => {
      const reply = await ask(page, { method })
      expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
      expect(await reply.json()).toMatchObject({ error: 'method_not_allowed', request_id: expect.any(String) })
    },
  )

  test('answers HEAD like GET without a body', async () => {
    const [get, head] = await Promise.all([ask(page), ask(page, { method: 'HEAD' })])
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect(head.headers.get('content-security-policy')).toBe(get.headers.get('content-security-policy'))
  })
})

describe('the example API', () => {
  const notes = `${page}/api/notes`
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

  test('lets a good access token in and tells whose it is', async () => {
    const reply = await ask(notes, bearer(await accessToken()))
    expect([reply.status, reply.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(await reply.json()).toMatchObject({ read_as: { sub: expect.stringMatching(/^usr_/) } })
  })

  test('refuses without a token, with a refresh token, and after the last second', async () => {
    const bare = await ask(notes)
    expect([bare.status, bare.headers.get('www-authenticate')]).toEqual([401, `Bearer realm="${issuer}"`])
    expect((await ask(notes, bearer(await accessToken('refresh')))).status).toBe(401)
    const token = await accessToken()
    instant += 899_999
    expect((await ask(notes, bearer(token))).status).toBe(200)
    instant += 1
    const late = await ask(notes, bearer(token))
    expect([late.status, await late.json()]).toMatchObject([401, { error: 'invalid_token', reason: 'expired' }])
  })

  test('is not opened by a cookie', async () => {
    const cookie = `pawl_access=${await accessToken()}`
    expect((await ask(notes, { headers: { cookie, 'sec-fetch-site': 'same-origin' } })).status).toBe(401)
  })

  test('keeps the admins’ notes from everybody else, and knows no other path or method', async () => {
    const refused = await ask(`${page}/api/admin-notes`, bearer(await accessToken()))
    expect([refused.status, await refused.json()]).toMatchObject([403, { reason: 'missing_role' }])
    expect((await ask(`${page}/api/elsewhere`)).status).toBe(404)
    const posted = await ask(notes, { method: 'POST' })
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET'])
  })
})
