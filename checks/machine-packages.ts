import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Something that some tests need and npm cannot install. */
interface MachinePackage {
  /** The Debian package that brings it. */
  readonly name: string
  /** A command of it. */
  readonly command: string
  /** Where Debian keeps that command, if not on the PATH; a glob. */
  readonly folders?: string
}

const needed: readonly MachinePackage[] = [
  { name: 'chromium', command: 'chromium' },
  { name: 'postgresql', command: 'initdb', folders: '/usr/lib/postgresql/*/bin' },
  { name: 'pgbouncer', command: 'pgbouncer', folders: '/usr/sbin' },
]

/**
 * Whether a package that tests need is missing on this machine. For `describe.skipIf(isMissing('chromium'))`; the title
 * of what is skipped says which package it wants.
 */
export function isMissing(name: string): boolean {
  const told = process.env['PAWL_MISSING']
  return told === undefined ? folderOf(name) === undefined : told.split(',').includes(name)
}

/**
 * The folder that holds the commands of a package: one of the PATH, or where Debian keeps them, the newest version first.
 *
 * @param machine the machine's root directory
 */
export function folderOf(name: string, machine = '/'): string | undefined {
  const wanted = needed.find((candidate) => candidate.name === name)
  if (wanted === undefined) throw new Error(`no test needs ${name}`)
  const kept = wanted.folders === undefined ? [] : globSync(join(machine, wanted.folders))
  const newestFirst = kept.sort((one, other) => other.localeCompare(one, 'en', { numeric: true }))
  const onPath = (process.env['PATH'] ?? '').split(delimiter)
  return [...newestFirst, ...onPath].find((folder) => isExecutable(join(folder, wanted.command)))
}

/**
 * Looks for what tests need. In CI (`CI=true`) or when asked to (`PAWL_TEST_INSTALL=1`) it installs what is missing;
 * otherwise it says how to. What is still missing then stands in `PAWL_MISSING`, for {@link isMissing}.
 *
 * @param machine the machine's root directory
 */
export function prepareMachine(machine = '/'): void {
  const missing = () => needed.map(({ name }) => name).filter((name) => folderOf(name, machine) === undefined)
  const names = missing()
  if (names.length > 0) {
    if (process.env['CI'] === 'true' || process.env['PAWL_TEST_INSTALL'] === '1') install(names, machine)
    else
      console.error(
        `missing on this machine: ${names.join(', ')}. The tests that need it are skipped.\n` +
          `To run them: apt-get install ${names.join(' ')}, or set PAWL_TEST_INSTALL=1.`,
      )
  }
  process.env['PAWL_MISSING'] = missing().join(',')
}

function install(names: readonly string[], machine: string): void {
  console.error(`installing ${names.join(', ')} …`)
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const add = (...packages: readonly string[]) => [
    ...['apt-get', 'install', '-y', '-qq', '--no-install-recommends'],
    ...packages,
  ]
  const steps = [
    ['apt-get', 'update', '-qq'],
    ...(names.includes('postgresql') ? withoutCluster(add, machine) : []),
    add(...names),
  ]
  for (const [command = '', ...words] of steps) {
    const run = spawnSync(command, words, { stdio: ['ignore', 2, 2], env: environment })
    if (run.status === 0) continue
    console.error(`${command} ${words.join(' ')} failed; the tests that need it are skipped`)
    return
  }
}

/**
 * Debian's package would make a cluster of its own and start it on port 5432, which no test uses. Whoever has set up
 * clusters on this machine has decided that before.
 */
function withoutCluster(add: (name: string) => string[], machine: string): string[][] {
  const settings = '/etc/postgresql-common/createcluster.conf'
  if (existsSync(join(machine, settings))) return []
  return [add('postgresql-common'), ['pg_conftool', settings, 'set', 'create_main_cluster', 'off']]
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
