import { expect, test } from 'vitest'
import { ConfigurationError } from '../../src/configuration/configuration-error.ts'
import { readConfiguration } from '../../src/configuration/read-environment.ts'
import { resolveSettings } from '../../src/configuration/resolve-settings.ts'
import type { ConfigurationProblem, PawlConfiguration, Settings } from '../../src/configuration/settings.ts'

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

test('the profile oidc signs with RS256, and with nothing else', () => {
  expect(accepted({ profile: 'oidc' }).settings).toMatchObject({ profile: 'oidc', signingAlgorithm: 'RS256' })
  expect(problemsOf({ profile: 'oidc', signingAlgorithm: 'ES256' })).toMatchObject([{ setting: 'signingAlgorithm' }])
  expect(problemsOf({ profile: 'oidc', signingAlgorithm: 'RS256' })).toEqual([])
  expect(problemsOf(fromEnvironment({ PAWL_PROFILE: 'fapi' }))).toMatchObject([{ setting: 'PAWL_PROFILE' }])
})

test.each([
  { pageName: '' },
  { pageName: 'x'.repeat(65) },
  { pageName: 'two\nlines' },
  { pageLogo: 'https://elsewhere.example/logo.png' },
  { pageLogo: 'data:text/html;base64,PGI+' },
  { pageColour: 'red' },
  { pageColour: '#12345' },
  { pageColour: '#123456;}' },
])('the pages are not made with %j', (look) => {
  expect(problemsOf(look)).toMatchObject([{ setting: Object.keys(look)[0] }])
})
