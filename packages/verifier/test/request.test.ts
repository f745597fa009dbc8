import { describe, expect, test } from 'vitest'
import { createIssuer, issuer, reasonOf } from './issuer-fixture.ts'

const url = 'https://api.example/notes'
const fixture = createIssuer()
const good = await fixture.token()
const { verifier } = fixture

const ask = (headers: Record<string, string>, more: RequestInit & { readonly url?: string } = {}) =>
  reasonOf(verifier, new Request(more.url ?? url, { ...more, headers }))

describe('where the token is found', () => {
  test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('BR-1 Authorization: %s is read', async (scheme) => {
    expect(await ask({ authorization: `${scheme} ${good}` })).toBe('accepted')
    expect(await ask({ authorization: `${scheme}   ${good}` })).toBe('accepted')
  })

  test('BR-2 a request without credentials is told so', async () => {
    expect(await ask({})).toBe('missing_token')
  })

  test.each([
    '',
    'Basic dXNlcjpwYXNzd29yZA==',
    'DPoP token',
    'Bearerish abc',
    'Token token=abc',
    'Digest username="Bearer"',
    good,
  ])('BR-2 Authorization: %s is no Bearer credential', async (authorization) => {
    expect(await ask({ authorization })).toBe('missing_token')
  })

  test.each([
    'Bearer',
    'Bearer ',
    `Bearer ${good} ${good}`,
    `Bearer ${good}, Bearer ${good}`,
    `Bearer ${good},`,
    'Bearer token="abc"',
    'Bearer "abc"',
    `Bearer: ${good}`,
    'Bearer =',
    'Bearer ab=c',
    'Bearer abc\tdef',
    'Bearer a,b',
    'Bearer ä',
    'Bearer <script>',
    'bearer {}',
  ])('BR-1 BR-3 %s is malformed', async (authorization) => {
    const expected = authorization.startsWith('Bearer:') ? 'missing_token' : 'malformed_authorization'
    expect(await ask({ authorization })).toBe(expected)
  })

  test.each(['abc', 'abc==', 'a.b.c', 'pawl_rt_abc', 'mF_9.B5f-4.1JqM', '~+/'])(
    'Bearer %s is a token, but none of ours',
    async (token) => {
      expect(await ask({ authorization: `Bearer ${token}` })).toBe('malformed')
    },
  )

  test('BR-1 a token in the query is never used', async () => {
    expect(await ask({}, { url: `${url}?access_token=${good}` })).toBe('missing_token')
    expect(await ask({}, { url: `${url}?Authorization=Bearer%20${good}` })).toBe('missing_token')
  })

  test('BR-1 a token in a form is never used', async () => {
    expect(await ask({}, { method: 'POST', body: new URLSearchParams({ access_token: good }) })).toBe('missing_token')
  })

  test.each([`access_token=${good}`, 'access_token=', 'a=1&access_token=x', 'access%5Ftoken=x'])(
    'BR-1 BR-3 a header and %s are two methods',
    async (query) => {
      expect(await ask({ authorization: `Bearer ${good}` }, { url: `${url}?${query}` })).toBe(
        'conflicting_authentication',
      )
    },
  )

  test('a query without a token disturbs nothing', async () => {
    expect(await ask({ authorization: `Bearer ${good}` }, { url: `${url}?access_tokens=1&q=access_token` })).toBe(
      'accepted',
    )
  })

  test('a very long header is answered at once', async () => {
    const started = performance.now()
    expect(await ask({ authorization: `Bearer ${'a'.repeat(5_000_000)}` })).toBe('malformed')
    expect(await ask({ authorization: `Bearer ${'a='.repeat(2_000_000)}` })).toBe('malformed_authorization')
    expect(await ask({ authorization: `Bearer${' '.repeat(2_000_000)}` })).not.toBe('accepted')
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})

describe('the access cookie', () => {
  const cookies = fixture.createVerifier({ cookie: true, trustedOrigins: ['https://app.example'] })
  const other = fixture.createVerifier({ cookie: true })
  const cookie = `__Host-pawl_access=${good}`
  const send = (headers: Record<string, string>, method = 'GET') =>
    reasonOf(cookies, new Request(url, { headers, method }))

  test('is not read unless asked for', async () => {
    expect(await ask({ cookie })).toBe('missing_token')
  })

  test('CK-1 is read by its exact name, wherever it stands', async () => {
    expect(await send({ cookie })).toBe('accepted')
    expect(await send({ cookie: `a=b; ${cookie}; theme=dark` })).toBe('accepted')
    expect(await send({ cookie: `a=b;${cookie}` })).toBe('accepted')
  })

  test.each([
    `pawl_access=${good}`,
    `__host-pawl_access=${good}`,
    `__Secure-pawl_access=${good}`,
    `__Host-pawl_access2=${good}`,
    `x__Host-pawl_access=${good}`,
    `__Host-pawl_access =${good}`,
    `__Host-pawl_refresh=${good}`,
    `=__Host-pawl_access=${good}`,
    `a="; __Host-pawl_access`,
  ])('CK-1 %s is another cookie', async (header) => {
    expect(await send({ cookie: header })).toBe('missing_token')
  })

  test('two cookies of the name are refused unless they are equal', async () => {
    expect(await send({ cookie: `${cookie}; ${cookie}` })).toBe('accepted')
    expect(await send({ cookie: `${cookie}; __Host-pawl_access=x` })).toBe('conflicting_authentication')
    expect(await send({ cookie: `__Host-pawl_access=x; ${cookie}` })).toBe('conflicting_authentication')
  })

  test('an empty cookie is a malformed token', async () => {
    expect(await send({ cookie: '__Host-pawl_access=' })).toBe('malformed')
  })

  test('the header goes before the cookie, also when it is bad', async () => {
    expect(await send({ authorization: `Bearer ${good}`, cookie: '__Host-pawl_access=x' })).toBe('accepted')
    expect(await send({ authorization: 'Bearer x', cookie })).toBe('malformed')
    expect(await send({ authorization: 'Bearer', cookie })).toBe('malformed_authorization')
  })

  test('another scheme in the header leaves the cookie to count', async () => {
    expect(await send({ authorization: 'Basic dXNlcjpwYXNz', cookie })).toBe('accepted')
  })

  test('on an http issuer it is called pawl_access', async () => {
    const local = createIssuer({ issuer: 'http://localhost:8080', cookie: true })
    const token = await local.token({ claims: { iss: 'http://localhost:8080' } })
    const asking = (name: string) => new Request('http://localhost:3000', { headers: { cookie: `${name}=${token}` } })
    expect(await reasonOf(local.verifier, asking('pawl_access'))).toBe('accepted')
    expect(await reasonOf(local.verifier, asking('__Host-pawl_access'))).toBe('missing_token')
  })

  test.each<[Record<string, string>, string]>([
    [{ 'sec-fetch-site': 'same-origin' }, 'accepted'],
    [{ 'sec-fetch-site': 'same-origin', origin: 'https://api.example' }, 'accepted'],
    [{ 'sec-fetch-site': 'none' }, 'accepted'],
    [{ 'sec-fetch-site': 'cross-site' }, 'cross_site'],
    [{ 'sec-fetch-site': 'cross-site', origin: 'https://app.example' }, 'cross_site'],
    [{ 'sec-fetch-site': 'something-new' }, 'cross_site'],
    [{ 'sec-fetch-site': 'same-site' }, 'untrusted_origin'],
    [{ 'sec-fetch-site': 'same-site', origin: 'https://evil.api.example' }, 'untrusted_origin'],
    [{ 'sec-fetch-site': 'same-site', origin: 'https://app.example' }, 'accepted'],
    [{ origin: 'https://app.example' }, 'accepted'],
    [{ origin: 'https://app.example.evil.example' }, 'untrusted_origin'],
    [{ origin: 'https://app.example:8443' }, 'untrusted_origin'],
    [{ origin: 'http://app.example' }, 'untrusted_origin'],
    [{ origin: 'https://APP.example' }, 'untrusted_origin'],
    [{ origin: 'https://api.example' }, 'untrusted_origin'],
    [{ origin: 'null' }, 'untrusted_origin'],
    [{ origin: '' }, 'untrusted_origin'],
    [{ referer: 'https://app.example/' }, 'unproven_origin'],
    [{}, 'unproven_origin'],
  ])('CS-1 CS-2 POST, PUT, PATCH and DELETE with the cookie and %j: %s', async (headers, expected) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
      expect(await send({ cookie, ...headers }, method), method).toBe(expected)
    }
    expect(await send({ cookie, ...headers }, 'GET')).toBe('accepted')
    expect(await send({ cookie, ...headers }, 'HEAD')).toBe('accepted')
    expect(await send({ authorization: `Bearer ${good}`, cookie, ...headers }, 'POST')).toBe('accepted')
  })

  test('CS-1 a WebSocket handshake with the cookie counts as unsafe', async () => {
    const handshake = { cookie, upgrade: 'websocket' }
    expect(await send({ ...handshake, origin: 'https://evil.example' })).toBe('untrusted_origin')
    expect(await send({ ...handshake, origin: 'https://app.example' })).toBe('accepted')
    expect(await send(handshake)).toBe('unproven_origin')
  })

  test("without trusted origins it is the issuer's that is trusted", async () => {
    const post = (origin: string) => new Request(url, { method: 'POST', headers: { cookie, origin } })
    expect(await reasonOf(other, post(issuer))).toBe('accepted')
    expect(await reasonOf(other, post('https://app.example'))).toBe('untrusted_origin')
  })

  test('a request without the cookie is asked for a token, not for its origin', async () => {
    expect(await send({ 'sec-fetch-site': 'cross-site' }, 'POST')).toBe('missing_token')
  })
})
