import { describe, expect, test } from 'vitest'
import { signIn } from './running-server/first-party-calls.ts'
import type { Reply, RequestLine } from './running-server/http-request.ts'
import { alice, type StartedServer, startServer } from './running-server/started-server.ts'

const requests: readonly (readonly [string, RequestLine?])[] = [
  ['/auth/login', { json: alice }],
  ['/auth/login', { body: '{', headers: { 'content-type': 'application/json' } }],
  ['/auth/login', { json: { note: 'x'.repeat(70_000) } }],
  ['/auth/refresh', { json: {} }],
  ['/auth/refresh', { json: {}, headers: { origin: 'https://evil.example' } }],
  ['/auth/logout', { json: {} }],
  ['/auth/session'],
  ['/oauth/token', { form: {} }],
  ['/oauth/jwks'],
  ['/oauth/jwks', { method: 'HEAD' }],
  ['/.well-known/oauth-authorization-server'],
  ['/health/live'],
  ['/health/ready'],
  ['/metrics'],
  ['/nothing/here'],
  ['/auth/login', { method: 'GET' }],
]

/** The only replies that may be kept: they hold no secret and change rarely. */
const publicPaths = ['/oauth/jwks', '/.well-known/oauth-authorization-server']

describe.each([
  ['an http issuer', {}, null],
  ['an https issuer', { issuer: 'https://id.example' }, 'max-age=31536000; includeSubDomains'],
] as const)('on %s', (_, wishes, transport) => {
  test('every reply of every kind carries the security headers and a request id', async () => {
    await using server = await startServer(wishes)
    const ids = new Set<string | null>()
    for (const [path, request] of requests) {
      const reply = await server.send(path, request)
      expect({ path, ...headersOf(reply) }).toEqual({
        path,
        sniffing: 'nosniff',
        referrer: 'no-referrer',
        frames: 'DENY',
        content: "default-src 'none'; frame-ancestors 'none'",
        transport,
        poweredBy: null,
      })
      ids.add(reply.headers.get('x-request-id'))
    }
    expect(ids.size).toBe(requests.length)
  })

  test('every reply but the public documents is private and stored nowhere (T14.1, G-4)', async () => {
    await using server = await startServer(wishes)
    for (const [path, request] of requests) {
      const reply = await server.send(path, request)
      const isPublic = publicPaths.includes(path)
      expect({ path, cache: reply.headers.get('cache-control') }).toEqual({
        path,
        cache: isPublic ? 'public, max-age=300' : 'private, no-store',
      })
      expect(reply.headers.get('cdn-cache-control')).toBe(isPublic ? null : 'no-store')
    }
  })
})

describe('health and metrics', () => {
  test('live and ready answer; ready is 503 while the server drains, live is not', async () => {
    await using server = await startServer()
    expect(await statuses(server)).toEqual([200, 200])
    server.pawl.drain()
    expect(await statuses(server)).toEqual([200, 503])
  })

  test('metrics count routes, never what somebody put into a path, and hold no token', async () => {
    await using server = await startServer()
    const session = await signIn(server)
    await server.send(`/auth/sessions/${session.refresh_token}`, { method: 'DELETE', bearer: session.access_token })
    await server.send(`/${session.refresh_token}`)
    await server.send('/auth/refresh', { json: { refresh_token: session.refresh_token } })
    const reply = await server.send('/metrics')
    expect(reply.headers.get('content-type')).toMatch(/^text\/plain\b/)
    expect(reply.text).toContain('pawl_refreshes_total{outcome="advance"} 1')
    expect(reply.text).toContain('pawl_sign_ins_total{outcome="signed_in"} 1')
    expect(reply.text).toMatch(
      /pawl_http_request_duration_seconds_count\{route="\/auth\/sessions\/:id",method="DELETE",status="404"\} 1/,
    )
    expect(reply.text).not.toMatch(/pawl_rt_|eyJ|usr_/)
    expect(reply.text).not.toContain(session.session_id)
  })
})

async function statuses(server: StartedServer): Promise<readonly number[]> {
  const replies = [await server.send('/health/live'), await server.send('/health/ready')]
  return replies.map(({ status }) => status)
}

function headersOf({ headers }: Reply) {
  return {
    sniffing: headers.get('x-content-type-options'),
    referrer: headers.get('referrer-policy'),
    frames: headers.get('x-frame-options'),
    content: headers.get('content-security-policy'),
    transport: headers.get('strict-transport-security'),
    poweredBy: headers.get('x-powered-by'),
  }
}
