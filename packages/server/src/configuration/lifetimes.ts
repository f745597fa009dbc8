import type { ConfigurationProblem, SettingName, Settings, SettingValues } from './settings.ts'
import { settingsTable } from './settings-table.ts'

/** Browsers keep no cookie longer (rfc6265bis section 5.5). */
const longestCookieSeconds = 400 * 86_400

/** What the lifetimes are resolved from. */
export interface LifetimeFindings {
  readonly values: Partial<SettingValues>
  readonly problems: ConfigurationProblem[]
  readonly warnings: string[]
  readonly spelling: (name: SettingName) => string
}

/** The lifetimes among the settings, in seconds. */
export type Lifetimes = Pick<Settings, 'accessSeconds' | 'idleSeconds' | 'absoluteSeconds' | 'raceWindowSeconds'>

/**
 * Completes the lifetimes and refuses impossible ones: the idle limit must not exceed the absolute one, and an access
 * token must end before an unused session does. Only what was set is held against each other; a default gives way to
 * a shorter limit that was set, and a warning says so.
 */
export function resolveLifetimes({ values, problems, warnings, spelling }: LifetimeFindings): Lifetimes {
  const absoluteSeconds = values.absoluteSeconds ?? Number(settingsTable.absoluteSeconds.default)
  const idleSeconds = values.idleSeconds ?? giveWay('idleSeconds', absoluteSeconds, 'absoluteSeconds')
  const accessSeconds = values.accessSeconds ?? giveWay('accessSeconds', idleSeconds - 1, 'idleSeconds')
  const raceWindowSeconds = values.raceWindowSeconds ?? Number(settingsTable.raceWindowSeconds.default)

  if (idleSeconds > absoluteSeconds) {
    problems.push({
      setting: spelling('idleSeconds'),
      reason: `is ${idleSeconds} s, longer than ${spelling('absoluteSeconds')} (${absoluteSeconds} s), so it could never end a session`,
      fix: `set it to at most ${absoluteSeconds}, or raise ${spelling('absoluteSeconds')}`,
    })
  }
  if (accessSeconds >= idleSeconds) {
    problems.push({
      setting: spelling('accessSeconds'),
      reason: `is ${accessSeconds} s, not shorter than ${spelling('idleSeconds')} (${idleSeconds} s), so sessions would end before their first refresh`,
      fix: `set it below ${idleSeconds}, or raise ${spelling('idleSeconds')}`,
    })
  }
  if (absoluteSeconds > longestCookieSeconds) {
    warnings.push(
      `${spelling('absoluteSeconds')} is ${absoluteSeconds} s: browsers keep no cookie longer than 400 days (${longestCookieSeconds} s), ` +
        'so sessions in cookies end then unless they are used in between',
    )
  }
  return { accessSeconds, idleSeconds, absoluteSeconds, raceWindowSeconds }

  function giveWay(name: 'accessSeconds' | 'idleSeconds', most: number, because: SettingName): number {
    const usual = Number(settingsTable[name].default)
    if (usual <= most) return usual
    warnings.push(
      `${spelling(name)} is ${most} s instead of its default ${usual} s, because ${spelling(because)} leaves no more`,
    )
    return most
  }
}
