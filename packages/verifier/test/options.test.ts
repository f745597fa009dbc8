import { describe, expect, test, vi } from 'vitest'
import { createVerifier, type VerifierOptions } from '../src/index.ts'
import { revocationFeed } from '../src/revocation-feed.ts'
import { audience, createIssuer, issuer, reasonOf } from './issuer-fixture.ts'

describe('options', () => {
  test('T36.1 issuer and audience are required, by the compiler and at run time', () => {
    // @ts-expect-error neither
    expect(() => createVerifier({})).toThrow(TypeError)
    // @ts-expect-error no audience
    expect(() => createVerifier({ issuer })).toThrow(/audience/)
    // @ts-expect-error no issuer
    expect(() => createVerifier({ audience })).toThrow(/issuer/)
    // @ts-expect-error an empty list of audiences
    expect(() => createVerifier({ issuer, audience: [] })).toThrow(/audience/)
    // @ts-expect-error an audience that may be undefined
    expect(() => createVerifier({ issuer, audience: undefined })).toThrow(/audience/)
    expect(() => createVerifier({ issuer, audience: '' })).toThrow(/audience/)
    expect(() => createVerifier({ issuer, audience: [audience, ''] })).toThrow(/audience/)
  })

  test('JW-2 the list of algorithms takes known ones only, never none or HS256', () => {
    // @ts-expect-error no algorithm at all
    expect(() => createVerifier({ issuer, audience, algorithms: [] })).toThrow(/algorithms/)
    // @ts-expect-error never
    expect(() => createVerifier({ issuer, audience, algorithms: ['none'] })).toThrow(/algorithms/)
    // @ts-expect-error no shared secrets
    expect(() => createVerifier({ issuer, audience, algorithms: ['ES256', 'HS256'] })).toThrow(/algorithms/)
  })

  test.each<[RegExp, Partial<VerifierOptions>]>([
    [/issuer/, { issuer: 'id.example' }],
    [/issuer/, { issuer: '' }],
    [/issuer.*http/, { issuer: 'http://id.example' }],
    [/issuer.*http/, { issuer: 'http://localhost.evil.example' }],
    [/issuer.*http/, { issuer: 'http://evillocalhost' }],
    [/issuer.*http/, { issuer: 'http://127.0.0.1.evil.example' }],
    [/issuer.*https/, { issuer: 'ftp://id.example' }],
    [/issuer.*query/, { issuer: 'https://id.example?tenant=1' }],
    [/issuer.*fragment/, { issuer: 'https://id.example#' }],
    [/issuer.*credentials/, { issuer: 'https://user:secret@id.example' }],
    [/jwksUri.*http/, { jwksUri: 'http://keys.example/jwks' }],
    [/jwksUri/, { jwksUri: 'file:///etc/passwd' }],
    [/jwksUri/, { jwksUri: '/oauth/jwks' }],
    [/clockSkewSeconds/, { clockSkewSeconds: 61 }],
    [/clockSkewSeconds/, { clockSkewSeconds: -1 }],
    [/clockSkewSeconds/, { clockSkewSeconds: Number.NaN }],
    [/keysMaxAgeSeconds/, { keysMaxAgeSeconds: 86_401 }],
    [/keysStaleIfErrorSeconds/, { keysStaleIfErrorSeconds: Number.POSITIVE_INFINITY }],
    [/trustedOrigins/, { trustedOrigins: ['https://app.example/'] }],
    [/trustedOrigins/, { trustedOrigins: ['https://app.example/path'] }],
    [/trustedOrigins/, { trustedOrigins: ['null'] }],
    [/trustedOrigins/, { trustedOrigins: ['*'] }],
  ])('%s: %j', (message, options) => {
    expect(() => createVerifier({ issuer, audience, ...options })).toThrow(message)
    expect(() => createVerifier({ issuer, audience, ...options })).toThrow(TypeError)
  })

  test('options that cannot be right leave no connection behind, wherever they stand', async () => {
    const signals: (AbortSignal | null | undefined)[] = []
    const fetch = async (_: string, init: RequestInit) => {
      signals.push(init.signal)
      return new Promise<Response>(() => {})
    }
    const good = { issuer, audience, revocations: revocationFeed(), fetch }
    const further = {
      issuer: 'https://other.example',
      audience,
      revocations: revocationFeed({ uri: 'http://x.example' }),
    }
    expect(() => createVerifier({ ...good, furtherIssuers: [further] })).toThrow(/revocations\.uri/)
    await vi.waitFor(() => expect(signals.every((signal) => signal?.aborted)).toBe(true), { timeout: 15_000 })
    expect(signals.length).toBeLessThanOrEqual(1)
  })

  test.each([
    'http://localhost:8080',
    'http://pawl.localhost',
    'http://127.0.0.1:8080',
    'http://[::1]:8080',
    'https://id.example/tenant',
  ])('issuer %s is fine', (good) => {
    expect(() => createVerifier({ issuer: good, audience })).not.toThrow()
  })

  test('plain http elsewhere has to be asked for by its name', () => {
    const options = { issuer: 'http://pawl.internal', audience, dangerouslyAllowHttp: true }
    expect(() => createVerifier(options)).not.toThrow()
  })

  test.each([
    [{ issuer }, 'https://id.example/oauth/jwks'],
    [{ issuer: 'https://id.example/tenant' }, 'https://id.example/tenant/oauth/jwks'],
    [{ issuer: 'https://id.example/' }, 'https://id.example/oauth/jwks'],
    [{ issuer, jwksUri: 'https://keys.example/set' }, 'https://keys.example/set'],
  ])('%j reads its keys at %s', async (options, expected) => {
    const asked: string[] = []
    const fixture = createIssuer()
    const verifier = createVerifier({
      audience,
      clock: () => fixture.now,
      fetch: async (url) => {
        asked.push(url)
        return Response.json({ keys: fixture.keys })
      },
      ...options,
    })
    expect(await reasonOf(verifier, await fixture.token({ claims: { iss: options.issuer } }))).toBe('accepted')
    expect(asked).toEqual([expected])
  })
})
