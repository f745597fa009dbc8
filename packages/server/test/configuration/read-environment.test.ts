import { describe, expect, test } from 'vitest'
import { readConfiguration } from '../../src/configuration/read-environment.ts'
import { resolveSettings } from '../../src/configuration/resolve-settings.ts'
import { settingNames, settingsTable } from '../../src/configuration/settings-table.ts'

function settingsFrom(environment: Record<string, string>, flags: Record<string, unknown> = {}): unknown {
  const outcome = resolveSettings(readConfiguration({ environment, flags }))
  return outcome.ok ? outcome.settings : outcome.problems
}

describe('precedence', () => {
  test('flags win over the environment, the environment over defaults', () => {
    expect(settingsFrom({ PORT: '3000', PAWL_ACCESS_SECONDS: '60' }, { port: '4000' })).toMatchObject({
      port: 4000,
      accessSeconds: 60,
      idleSeconds: 2_592_000,
    })
  })

  test('a field given in code wins over what was gathered', () => {
    const outcome = resolveSettings({ ...readConfiguration({ environment: { PORT: '3000' } }), port: 5000 })
    expect(outcome).toMatchObject({ ok: true, settings: { port: 5000 } })
  })

  test('an empty variable counts as not set', () => {
    expect(settingsFrom({ PORT: '', PAWL_ISSUER: '  ' })).toMatchObject({ port: 8080, issuer: 'http://localhost:8080' })
  })

  test('lists are separated by commas, blanks and empty entries do not count', () => {
    expect(settingsFrom({ PAWL_TRUSTED_PROXIES: ' 10.0.0.1, 10.0.0.2,' })).toMatchObject({
      trustedProxies: ['10.0.0.1', '10.0.0.2'],
    })
  })

  test('secrets are never taken from a flag', () => {
    expect(settingsTable.secrets.flag).toBeNull()
    expect(readConfiguration({ environment: {}, flags: { secrets: 'x' } }).gathered?.texts).toEqual({})
  })
})

describe('names', () => {
  test('every setting has its own variable and flag', () => {
    const variables = settingNames.map((name) => settingsTable[name].environment)
    const flags = settingNames.map((name) => settingsTable[name].flag)
    expect(new Set(variables).size).toBe(settingNames.length)
    expect(new Set(flags).size).toBe(settingNames.length)
  })

  test('a flag is the field name in kebab case, so that both read alike', () => {
    for (const name of settingNames) {
      const kebab = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
      expect(settingsTable[name].flag ?? kebab).toBe(kebab)
    }
  })

  test('a mistyped variable is warned about with the nearest known name', () => {
    const configuration = readConfiguration({
      environment: { PAWL_TRUSTED_ORIGIN: 'x', PAWL_TEST_INSTALL: '1', PATH: '/bin' },
    })
    expect(configuration.gathered?.warnings).toEqual([
      'PAWL_TRUSTED_ORIGIN is no setting and has no effect; did you mean PAWL_TRUSTED_ORIGINS?',
    ])
  })
})
