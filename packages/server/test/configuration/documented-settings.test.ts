import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { settingNames, settingsTable } from '../../src/configuration/settings-table.ts'

test('the configuration table of the README is the table that the server reads', () => {
  const readme = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8')
  const printed = readme.split('\n').filter((line) => /^\| `(PORT|HOST|PAWL_)/.test(line))
  const rows = settingNames.map((name) => {
    const { environment, flag, default: usual, meaning } = settingsTable[name]
    return `| \`${environment}\` | ${flag === null ? '–' : `\`--${flag}\``} | ${usual} | ${meaning} |`
  })
  expect(printed).toEqual(rows)
})
