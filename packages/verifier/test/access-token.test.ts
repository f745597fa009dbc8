import { describe, expect, test } from 'vitest'
import { createVerifier } from '../src/index.ts'
import { audience, createIssuer, createKey, issuer, reasonOf, signTexts } from './issuer-fixture.ts'

const seconds = Date.UTC(2026, 10, 21, 12) / 1000

describe('access tokens', () => {
  test.each(['ES256', 'Ed25519', 'RS256'] as const)(
    'AT-1 JW-5 a good %s token is accepted with its claims',
    async (algorithm) => {
      const fixture = createIssuer({ algorithms: [algorithm] }, await createKey(algorithm, 'key'))
      const verification = await fixture.verifier.verify(await fixture.token())
      expect(verification).toEqual({ ok: true, claims: fixture.claims })
    },
  )

  test('JW-5 EdDSA is understood as the old name of Ed25519, for such a key only', async () => {
    const fixture = createIssuer({}, await createKey('Ed25519', 'key'))
    expect(await reasonOf(fixture.verifier, await fixture.token({ header: { alg: 'EdDSA' } }))).toBe('accepted')
    const other = createIssuer()
    expect(await reasonOf(other.verifier, await other.token({ header: { alg: 'EdDSA' } }))).toBe(
      'unsupported_algorithm',
    )
  })

  test('JW-2 an algorithm that is not enabled is refused, even when its key is published', async () => {
    const rsa = await createKey('RS256', 'rsa')
    const fixture = createIssuer()
    fixture.keys = [fixture.key.jwk, rsa.jwk]
    expect(await reasonOf(fixture.verifier, await fixture.token({ key: rsa }))).toBe('unsupported_algorithm')
  })

  test.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/At+Jwt'])(
    'JW-7 typ %s is accepted',
    async (typ) => {
      const { verifier, token } = createIssuer()
      expect(await reasonOf(verifier, await token({ header: { typ } }))).toBe('accepted')
    },
  )

  test.each([
    undefined,
    null,
    '',
    'JWT',
    'jwt',
    'at',
    'at+jwt ',
    ' at+jwt',
    'at+jwt;v=1',
    'x-at+jwt',
    'application/application/at+jwt',
    'text/at+jwt',
    '/at+jwt',
    'logout+jwt',
    'dpop+jwt',
    'secevent+jwt',
    'token-introspection+jwt',
    'at+jwt\0',
    ['at+jwt'],
    { typ: 'at+jwt' },
    1,
    'аt+jwt',
    'application/AT+JWT,at+jwt',
  ])('JW-7 AT-4 typ %j is refused', async (typ) => {
    const { verifier, token } = createIssuer()
    expect(await reasonOf(verifier, await token({ header: { typ } }))).toBe('wrong_type')
  })

  test('T36.1 id tokens, logout tokens and refresh tokens are no access tokens', async () => {
    const { verifier, token } = createIssuer()
    const idToken = await token({ header: { typ: 'JWT' }, claims: { nonce: 'n', auth_time: seconds } })
    const bareIdToken = await token({ header: { typ: undefined } })
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    const logoutToken = await token({ header: { typ: 'logout+jwt' }, claims: { events } })
    expect(await reasonOf(verifier, idToken)).toBe('wrong_type')
    expect(await reasonOf(verifier, bareIdToken)).toBe('wrong_type')
    expect(await reasonOf(verifier, logoutToken)).toBe('wrong_type')
    const refreshToken = 'pawl_rt_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4_'
    expect(await reasonOf(verifier, refreshToken)).toBe('malformed')
  })

  test.each([
    undefined,
    null,
    '',
    `${issuer}/`,
    'https://ID.example',
    'HTTPS://id.example',
    'http://id.example',
    'https://id.example:443',
    ' https://id.example',
    'https://id.example ',
    'https://id.example.evil.example',
    'https://id.exampl',
    'id.example',
    [issuer],
    { issuer },
    true,
    0,
    '__proto__',
    'constructor',
  ])('JW-6 T36.2 iss %j is refused, and nothing is fetched for it', async (iss) => {
    const fixture = createIssuer()
    expect(await reasonOf(fixture.verifier, await fixture.token({ claims: { iss } }))).toBe('wrong_issuer')
    expect(fixture.fetches).toBe(0)
  })

  test.each([
    undefined,
    null,
    '',
    `${audience}/`,
    'https://API.example',
    'https://api.exampl',
    `${audience}.evil.example`,
    ` ${audience}`,
    `${audience} https://other.example`,
    `https://other.example,${audience}`,
    `["${audience}"]`,
    [],
    ['https://other.example'],
    [[audience]],
    { 0: audience },
    { [audience]: true },
    [`${audience}/`],
    ['', null],
    7,
    true,
    '*',
    ['*'],
  ])('JW-6 aud %j is refused', async (aud) => {
    const { verifier, token } = createIssuer()
    expect(await reasonOf(verifier, await token({ claims: { aud } }))).toBe('wrong_audience')
  })

  test('AT-3 aud may be a list, and the API may go by several names', async () => {
    const { verifier, token, createVerifier: create } = createIssuer()
    expect(await reasonOf(verifier, await token({ claims: { aud: ['https://other.example', audience] } }))).toBe(
      'accepted',
    )
    const several = create({ audience: ['https://new.example', audience] })
    expect(await reasonOf(several, await token())).toBe('accepted')
    expect(await reasonOf(several, await token({ claims: { aud: 'https://new.example' } }))).toBe('accepted')
    expect(await reasonOf(several, await token({ claims: { aud: 'https://other.example' } }))).toBe('wrong_audience')
  })

  test('a list of audiences that holds something else than names is refused', async () => {
    const { verifier, token } = createIssuer()
    expect(await reasonOf(verifier, await token({ claims: { aud: [audience, 7] } }))).toBe('invalid_claim')
  })

  test('JW-6 exp counts to the skew, and not a moment longer', async () => {
    const fixture = createIssuer()
    const token = await fixture.token()
    fixture.now = (seconds + 900 + 30) * 1000 - 1
    expect(await reasonOf(fixture.verifier, token)).toBe('accepted')
    fixture.now += 1
    expect(await reasonOf(fixture.verifier, token)).toBe('expired')
  })

  test('JW-6 nbf and iat may be ahead by the skew, and not a moment longer', async () => {
    const { verifier, token } = createIssuer()
    expect(await reasonOf(verifier, await token({ claims: { nbf: seconds + 30 } }))).toBe('accepted')
    expect(await reasonOf(verifier, await token({ claims: { nbf: seconds + 30.001 } }))).toBe('not_yet_valid')
    expect(await reasonOf(verifier, await token({ claims: { iat: seconds + 30 } }))).toBe('accepted')
    expect(await reasonOf(verifier, await token({ claims: { iat: seconds + 31 } }))).toBe('not_yet_valid')
  })

  test('JW-6 the skew can be set, to 60 s at most', async () => {
    const fixture = createIssuer({ clockSkewSeconds: 0 })
    const token = await fixture.token({ claims: { exp: seconds + 0.5 } })
    expect(await reasonOf(fixture.verifier, token)).toBe('accepted')
    fixture.now += 500
    expect(await reasonOf(fixture.verifier, token)).toBe('expired')
    expect(() => createVerifier({ issuer, audience, clockSkewSeconds: 61 })).toThrow(/clockSkewSeconds/)
  })

  test.each<[string, unknown]>([
    ...['exp', 'iat', 'sub', 'jti', 'client_id'].flatMap((name): [string, unknown][] => [
      [name, undefined],
      [name, null],
      [name, ''],
      [name, {}],
      [name, []],
    ]),
    ...['exp', 'iat', 'nbf', 'auth_time'].flatMap((name): [string, unknown][] => [
      [name, String(seconds)],
      [name, true],
      [name, -1],
      [name, [seconds]],
    ]),
    ...['0', -1, 0.5, 1_000, null].map((value): [string, unknown] => ['iat_ms', value]),
    ['sub', 7],
    ['jti', 7],
    ['client_id', ['first-party']],
    ['scope', ['notes:read']],
    ['scope', null],
    ['sid', 7],
    ['sid', ''],
    ['roles', 'admin'],
    ['roles', [7]],
    ['roles', { 0: 'admin' }],
    ['amr', 'pwd'],
    ['acr', 1],
    ['cnf', 'x'],
    ['cnf', null],
  ])('AT-2 JW-6 claim %s as %j is refused', async (name, value) => {
    const { verifier, token } = createIssuer()
    const verification = await verifier.verify(await token({ claims: { [name]: value } }))
    expect(verification).toMatchObject({
      ok: false,
      refusal: { reason: 'invalid_claim', detail: name, error: 'invalid_token' },
    })
  })

  test.each(['1e400', '-1e400', 'NaN', '"1e9"'])('JW-6 exp written as %s is refused', async (number) => {
    const fixture = createIssuer()
    const payload = JSON.stringify({ ...fixture.claims, exp: 0 }).replace('"exp":0', `"exp":${number}`)
    const token = await signTexts(JSON.stringify(fixture.header), payload, fixture.key)
    expect(await reasonOf(fixture.verifier, token)).toBe(number === 'NaN' ? 'malformed' : 'invalid_claim')
  })

  test.each([{ jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' }, { 'x5t#S256': 'x' }, {}])(
    'AT-4 a token bound to a key (%j) is no Bearer token',
    async (cnf) => {
      const { verifier, token } = createIssuer()
      expect(await reasonOf(verifier, await token({ claims: { cnf } }))).toBe('wrong_binding')
    },
  )

  test("the application's own claims come through, `__proto__` does not", async () => {
    const fixture = createIssuer()
    const payload = JSON.stringify(fixture.claims).replace('{', '{"plan":{"seats":5},"__proto__":{"admin":true},')
    const verification = await fixture.verifier.verify(
      await signTexts(JSON.stringify(fixture.header), payload, fixture.key),
    )
    if (!verification.ok) throw new Error(verification.refusal.reason)
    expect(verification.claims['plan']).toEqual({ seats: 5 })
    expect(verification.claims['admin']).toBeUndefined()
    expect({ ...verification.claims }).not.toHaveProperty('admin')
  })

  test('AT-4 what is wrong first in the order of checks is what is told', async () => {
    const stranger = await createKey('ES256', 'key-1')
    const { verifier, token } = createIssuer()
    const worst = {
      header: { typ: 'JWT', alg: 'none', crit: ['x'], kid: 'unknown' },
      claims: { iss: 'https://evil.example', aud: 'https://other.example', exp: 1, sub: 7 },
      key: stranger,
    }
    const steps: readonly [string, object][] = [
      ['wrong_type', { typ: 'at+jwt' }],
      ['unsupported_algorithm', { alg: 'ES256' }],
      ['unsupported_header', { crit: undefined }],
    ]
    let header: Readonly<Record<string, unknown>> = worst.header
    for (const [reason, repair] of steps) {
      expect(await reasonOf(verifier, await token({ ...worst, header }))).toBe(reason)
      header = { ...header, ...repair }
    }
    expect(await reasonOf(verifier, await token({ ...worst, header }))).toBe('wrong_issuer')
    const claims = { ...worst.claims, iss: issuer }
    expect(await reasonOf(verifier, await token({ header, claims, key: stranger }))).toBe('unknown_key')
    const known = { ...header, kid: 'key-1' }
    expect(await reasonOf(verifier, await token({ header: known, claims, key: stranger }))).toBe('bad_signature')
    expect(await reasonOf(verifier, await token({ header: known, claims }))).toBe('wrong_audience')
    expect(await reasonOf(verifier, await token({ header: known, claims: { ...claims, aud: audience } }))).toBe(
      'invalid_claim',
    )
    expect(await reasonOf(verifier, await token({ header: known, claims: { exp: 1 } }))).toBe('expired')
  })
})

describe('requirements', () => {
  test.each([
    [{ scope: ['notes:read'] }, 'accepted'],
    [{ scope: ['notes:read', 'notes:write'] }, 'accepted'],
    [{ scope: [] }, 'accepted'],
    [{ scope: ['notes'] }, 'missing_scope'],
    [{ scope: ['notes:rea'] }, 'missing_scope'],
    [{ scope: ['Notes:read'] }, 'missing_scope'],
    [{ scope: ['notes:read', 'notes:delete'] }, 'missing_scope'],
    [{ roles: ['author'] }, 'accepted'],
    [{ roles: ['author', 'reader'] }, 'accepted'],
    [{ roles: ['author', 'admin'] }, 'missing_role'],
    [{ roles: { any: ['admin', 'reader'] } }, 'accepted'],
    [{ roles: { any: ['admin', 'owner'] } }, 'missing_role'],
    [{ scope: ['notes:delete'], roles: ['admin'] }, 'missing_scope'],
    [{ scope: ['notes:read'], roles: ['admin'] }, 'missing_role'],
  ] as const)('%j: %s', async (require, expected) => {
    const { verifier, token } = createIssuer()
    const verification = await verifier.verify(await token(), { require })
    expect(verification.ok ? 'accepted' : verification.refusal.reason).toBe(expected)
    if (!verification.ok) expect(verification.refusal).toMatchObject({ error: 'insufficient_scope', status: 403 })
  })

  test('a token without scope and roles meets no requirement', async () => {
    const { verifier, token } = createIssuer()
    const bare = await token({ claims: { scope: undefined, roles: undefined } })
    expect(await verifier.verify(bare)).toMatchObject({ ok: true })
    expect(await verifier.verify(bare, { require: { scope: ['a'] } })).toMatchObject({
      refusal: { reason: 'missing_scope' },
    })
    expect(await verifier.verify(bare, { require: { roles: ['a'] } })).toMatchObject({
      refusal: { reason: 'missing_role' },
    })
    expect(await verifier.verify(await token({ claims: { scope: '' } }), { require: { scope: ['a'] } })).toMatchObject({
      ok: false,
    })
  })

  test.each(['notes:read notes:write', '', 'a"b', 'a\\b', 'é', 'a\n'])(
    'a scope that cannot exist (%j) is a mistake in the code',
    async (scope) => {
      const { verifier, token } = createIssuer()
      await expect(verifier.verify(await token(), { require: { scope: [scope] } })).rejects.toThrow(TypeError)
    },
  )
})
