import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { plant } from './planted-tree.ts'
import { repository } from './run-tool.ts'

/**
 * Prepares a machine that holds the given executables and nothing else, those of `path/` on its PATH, and asks it for a
 * package.
 */
function prepare(name: string, executables: Record<string, string>, settings: Record<string, string> = {}) {
  const root = plant(executables)
  for (const path of Object.keys(executables)) chmodSync(join(root, path), 0o755)
  const code = `
    import { folderOf, isMissing, prepareMachine } from ${JSON.stringify(join(repository, 'checks/machine-packages.ts'))}
    const { ROOT, NAME } = process.env
    const before = folderOf(NAME, ROOT) === undefined
    prepareMachine(ROOT)
    const folder = folderOf(NAME, ROOT)?.slice(ROOT.length)
    console.log(JSON.stringify({ before, after: isMissing(NAME), folder, told: process.env.PAWL_MISSING }))
  `
  const environment = { PATH: join(root, 'path'), ROOT: root, NAME: name, ...settings }
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', code], { env: environment, encoding: 'utf8' })
  const called = join(root, 'called')
  return {
    ...JSON.parse(run.stdout),
    stderr: run.stderr,
    calls: existsSync(called) ? readFileSync(called, 'utf8').trim().split('\n') : [],
  }
}

const nothing = '#!/bin/sh\n'
const chromium = { 'path/chromium': nothing }
const initdb = { 'usr/lib/postgresql/15/bin/initdb': nothing }
const pgbouncer = { 'usr/sbin/pgbouncer': nothing }

const recording = (rest: string) => `#!/bin/sh\necho "\${0##*/} $@" >> "$ROOT/called"\n${rest}\n`
const installing = (path: string) => ({
  'path/apt-get': recording(`case "$1" in install)
    /bin/mkdir -p "$ROOT/${path}"; /bin/rmdir "$ROOT/${path}"; : > "$ROOT/${path}"; /bin/chmod +x "$ROOT/${path}";; esac`),
  'path/pg_conftool': recording(''),
})
const failing = { 'path/apt-get': recording('exit 100') }
const add = 'apt-get install -y -qq --no-install-recommends'

describe('packages that tests need and npm cannot install', () => {
  test('what is there is not missed, be it on the PATH or where Debian keeps it', () => {
    const whole = { ...chromium, ...initdb, ...pgbouncer, ...failing }
    const folders = { chromium: '/path', postgresql: '/usr/lib/postgresql/15/bin', pgbouncer: '/usr/sbin' }
    for (const [name, folder] of Object.entries(folders)) {
      const prepared = prepare(name, whole, { CI: 'true' })
      expect(prepared).toEqual({ before: false, after: false, folder, told: '', stderr: '', calls: [] })
    }
  })

  test('of several PostgreSQLs the newest is taken that is whole', () => {
    const versions = {
      ...initdb,
      'usr/lib/postgresql/9.6/bin/initdb': nothing,
      'usr/lib/postgresql/16/bin/psql': nothing,
    }
    expect(prepare('postgresql', versions)).toMatchObject({ folder: '/usr/lib/postgresql/15/bin' })
  })

  test('what is missing is named, with the way to get it, and nothing is installed unasked', () => {
    const prepared = prepare('chromium', { ...pgbouncer, ...installing('path/chromium') })
    expect(prepared).toMatchObject({ before: true, after: true, told: 'chromium,postgresql', calls: [] })
    expect(prepared.stderr).toContain('apt-get install chromium postgresql')
  })

  test.each([{ CI: 'true' }, { PAWL_TEST_INSTALL: '1' }])('it is installed when %o says so', (settings) => {
    const prepared = prepare('chromium', { ...initdb, ...pgbouncer, ...installing('path/chromium') }, settings)
    expect(prepared).toMatchObject({ before: true, after: false, told: '' })
    expect(prepared.calls).toEqual(['apt-get update -qq', `${add} chromium`])
  })

  test('PostgreSQL is installed without a cluster that would run beside ours', () => {
    const machine = { ...chromium, ...pgbouncer, ...installing('usr/lib/postgresql/15/bin/initdb') }
    const prepared = prepare('postgresql', machine, { CI: 'true' })
    expect(prepared).toMatchObject({ before: true, after: false, told: '' })
    expect(prepared.calls).toEqual([
      'apt-get update -qq',
      `${add} postgresql-common`,
      'pg_conftool /etc/postgresql-common/createcluster.conf set create_main_cluster off',
      `${add} postgresql`,
    ])
  })

  test('but where somebody has settled that before, it stays as it is', () => {
    const settled = { 'etc/postgresql-common/createcluster.conf': '' }
    const machine = { ...chromium, ...pgbouncer, ...settled, ...installing('usr/lib/postgresql/15/bin/initdb') }
    expect(prepare('postgresql', machine, { CI: 'true' }).calls).toEqual(['apt-get update -qq', `${add} postgresql`])
  })

  test('an installation that fails leaves it missing, and says so', () => {
    const prepared = prepare('chromium', { ...initdb, ...pgbouncer, ...failing }, { CI: 'true' })
    expect(prepared).toMatchObject({ after: true, told: 'chromium', calls: ['apt-get update -qq'] })
    expect(prepared.stderr).toContain('apt-get update -qq failed')
  })
})
