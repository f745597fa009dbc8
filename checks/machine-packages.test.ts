import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { plant } from './planted-tree.ts'
import { repository } from './run-tool.ts'

/** Prepares a machine whose PATH holds the given commands and nothing else, and asks it for chromium. */
function prepare(commands: Record<string, string>, settings: Record<string, string> = {}) {
  const root = plant(commands)
  for (const name of Object.keys(commands)) chmodSync(join(root, name), 0o755)
  const code = `
    import { isMissing, prepareMachine } from ${JSON.stringify(join(repository, 'checks/machine-packages.ts'))}
    const before = isMissing('chromium')
    prepareMachine()
    console.log(JSON.stringify({ before, after: isMissing('chromium'), told: process.env.PAWL_MISSING }))
  `
  const environment = { PATH: root, ROOT: root, ...settings }
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', code], { env: environment, encoding: 'utf8' })
  const called = join(root, 'called')
  return {
    ...JSON.parse(run.stdout),
    stderr: run.stderr,
    calls: existsSync(called) ? readFileSync(called, 'utf8').trim().split('\n') : [],
  }
}

const aptGet = (rest: string) => `#!/bin/sh\necho "$@" >> "$ROOT/called"\n${rest}\n`
const installing = aptGet('case "$1" in install) : > "$ROOT/chromium"; /bin/chmod +x "$ROOT/chromium";; esac')

describe('commands that tests need and npm cannot install', () => {
  test('one that is there is not missed', () => {
    const prepared = prepare({ chromium: '#!/bin/sh\n', 'apt-get': installing }, { CI: 'true' })
    expect(prepared).toEqual({ before: false, after: false, told: '', stderr: '', calls: [] })
  })

  test('one that is missing is named, with the way to get it, and nothing is installed unasked', () => {
    const prepared = prepare({ 'apt-get': installing })
    expect(prepared).toMatchObject({ before: true, after: true, told: 'chromium', calls: [] })
    expect(prepared.stderr).toContain('apt-get install chromium')
  })

  test.each([{ CI: 'true' }, { PAWL_TEST_INSTALL: '1' }])('it is installed when %o says so', (settings) => {
    const prepared = prepare({ 'apt-get': installing }, settings)
    expect(prepared).toMatchObject({ before: true, after: false, told: '' })
    expect(prepared.calls).toEqual(['update -qq', 'install -y -qq --no-install-recommends chromium'])
  })

  test('an installation that fails leaves it missing, and says so', () => {
    const prepared = prepare({ 'apt-get': aptGet('exit 100') }, { CI: 'true' })
    expect(prepared).toMatchObject({ after: true, told: 'chromium', calls: ['update -qq'] })
    expect(prepared.stderr).toContain('apt-get update -qq failed')
  })
})
