import { describe, expect, test } from 'vitest'
import { signIn } from './running-server/first-party-calls.ts'
import type { Reply } from './running-server/http-request.ts'
import { alice, startServer } from './running-server/started-server.ts'

const trusted = 'http://app.localhost:5173'
const stranger = 'https://stranger.example'
const preflight = (origin: string, method: string) => ({
  method: 'OPTIONS' as const,
  headers: {
    origin,
    'access-control-request-method': method,
    'access-control-request-headers': 'authorization,content-type',
  },
})

describe('CORS at the OAuth endpoints (G-7)', () => {
  test.each(['/oauth/token', '/oauth/revoke', '/oauth/introspect'])(
    '%s answers any origin, never with credentials',
    async (path) => {
      await using server = await startServer()
      const allowed = await server.send(path, preflight(stranger, 'POST'))
      expect(allowed.status).toBe(204)
      expect(headersOf(allowed)).toMatchObject({ origin: '*', credentials: null })
      expect(list(allowed, 'access-control-allow-methods')).toContain('post')
      expect(list(allowed, 'access-control-allow-headers')).toEqual(
        expect.arrayContaining(['authorization', 'content-type']),
      )
      const answered = await server.send(path, { form: {}, headers: { origin: stranger } })
      expect(headersOf(answered)).toMatchObject({ origin: '*', credentials: null })
      expect(list(answered, 'access-control-expose-headers')).toContain('www-authenticate')
    },
  )

  test.each(['/oauth/jwks', '/.well-known/oauth-authorization-server'])(
    '%s can be read from any origin',
    async (path) => {
      await using server = await startServer()
      const reply = await server.send(path, { headers: { origin: stranger } })
      expect(reply.status).toBe(200)
      expect(headersOf(reply)).toMatchObject({ origin: '*', credentials: null })
    },
  )
})

describe('CORS at the first-party endpoints', () => {
  test('a trusted origin is answered by name, with credentials', async () => {
    await using server = await startServer({ configuration: { trustedOrigins: [trusted] } })
    for (const origin of [trusted, server.origin]) {
      const allowed = await server.send('/auth/login', preflight(origin, 'POST'))
      expect(allowed.status).toBe(204)
      expect(headersOf(allowed)).toMatchObject({ origin, credentials: 'true', vary: expect.stringMatching(/origin/i) })
      expect(list(allowed, 'access-control-allow-headers')).toEqual(
        expect.arrayContaining(['authorization', 'content-type']),
      )
      const answered = await server.send('/auth/login', {
        json: alice,
        headers: { origin, 'sec-fetch-site': 'same-site' },
      })
      expect(answered.status).toBe(200)
      expect(headersOf(answered)).toMatchObject({ origin, credentials: 'true', vary: expect.stringMatching(/origin/i) })
    }
    const removal = await server.send('/auth/sessions/AAAAAAAAAAAAAAAAAAAAAA', preflight(trusted, 'DELETE'))
    expect(list(removal, 'access-control-allow-methods')).toContain('delete')
  })

  test('refusals to a trusted origin can be read by it as well', async () => {
    await using server = await startServer({ configuration: { trustedOrigins: [trusted] } })
    const reply = await server.send('/auth/session', { headers: { origin: trusted } })
    expect(reply.status).toBe(401)
    expect(headersOf(reply)).toMatchObject({ origin: trusted, credentials: 'true' })
    expect(list(reply, 'access-control-expose-headers')).toEqual(
      expect.arrayContaining(['www-authenticate', 'retry-after', 'x-request-id']),
    )
  })

  test('any other origin gets no CORS header at all, on no kind of reply', async () => {
    await using server = await startServer({ configuration: { trustedOrigins: [trusted] } })
    const { access_token: bearer } = await signIn(server)
    for (const origin of [stranger, 'null', `${trusted}.evil.example`]) {
      const replies = [
        await server.send('/auth/login', preflight(origin, 'POST')),
        await server.send('/auth/session', { bearer, headers: { origin } }),
        await server.send('/auth/session', { headers: { origin } }),
        await server.send('/auth/login', { json: alice, headers: { origin } }),
        await server.send('/auth/nothing', { headers: { origin } }),
        await server.send('/metrics', { headers: { origin } }),
        await server.send('/health/ready', { headers: { origin } }),
      ]
      for (const reply of replies) expect(headersOf(reply)).toMatchObject({ origin: null, credentials: null })
      // A cache must not hand the reply without the header to an origin that is trusted, nor the other way round.
      for (const reply of replies.slice(0, 5)) expect(reply.headers.get('vary')).toMatch(/origin/i)
    }
  })
})

function headersOf({ headers }: Reply): unknown {
  return {
    origin: headers.get('access-control-allow-origin'),
    credentials: headers.get('access-control-allow-credentials'),
    vary: headers.get('vary'),
  }
}

function list({ headers }: Reply, name: string): readonly string[] {
  return (headers.get(name) ?? '').toLowerCase().split(/\s*,\s*/)
}
