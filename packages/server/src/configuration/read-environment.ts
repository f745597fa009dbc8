import { nearestName } from './nearest-name.ts'
import type { PawlConfiguration, SettingName } from './settings.ts'
import { settingNames, settingsTable } from './settings-table.ts'

/** Where the values come from. */
export interface ConfigurationSources {
  /** Environment variables, such as `process.env`. An empty one counts as not set. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Flags by field name (`accessSeconds` for `--access-seconds`); other entries are not looked at. They win. */
  readonly flags?: Readonly<Record<string, unknown>>
}

/** Variables that begin like ours and are read by this repository's own scripts, or by `pawl start` for itself. */
const readElsewhere: ReadonlySet<string> = new Set(['PAWL_TEST_INSTALL', 'PAWL_WORKERS', 'PAWL_WORKER'])

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
  return { gathered: { texts, warnings: unknownVariables(environment) } }
}

function unknownVariables(environment: ConfigurationSources['environment']): string[] {
  const known = settingNames.map((name) => settingsTable[name].environment)
  return Object.keys(environment)
    .filter((name) => name.startsWith('PAWL_') && !known.includes(name) && !readElsewhere.has(name))
    .toSorted((one, other) => (one < other ? -1 : 1))
    .map((name) => `${name} is no setting and has no effect; did you mean ${nearestName(name, known)}?`)
}
