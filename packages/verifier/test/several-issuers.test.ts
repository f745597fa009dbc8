import { describe, expect, test } from 'vitest'
import { createVerifier, type IssuerOptions, type Verifier } from '../src/index.ts'
import { audience, createIssuer, createKey, issuer, type Members, reasonOf, type TestKey } from './issuer-fixture.ts'

const other = 'https://login.example'
const otherAudience = 'https://api.login.example'
const fixture = createIssuer()
const otherKey = await createKey('ES256', 'other-key')

/** A verifier that believes two issuers, each with its own keys; what it fetches is noted. */
function createBoth(
  more: Partial<IssuerOptions> = {},
  keys: Readonly<Record<string, readonly Members[]>> = {},
): { readonly verifier: Verifier; readonly asked: string[] } {
  const published: Readonly<Record<string, readonly Members[]>> = {
    [`${issuer}/oauth/jwks`]: [fixture.key.jwk],
    [`${other}/oauth/jwks`]: [otherKey.jwk],
    ...keys,
  }
  const asked: string[] = []
  const verifier = createVerifier({
    issuer,
    audience,
    furtherIssuers: [{ issuer: other, audience: otherAudience, ...more }],
    clock: () => fixture.now,
    fetch: async (url) => {
      asked.push(url)
      return Response.json({ keys: published[url] })
    },
  })
  return { verifier, asked }
}

/** A token of the other issuer, but for the changes. */
const otherToken = (claims: Members = {}, key: TestKey = otherKey) => {
  return fixture.token({ claims: { iss: other, aud: otherAudience, ...claims }, key })
}

describe('several issuers', () => {
  test('T36.2 each token is judged by the issuer that it names, for the audience that it has there', async () => {
    const { verifier, asked } = createBoth()
    expect(await reasonOf(verifier, await fixture.token())).toBe('accepted')
    expect(asked).toEqual([`${issuer}/oauth/jwks`])
    expect(await reasonOf(verifier, await otherToken())).toBe('accepted')
    expect(await reasonOf(verifier, await otherToken({ aud: audience }))).toBe('wrong_audience')
    expect(await reasonOf(verifier, await fixture.token({ claims: { aud: otherAudience } }))).toBe('wrong_audience')
    expect(asked).toEqual([`${issuer}/oauth/jwks`, `${other}/oauth/jwks`])
  })

  test.each([
    'https://evil.example',
    `${other}/`,
    'https://LOGIN.example',
    '',
    undefined,
    null,
    7,
    [other],
    { iss: other },
    'constructor',
  ])('T36.2 %j is no issuer on the list: wrong_issuer, and nobody is asked', async (iss) => {
    const { verifier, asked } = createBoth()
    expect(await reasonOf(verifier, await otherToken({ iss }))).toBe('wrong_issuer')
    expect(asked).toEqual([])
  })

  test('JW-6 a key of one is none of the other, not even under the same id', async () => {
    const { verifier } = createBoth()
    expect(await reasonOf(verifier, await otherToken({}, fixture.key))).toBe('unknown_key')
    expect(await reasonOf(verifier, await fixture.token({ key: otherKey }))).toBe('unknown_key')
    const twin = await createKey('ES256', 'key-1')
    const both = createBoth({}, { [`${other}/oauth/jwks`]: [twin.jwk] })
    expect(await reasonOf(both.verifier, await otherToken({}, twin))).toBe('accepted')
    expect(await reasonOf(both.verifier, await otherToken({}, fixture.key))).toBe('bad_signature')
    expect(await reasonOf(both.verifier, await fixture.token({ key: twin }))).toBe('bad_signature')
    expect(await reasonOf(both.verifier, await fixture.token())).toBe('accepted')
  })

  test('JW-2 so are the algorithms that it may use', async () => {
    const edwards = await createKey('Ed25519', 'edwards')
    const keys = { [`${other}/oauth/jwks`]: [otherKey.jwk, edwards.jwk], [`${issuer}/oauth/jwks`]: [edwards.jwk] }
    const { verifier } = createBoth({ algorithms: ['ES256'] }, keys)
    expect(await reasonOf(verifier, await fixture.token({ key: edwards }))).toBe('accepted')
    expect(await reasonOf(verifier, await otherToken({}, edwards))).toBe('unsupported_algorithm')
    expect(await reasonOf(verifier, await otherToken())).toBe('accepted')
  })

  test('one that is out of reach takes nothing from the other', async () => {
    const verifier = createVerifier({
      issuer,
      audience,
      furtherIssuers: [{ issuer: other, audience: otherAudience }],
      clock: () => fixture.now,
      fetch: async (url) => {
        return url.startsWith(other) ? new Response(null, { status: 502 }) : Response.json({ keys: fixture.keys })
      },
    })
    expect(await reasonOf(verifier, await otherToken())).toBe('keys_unavailable')
    expect(await reasonOf(verifier, await fixture.token())).toBe('accepted')
  })

  test('the list is read with the same care as the first one', () => {
    const make = (each: IssuerOptions) => () => createVerifier({ issuer, audience, furtherIssuers: [each] })
    expect(make({ issuer, audience })).toThrow(/twice/)
    expect(make({ issuer: 'http://login.example', audience })).toThrow(/issuer.*http/)
    // @ts-expect-error no audience
    expect(make({ issuer: other })).toThrow(/audience/)
    expect(make({ issuer: other, audience, jwksUri: 'ftp://x' })).toThrow(/jwksUri/)
  })
})

describe('JW-3 a key id is a name and nothing else', () => {
  test.each([
    'https://evil.example/jwks',
    'https://evil.example/jwks#key-1',
    '../../etc/passwd',
    '//evil.example',
    '__proto__',
    "' OR 1=1 --",
  ])('%j is not fetched, and is looked up as it is', async (kid) => {
    const { verifier, asked } = createBoth()
    expect(await reasonOf(verifier, await fixture.token({ header: { kid } }))).toBe('unknown_key')
    expect(asked).toEqual([`${issuer}/oauth/jwks`])
  })
})
