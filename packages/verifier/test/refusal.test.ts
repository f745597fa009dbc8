import { accessTokenRefusalReasons, errorTable, refusalReasons } from '@pawl/protocol'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { challenge, refusalResponse, type VerifierOptions } from '../src/index.ts'
import { type Finding, refusalOf } from '../src/refusal.ts'
import type { RevocationFeed } from '../src/revocation-source.ts'
import { audience, createIssuer, createKey, type IssuerFixture } from './issuer-fixture.ts'

const require = { scope: ['notes:delete', 'notes:read'] }
const refuse = (finding: Finding, realm = audience, scope: readonly string[] = []) => {
  return refusalOf(finding, { realm, require: { scope }, resourceMetadata: undefined })
}
const description = (reason: keyof typeof accessTokenRefusalReasons) => accessTokenRefusalReasons[reason]

/** For each reason, a request that is refused for it. */
const provocations: Readonly<
  Record<keyof typeof accessTokenRefusalReasons, (fixture: IssuerFixture) => Promise<Record<string, string>>>
> = {
  missing_token: async () => ({}),
  malformed_authorization: async () => ({ authorization: 'Bearer' }),
  conflicting_authentication: async (fixture) => ({
    cookie: `__Host-pawl_access=${await fixture.token()}; __Host-pawl_access=x`,
  }),
  malformed: async () => ({ authorization: 'Bearer x' }),
  wrong_type: async (fixture) => bearer(await fixture.token({ header: { typ: 'JWT' } })),
  unsupported_algorithm: async (fixture) => bearer(await fixture.token({ header: { alg: 'none' } })),
  unsupported_header: async (fixture) => bearer(await fixture.token({ header: { crit: ['exp'] } })),
  wrong_issuer: async (fixture) => bearer(await fixture.token({ claims: { iss: 'https://evil.example' } })),
  unknown_key: async (fixture) => bearer(await fixture.token({ header: { kid: 'other' } })),
  bad_signature: async (fixture) => bearer(await fixture.token({ key: await createKey('ES256', 'key-1') })),
  wrong_audience: async (fixture) => bearer(await fixture.token({ claims: { aud: 'https://other.example' } })),
  invalid_claim: async (fixture) => bearer(await fixture.token({ claims: { jti: undefined } })),
  expired: async (fixture) => bearer(await fixture.token({ claims: { exp: 1 } })),
  not_yet_valid: async (fixture) => bearer(await fixture.token({ claims: { nbf: 9_999_999_999 } })),
  wrong_binding: async (fixture) => bearer(await fixture.token({ claims: { cnf: { jkt: 'x' } } })),
  claims_rejected: async (fixture) => bearer(await fixture.token({ claims: { plan: 7 } })),
  revoked: async (fixture) => bearer(await fixture.token()),
  claims_stale: async (fixture) => bearer(await fixture.token()),
  missing_scope: async (fixture) => bearer(await fixture.token()),
  missing_role: async (fixture) =>
    bearer(await fixture.token({ claims: { roles: [], scope: 'notes:delete notes:read' } })),
  authentication_too_weak: async (fixture) => bearer(await fixture.token({ claims: able })),
  authentication_too_old: async (fixture) => {
    return bearer(await fixture.token({ claims: { ...able, acr: 'two-factor', auth_time: 1 } }))
  },
  cross_site: async (fixture) => ({ cookie: await cookie(fixture), 'sec-fetch-site': 'cross-site' }),
  untrusted_origin: async (fixture) => ({ cookie: await cookie(fixture), origin: 'https://evil.example' }),
  unproven_origin: async (fixture) => ({ cookie: await cookie(fixture) }),
  keys_unavailable: async (fixture) => bearer(await fixture.token()),
  revocation_unknown: async (fixture) => bearer(await fixture.token()),
}

const able = { scope: 'notes:delete notes:read', roles: ['author'] }

/** A source that says the same of every token. */
const feed = (verdict?: 'revoked' | 'claims_stale'): RevocationFeed => ({
  judge: () => verdict,
  catchUp: () => undefined,
  settled: () => undefined,
  report: () => ({ state: 'stale', lagMilliseconds: 60_000, entries: 0, bytesEstimate: 0, problem: 'silence' }),
  retryAfterSeconds: () => 3,
  close: () => undefined,
})

/** What the verifier has to be made with for some reasons. */
const options: Readonly<Record<string, Partial<VerifierOptions>>> = {
  keys_unavailable: { fetch: async () => new Response(null, { status: 500 }) },
  claims_rejected: { claims: z.object({ plan: z.string() }) },
  revoked: { revocations: () => feed('revoked') },
  claims_stale: { revocations: () => feed('claims_stale') },
  revocation_unknown: { revocations: () => feed(), whenStale: 'refuse' },
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const cookie = async (fixture: IssuerFixture) => `__Host-pawl_access=${await fixture.token()}`

describe('refusals', () => {
  test.each(Object.entries(provocations))(
    'T23.1 %s is told by code, status, challenge and body',
    async (name, provoke) => {
      const fixture = createIssuer({ cookie: true, ...options[name] })
      const request = new Request('https://api.example', { method: 'POST', headers: await provoke(fixture) })
      const verification = await fixture.verifier.verify(request, {
        require: { ...require, roles: ['author'], acr: 'two-factor', maxAgeSeconds: 60 },
      })
      if (verification.ok) throw new Error('not refused')
      const { refusal } = verification
      expect(refusal.reason).toBe(name)
      expect(refusal.status).toBe(errorTable[refusal.error].status)
      expect(refusal.description).toBe(refusalReasons[refusal.reason])

      const response = refusalResponse(refusal)
      expect(response.status).toBe(refusal.status)
      expect(response.headers.get('content-type')).toBe('application/json')
      expect(response.headers.get('cache-control')).toBe('no-store')
      const body: unknown = await response.json()
      expect(body).toEqual({ error: refusal.error, error_description: refusal.description, reason: name })
      const authenticate = response.headers.get('www-authenticate')
      expect(authenticate).toBe(challenge(refusal) ?? null)
      if (refusal.error.startsWith('in')) expect(authenticate).toContain(`error="${refusal.error}"`)
      if (refusal.error.startsWith('in')) expect(authenticate).toContain(`reason="${name}"`)
    },
  )

  test('BR-2 without credentials the challenge names no error, but where and for what', async () => {
    const { verifier } = createIssuer()
    const verification = await verifier.verify(new Request('https://api.example'), { require })
    if (verification.ok) throw new Error('not refused')
    expect(challenge(verification.refusal)).toBe(`Bearer realm="${audience}", scope="notes:delete notes:read"`)
    expect(verification.refusal.status).toBe(401)
  })

  test('BR-2 there is always at least one parameter', async () => {
    expect(challenge(refuse({ reason: 'missing_token' }))).toBe(`Bearer realm="${audience}"`)
  })

  test('BR-3 invalid_token is 401, invalid_request 400, insufficient_scope 403 with the scope', () => {
    const challengeOf = (reason: 'expired' | 'malformed_authorization' | 'missing_scope' | 'missing_role') => {
      const refusal = refuse({ reason }, 'r', ['a', 'b'])
      return [refusal.status, challenge(refusal)]
    }
    expect(challengeOf('expired')).toEqual([
      401,
      `Bearer realm="r", error="invalid_token", error_description="${description('expired')}", reason="expired"`,
    ])
    expect(challengeOf('malformed_authorization')[0]).toBe(400)
    expect(challengeOf('malformed_authorization')[1]).toContain('error="invalid_request"')
    expect(challengeOf('missing_scope')).toEqual([
      403,
      `Bearer realm="r", error="insufficient_scope", error_description="${description('missing_scope')}", reason="missing_scope", scope="a b"`,
    ])
    expect(challengeOf('missing_role')[0]).toBe(403)
    expect(challengeOf('missing_role')[1]).not.toContain('scope=')
  })

  test('BR-3 what stands in quotes is escaped, and each parameter stands once', () => {
    const hostile = 'a"b\\c\r\nSet-Cookie: x=1\u00e9'
    const value = challenge(refuse({ reason: 'expired' }, hostile)) ?? ''
    expect(value).toContain('realm="a\\"b\\\\c??Set-Cookie: x=1?"')
    const response = refusalResponse(refuse({ reason: 'expired' }, hostile))
    expect(response.headers.get('www-authenticate')).toBe(value)
    const names = [...value.matchAll(/(?:^Bearer |, )([a-z_]+)=/g)].map(([, name]) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  test('G-5 descriptions keep to the characters that are allowed', () => {
    for (const text of Object.values(accessTokenRefusalReasons))
      expect(text).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
  })

  test('503 says when to come back, and asks for no token', () => {
    const response = refusalResponse(refuse({ reason: 'keys_unavailable', retryAfterSeconds: 7, detail: 'timeout' }))
    expect(response.headers.get('retry-after')).toBe('7')
    expect(response.headers.get('www-authenticate')).toBeNull()
  })

  test('nothing of the request or of the log detail is in the reply', async () => {
    const { verifier, token } = createIssuer()
    const secret = await token({ claims: { sub: 7, note: 'secret-note' } })
    const verification = await verifier.verify(secret)
    if (verification.ok) throw new Error('not refused')
    expect(verification.refusal.detail).toBe('sub')
    const response = refusalResponse(verification.refusal)
    const text = `${await response.text()} ${[...response.headers].join()} ${JSON.stringify(verification)}`
    for (const part of secret.split('.')) expect(text).not.toContain(part)
    expect(text).not.toContain('secret-note')
  })
})
