import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { testKeyMember } from '@pawl/protocol'
import { ConfigurationError, createLogger, createPawl, memoryStorage } from '@pawl/server'
import { createTestIssuer, testSecret } from '@pawl/test-kit'
import { createVerifier } from '@pawl/verifier'
import { afterEach, describe, expect, test, vi } from 'vitest'

const strongSecret = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + 11) % 256)).toString(
  'base64url',
)

afterEach(() => vi.unstubAllEnvs())

describe('T30.3: the server', () => {
  test.each([
    ['alone', [testSecret], 1],
    ['among the older ones', [strongSecret, testSecret], 2],
  ])('T30.3: production refuses the secret of the kit %s', (_, secrets, place) => {
    const configuration = { issuer: 'https://id.example', secrets, storage: memoryStorage() }
    let thrown: unknown
    try {
      createPawl({ ...configuration, mode: 'production' })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(ConfigurationError)
    expect(thrown).toMatchObject({ problems: [{ setting: 'secrets' }] })
    expect(thrown).toMatchObject({ message: expect.stringMatching(`@pawl/test-kit \\(\\S{11}\\) at place ${place}`) })
    expect(String(thrown)).not.toContain(testSecret)
    expect(createPawl(configuration).warnings).toEqual([expect.stringContaining('@pawl/test-kit')])
    expect(() => createPawl({ ...configuration, secrets: strongSecret, mode: 'production' })).not.toThrow()
  })

  test('T30.3: it marks its keys, as long as one was made under that secret', async () => {
    await using kit = await createTestIssuer()
    const reply = await kit.fetch('/oauth/jwks')
    expect(await reply.json()).toMatchObject({ keys: [{ kty: 'EC', [testKeyMember]: true }] })

    const logger = createLogger()
    logger.level = 'silent'
    const pawl = createPawl({ issuer: 'https://id.example', secrets: strongSecret, storage: memoryStorage(), logger })
    const published = await (await pawl.fetch(new Request('https://id.example/oauth/jwks'))).text()
    await pawl.close()
    expect(published).toContain('"kid"')
    expect(published).not.toContain(testKeyMember)
  })
})

describe('T30.3: the verifier', () => {
  test('T30.3: does not take a key set that holds a key for tests, unless it is told to', async () => {
    await using kit = await createTestIssuer()
    const token = await kit.accessToken('ada')
    const { dangerouslyAcceptTestKeys: _, ...asInProduction } = kit.verifierOptions
    const verification = await createVerifier(asInProduction).verify(token)
    const refusal = { reason: 'keys_unavailable', status: 503, detail: 'keys for tests' }
    expect(verification).toMatchObject({ ok: false, refusal })
    expect(await createVerifier(kit.verifierOptions).verify(token)).toMatchObject({ ok: true })
  })

  test('T30.3: nor such a key beside good ones, nor pinned', async () => {
    await using kit = await createTestIssuer()
    const token = await kit.accessToken('ada')
    const keys = keysOf(await (await kit.fetch('/oauth/jwks')).json())
    const { [testKeyMember]: _, ...good } = keys[0] ?? {}
    const { issuer, audience } = kit
    const serving = (...set: readonly unknown[]) =>
      createVerifier({ issuer, audience, clock: kit.clock.now, fetch: async () => Response.json({ keys: set }) })
    expect(await serving(good).verify(token)).toMatchObject({ ok: true })
    const mixed = await serving(good, { kid: 'other', [testKeyMember]: true }).verify(token)
    expect(mixed).toMatchObject({ ok: false, refusal: { reason: 'keys_unavailable' } })
    expect(() => createVerifier({ issuer, audience, pinnedKeys: { keys } })).toThrow(/pinnedKeys/)
  })
})

describe('T30.3: the kit', () => {
  test('T30.3: does not start where NODE_ENV is production, unless it is told to', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    await expect(createTestIssuer()).rejects.toThrow('NODE_ENV is production')
    await using kit = await createTestIssuer({ dangerouslyRunInProduction: true })
    expect(await kit.accessToken('ada')).toMatch(/^eyJ/)
  })
})

describe('T30.1: in a process of its own', () => {
  const run = (flags: readonly string[], program: URL) => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const given = ['--no-warnings', ...flags, fileURLToPath(program)]
    return spawnSync(process.execPath, given, { encoding: 'utf8', env })
  }

  test('T30.1: works without the permission to use a network', () => {
    const permissions = ['--permission', '--allow-fs-read=*', '--allow-addons']
    const { status, stdout, stderr } = run(permissions, new URL('programs/without-network.ts', import.meta.url))
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ network: 'ERR_ACCESS_DENIED', verified: true, session: 'active' })
  })

  test('T30.1: works under node:test, and lets the process end', () => {
    const { status, stdout } = run(
      ['--test', '--test-reporter=tap'],
      new URL('programs/under-node-test.ts', import.meta.url),
    )
    expect(stdout).toContain('# pass 2')
    expect(stdout).toContain('# fail 0')
    expect(status).toBe(0)
  })
})

function keysOf(document: unknown): readonly Readonly<Record<string, unknown>>[] {
  const keys: unknown = typeof document === 'object' && document !== null && 'keys' in document ? document.keys : []
  return Array.isArray(keys) ? keys : []
}
