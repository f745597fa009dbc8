import { nearestName } from './nearest-name.ts'
import type { ConfigurationProblem, PawlConfiguration, SettingName } from './settings.ts'
import { settingNames, settingsTable } from './settings-table.ts'

/** Where the values come from. */
export interface ConfigurationSources {
  /** Environment variables, such as `process.env`. An empty one counts as not set. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Flags by field name (`accessSeconds` for `--access-seconds`); other entries are not looked at. They win. */
  readonly flags?: Readonly<Record<string, unknown>>
}

/** Variables that begin like ours and are read by this repository's own scripts. */
const readElsewhere: ReadonlySet<string> = new Set(['PAWL_TEST_INSTALL'])

/**
 * Variables for an engine that is not here: whoever sets one believes that the sessions live there, so ignoring it
 * would lose them.
 */
const otherEngines: readonly string[] = ['PAWL_DATABASE_URL', 'PAWL_DATABASE_DIRECT_URL']

/**
 * Gathers a configuration from environment variables and flags; flags win, and what neither sets is left to the
 * defaults. Reads nothing but its arguments. Values stay text and are checked by `createPawl`, which names each
 * setting in the spelling it came in. Variables that begin with `PAWL_` and are no setting become warnings.
 */
export function readConfiguration({ environment, flags = {} }: ConfigurationSources): PawlConfiguration {
  const texts: Partial<Record<SettingName, { spelling: string; text: string }>> = {}
  for (const name of settingNames) {
    const row = settingsTable[name]
    const flag = row.flag === null ? undefined : flags[name]
    const variable = environment[row.environment]
    if (typeof flag === 'string') texts[name] = { spelling: `--${row.flag}`, text: flag }
    else if (variable !== undefined && variable.trim() !== '')
      texts[name] = { spelling: row.environment, text: variable }
  }
  return { gathered: { texts, problems: refusedVariables(environment), warnings: unknownVariables(environment) } }
}

function refusedVariables(environment: ConfigurationSources['environment']): ConfigurationProblem[] {
  return otherEngines
    .filter((name) => (environment[name] ?? '').trim() !== '')
    .map((setting) => ({
      setting,
      reason: 'is set, but this version keeps its data in SQLite only',
      fix: 'remove it; PAWL_DATA names the directory of the SQLite database',
    }))
}

function unknownVariables(environment: ConfigurationSources['environment']): string[] {
  const known = settingNames.map((name) => settingsTable[name].environment)
  return Object.keys(environment)
    .filter(
      (name) =>
        name.startsWith('PAWL_') && !known.includes(name) && !readElsewhere.has(name) && !otherEngines.includes(name),
    )
    .toSorted((one, other) => (one < other ? -1 : 1))
    .map((name) => `${name} is no setting and has no effect; did you mean ${nearestName(name, known)}?`)
}
