import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../src/configuration/configuration-error.ts'
import { readConfiguration } from '../../src/configuration/read-environment.ts'
import { resolveSettings } from '../../src/configuration/resolve-settings.ts'
import type { ConfigurationProblem, PawlConfiguration, Settings } from '../../src/configuration/settings.ts'

const strongSecret = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + 11) % 256)).toString(
  'base64url',
)
const otherSecret = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 53 + 7) % 256)).toString('base64url')
const weakSecret = Buffer.alloc(32, 7).toString('base64url')
const production = { mode: 'production', issuer: 'https://id.example', secrets: strongSecret } as const

function accepted(configuration: PawlConfiguration): { settings: Settings; warnings: readonly string[] } {
  const outcome = resolveSettings(configuration)
  if (!outcome.ok) throw new ConfigurationError(outcome.problems)
  return outcome
}

function problemsOf(configuration: PawlConfiguration): readonly ConfigurationProblem[] {
  const outcome = resolveSettings(configuration)
  return outcome.ok ? [] : outcome.problems
}

function fromEnvironment(environment: Record<string, string>, flags: Record<string, unknown> = {}): PawlConfiguration {
  return readConfiguration({ environment, flags })
}

describe('defaults', () => {
  test('an empty configuration is the documented one', () => {
    const { settings, warnings } = accepted({})
    expect(settings).toMatchObject({
      mode: 'development',
      host: '127.0.0.1',
      port: 8080,
      issuer: 'http://localhost:8080',
      basePath: '',
      secure: false,
      data: './data',
      secrets: 'generate',
      accessSeconds: 900,
      idleSeconds: 2_592_000,
      absoluteSeconds: 7_776_000,
      raceWindowSeconds: 30,
      audience: 'http://localhost:8080',
      trustedProxies: [],
      registration: false,
      revocations: 'open',
      profile: 'oauth2.1',
      pageName: 'Pawl',
      pageLogo: undefined,
      pageColour: undefined,
      signingAlgorithm: 'ES256',
    })
    expect(warnings).toEqual([])
  })

  test('the default issuer follows the port', () => {
    expect(accepted({ port: 3000 }).settings.issuer).toBe('http://localhost:3000')
  })

  test('port 0 needs an issuer', () => {
    expect(problemsOf({ port: 0 })).toMatchObject([{ setting: 'issuer' }])
    expect(accepted({ port: 0, issuer: 'http://localhost:4711' }).settings.port).toBe(0)
  })
})

describe('the issuer (T27.1: one explicit public URL)', () => {
  test.each([
    ['https://id.example', 'https://id.example', ''],
    ['https://id.example/', 'https://id.example', ''],
    ['https://ID.Example:443/Id/', 'https://id.example/Id', '/Id'],
    ['http://localhost:8080/a/b-c_d.e~f', 'http://localhost:8080/a/b-c_d.e~f', '/a/b-c_d.e~f'],
    ['http://[::1]:8080/id', 'http://[::1]:8080/id', '/id'],
  ])('%s becomes %s with base path "%s"', (issuer, expected, basePath) => {
    const { settings } = accepted({ issuer })
    expect(settings).toMatchObject({ issuer: expected, basePath, audience: expected })
    expect(settings.secure).toBe(expected.startsWith('https:'))
  })

  test.each([
    ['localhost:8080', 'is not an absolute http or https URL'],
    ['ftp://id.example', 'is not an absolute http or https URL'],
    ['https://', 'is not a URL'],
    ['https://id.example?', 'has a query'],
    ['https://id.example/#', 'has a fragment'],
    ['https://user:pw@id.example', 'has credentials'],
    ['https://@id.example', 'has credentials'],
    ['https://id.example/a/..', 'has a dot segment'],
    ['https://id.example/.', 'has a dot segment'],
    ['https://id.example/%2E%2e/b', 'has a dot segment'],
    ['https://id.example//', 'has a path with an empty segment'],
    ['https://id.example/a//b', 'has a path with an empty segment'],
    ['https://id.example/a;b', 'has a path with an empty segment or a character'],
    ['https://id.example\\a', 'is not a URL'],
    ['http://0.0.0.0:8080', 'names an address to listen on'],
  ])('%s is refused: %s', (issuer, reason) => {
    expect(problemsOf({ issuer })).toMatchObject([{ setting: 'issuer', reason: expect.stringContaining(reason) }])
  })
})

describe('production refuses what development warns about', () => {
  test('T27.4 a complete production configuration starts without a warning', () => {
    expect(accepted(production)).toMatchObject({
      warnings: [],
      settings: { secure: true, trustedOrigins: ['https://id.example'] },
    })
  })

  test('T27.4 plain http on another host than this machine', () => {
    const issuer = 'http://192.168.1.5:8080'
    expect(problemsOf({ ...production, issuer })).toMatchObject([
      { setting: 'issuer', reason: expect.stringContaining('plain http') },
    ])
    expect(accepted({ issuer }).warnings).toEqual([expect.stringContaining('plain http')])
  })

  test('T27.4 a name that only looks like this machine is none', () => {
    expect(problemsOf({ ...production, issuer: 'http://127.0.0.1.evil.example' })).toMatchObject([
      { setting: 'issuer' },
    ])
  })

  test.each([
    'http://localhost:8080',
    'http://127.0.0.1:8080',
    'http://127.5.5.5',
    'http://[::1]:8080',
    'http://app.localhost',
  ])('T27.4 %s is this machine, in every mode', (issuer) => {
    expect(accepted({ ...production, issuer }).warnings).toEqual([])
  })

  test('T27.4 in development the three spellings of this machine are one origin, in production they are not', () => {
    expect(accepted({}).settings.trustedOrigins).toEqual([
      'http://localhost:8080',
      'http://127.0.0.1:8080',
      'http://[::1]:8080',
    ])
    expect(accepted({ ...production, issuer: 'http://localhost:8080' }).settings.trustedOrigins).toEqual([
      'http://localhost:8080',
    ])
    expect(accepted({ issuer: 'http://192.168.1.5' }).settings.trustedOrigins).toEqual(['http://192.168.1.5'])
  })

  test('T13.2 missing secrets', () => {
    const { secrets, ...withoutSecrets } = production
    expect(secrets).toBe(strongSecret)
    expect(problemsOf(withoutSecrets)).toMatchObject([
      { setting: 'secrets', fix: expect.stringContaining('openssl rand') },
    ])
    expect(accepted({}).settings.secrets).toBe('generate')
  })

  test('T13.2 weak secrets', () => {
    const secrets = [strongSecret, weakSecret]
    expect(problemsOf({ ...production, secrets })).toMatchObject([
      { setting: 'secrets', reason: expect.stringContaining('weak secret at place 2') },
    ])
    expect(accepted({ secrets }).warnings).toEqual([expect.stringContaining('weak secret at place 2')])
  })

  test('T13.2 malformed secrets are refused in every mode, and no message holds one', () => {
    const problems = problemsOf({ secrets: `${strongSecret},c2hvcnQtc2VjcmV0,not base64url!` })
    expect(problems).toHaveLength(2)
    expect(JSON.stringify(problems)).not.toMatch(/c2hvcnQ|not base64url!/)
  })

  test('T13.2 secrets keep their order, newest first', () => {
    const ids = [[strongSecret, otherSecret], `${strongSecret},${otherSecret}`].map((secrets) => {
      const { settings } = accepted({ secrets })
      return settings.secrets === 'generate' ? [] : settings.secrets.map((secret) => secret.id)
    })
    expect(ids[0]).toHaveLength(2)
    expect(ids[1]).toEqual(ids[0])
    const swapped = accepted({ secrets: [otherSecret, strongSecret] }).settings.secrets
    expect(swapped === 'generate' ? [] : swapped.map((secret) => secret.id)).toEqual(ids[0]?.toReversed())
  })

  test('proxies that include everyone', () => {
    expect(problemsOf({ ...production, trustedProxies: ['0.0.0.0/0'] })).toMatchObject([{ setting: 'trustedProxies' }])
    expect(accepted({ trustedProxies: '::/0' }).warnings).toHaveLength(1)
  })
})

describe('T15.2 application and server on different sites', () => {
  const origin = 'https://app.other.example'

  test('production refuses and names the two supported ways', () => {
    const [problem] = problemsOf({ ...production, trustedOrigins: [origin] })
    expect(problem).toMatchObject({ setting: 'trustedOrigins', reason: expect.stringContaining(origin) })
    expect(problem?.fix).toMatch(/same-site proxy/)
    expect(problem?.fix).toMatch(/Authorization header/)
  })

  test('development says so and names the two supported ways', () => {
    const { warnings, settings } = accepted({ issuer: 'https://id.example', trustedOrigins: origin })
    expect(warnings).toEqual([expect.stringMatching(/another site.*same-site proxy.*Authorization header/)])
    expect(settings.trustedOrigins).toEqual(['https://id.example', origin])
  })

  test.each([
    ['https://id.shop.example', 'https://www.shop.example', true],
    ['https://id.shop.co.uk', 'https://shop.co.uk:8443', true],
    ['https://one.co.uk', 'https://other.co.uk', false],
    ['https://one.fly.dev', 'https://other.fly.dev', false],
    ['https://one.fly.dev', 'https://api.one.fly.dev', true],
    ['https://id.shop.example', 'http://www.shop.example', false],
    ['http://localhost:8080', 'http://localhost:5173', true],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:5173', true],
    ['http://localhost:8080', 'http://10.0.0.4:5173', false],
    ['http://10.1.1.1', 'http://10.1.1.2', false],
  ])('%s and %s: same site is %s', (issuer, trusted, sameSite) => {
    const { warnings } = accepted({ issuer, trustedOrigins: [trusted] })
    expect(warnings.some((warning) => warning.includes('another site'))).toBe(!sameSite)
  })

  test.each([
    'null',
    '*',
    'https://*.example',
    'https://a.example/',
    'https://a.example/x',
    'https://a.example:443',
    'https://A.example',
    'a.example',
    'https://u@a.example',
    'ws://a.example',
  ])('%s is no exact origin', (entry) => {
    expect(problemsOf({ trustedOrigins: [entry] })).toMatchObject([
      { setting: 'trustedOrigins', reason: expect.stringContaining(entry) },
    ])
  })
})

describe('T32.2 impossible lifetimes stop the start', () => {
  test.each([
    [{ idleSeconds: 101, absoluteSeconds: 100 }, 'idleSeconds'],
    [{ idleSeconds: 7_776_001 }, 'idleSeconds'],
    [{ accessSeconds: 100, idleSeconds: 100 }, 'accessSeconds'],
    [{ accessSeconds: 200, idleSeconds: 100 }, 'accessSeconds'],
    [{ accessSeconds: 80_000, absoluteSeconds: 70_000 }, 'accessSeconds'],
    [{ accessSeconds: 0 }, 'accessSeconds'],
    [{ accessSeconds: 1.5 }, 'accessSeconds'],
    [{ accessSeconds: 86_401 }, 'accessSeconds'],
    [{ raceWindowSeconds: 301 }, 'raceWindowSeconds'],
    [{ raceWindowSeconds: -1 }, 'raceWindowSeconds'],
    [{ absoluteSeconds: Number.NaN }, 'absoluteSeconds'],
    [{ absoluteSeconds: Number.POSITIVE_INFINITY }, 'absoluteSeconds'],
  ])('%j is refused by %s', (lifetimes, setting) => {
    expect(problemsOf(lifetimes).map((problem) => problem.setting)).toEqual([setting])
  })

  test.each([
    { idleSeconds: 100, absoluteSeconds: 100 },
    { accessSeconds: 99, idleSeconds: 100 },
    { raceWindowSeconds: 0 },
    { raceWindowSeconds: 300 },
  ])('%j is possible', (lifetimes) => {
    expect(problemsOf(lifetimes)).toEqual([])
  })

  test('a default gives way to a shorter limit that was set, and a warning says so', () => {
    const { settings, warnings } = accepted({ absoluteSeconds: 60 })
    expect(settings).toMatchObject({ absoluteSeconds: 60, idleSeconds: 60, accessSeconds: 59 })
    expect(warnings).toHaveLength(2)
  })

  test('sessions longer than any cookie are warned about (CK-2)', () => {
    expect(accepted({ absoluteSeconds: 401 * 86_400 }).warnings).toEqual([expect.stringContaining('400 days')])
  })
})

describe('problems', () => {
  test('all come at once', () => {
    const problems = problemsOf({
      port: 70_000,
      issuer: 'nowhere',
      trustedProxies: ['x'],
      idleSeconds: 5,
      absoluteSeconds: 4,
    })
    expect(problems.map((problem) => problem.setting)).toEqual(['port', 'issuer', 'trustedProxies', 'idleSeconds'])
  })

  test('an issuer that cannot be read is not held against the trusted origins', () => {
    expect(problemsOf({ ...production, issuer: 'nowhere', trustedOrigins: ['https://a.example'] })).toMatchObject([
      { setting: 'issuer' },
    ])
  })

  test('each names the setting as it was spelled where it came from', () => {
    const configuration = {
      ...fromEnvironment({ PORT: 'x', PAWL_IDLE_SECONDS: 'y' }, { idleSeconds: 'z' }),
      audience: 'nowhere',
    }
    expect(problemsOf(configuration).map((problem) => problem.setting)).toEqual(['PORT', '--idle-seconds', 'audience'])
  })

  test('what is missing from an environment is named by its variable', () => {
    expect(problemsOf(fromEnvironment({ PAWL_MODE: 'production', PAWL_ISSUER: 'https://id.example' }))).toMatchObject([
      { setting: 'PAWL_SECRETS' },
    ])
  })

  test('an error of configuration says everything in its message', () => {
    const error = new ConfigurationError(problemsOf({ port: -1, mode: 'production' }))
    expect(error.message).toContain('port is less than 0. To fix it, set it to a whole number from 0 to 65535.')
    expect(error.message).toContain('secrets is not set')
  })

  test('a field that does not exist is refused and the nearest named', () => {
    const misspelled: object = { acessSeconds: 5 }
    expect(problemsOf(misspelled)).toMatchObject([
      { setting: 'acessSeconds', fix: expect.stringContaining('accessSeconds') },
    ])
  })
})

describe('single values', () => {
  test.each(['my-api', 'https://api.example/#x', '/relative', ''])(
    'audience "%s" is no absolute URI (RFC 8707 section 2)',
    (audience) => {
      expect(problemsOf({ audience })).toMatchObject([{ setting: 'audience' }])
    },
  )

  test.each(['https://api.example', 'urn:example:api', 'https://api.example/v1?x=y'])(
    'audience %s is kept as given',
    (audience) => {
      expect(accepted({ audience }).settings.audience).toBe(audience)
    },
  )

  test.each(['127.0.0.1:80', 'http://localhost', 'a b', ''])('host "%s" is refused', (host) => {
    expect(problemsOf({ host })).toMatchObject([{ setting: 'host' }])
  })

  test.each(['::1', '127.0.0.1', 'localhost', 'fe80::1%eth0'])('host %s is accepted', (host) => {
    expect(accepted({ host }).settings.host).toBe(host)
  })

  test('listening for everyone under a name that only this machine knows is warned about', () => {
    expect(accepted({ host: '0.0.0.0' }).warnings).toEqual([expect.stringContaining('only this machine can visit')])
    expect(accepted({ host: '0.0.0.0', issuer: 'https://id.example' }).warnings).toEqual([])
  })

  test.each([
    ['10.0.0.5', '10.0.0.5'],
    ['10.9.9.9/8', '10.0.0.0/8'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['2001:DB8::1/32', '2001:db8::/32'],
  ])('proxy %s is spelled %s', (given, canonical) => {
    expect(accepted({ trustedProxies: [given] }).settings.trustedProxies).toEqual([canonical])
  })

  test.each([
    '10.1',
    '0x7f000001',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    'proxy.example',
    '::ffff:10.0.0.0/95',
  ])('proxy %s is refused', (entry) => {
    expect(problemsOf({ trustedProxies: entry })).toMatchObject([
      { setting: 'trustedProxies', reason: expect.stringContaining(entry) },
    ])
  })

  test.each([
    [true, true],
    ['on', true],
    [false, false],
    ['off', false],
  ] as const)('registration %s is %s', (given, registration) => {
    expect(accepted({ registration: given }).settings.registration).toBe(registration)
  })

  test('signing algorithms are those of the protocol', () => {
    expect(accepted({ signingAlgorithm: 'Ed25519' }).settings.signingAlgorithm).toBe('Ed25519')
    expect(problemsOf(fromEnvironment({ PAWL_SIGNING_ALGORITHM: 'HS256' }))).toMatchObject([
      { setting: 'PAWL_SIGNING_ALGORITHM' },
    ])
  })
})
