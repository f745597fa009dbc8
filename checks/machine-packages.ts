import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A command that some tests need and npm cannot install, with the Debian package that brings it. */
interface MachinePackage {
  readonly command: string
  readonly debianPackage: string
}

const needed: readonly MachinePackage[] = [{ command: 'chromium', debianPackage: 'chromium' }]

/**
 * Whether a command that tests need is missing on this machine. For `describe.skipIf(isMissing('chromium'))`; the title
 * of what is skipped says which command it wants.
 */
export function isMissing(command: string): boolean {
  const told = process.env['PAWL_MISSING']
  return told === undefined ? !isOnPath(command) : told.split(',').includes(command)
}

/**
 * Looks for the commands that tests need. In CI (`CI=true`) or when asked to (`PAWL_TEST_INSTALL=1`) it installs what is
 * missing; otherwise it says how to. What is still missing then stands in `PAWL_MISSING`, for {@link isMissing}.
 */
export function prepareMachine(): void {
  const missing = needed.filter(({ command }) => !isOnPath(command))
  if (missing.length > 0) {
    const names = missing.map(({ debianPackage }) => debianPackage)
    if (process.env['CI'] === 'true' || process.env['PAWL_TEST_INSTALL'] === '1') install(names)
    else
      console.error(
        `missing on this machine: ${names.join(', ')}. The tests that need it are skipped.\n` +
          `To run them: apt-get install ${names.join(' ')}, or set PAWL_TEST_INSTALL=1.`,
      )
  }
  process.env['PAWL_MISSING'] = needed
    .map(({ command }) => command)
    .filter((command) => !isOnPath(command))
    .join(',')
}

function install(names: readonly string[]): void {
  console.error(`installing ${names.join(', ')} …`)
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const step of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...names],
  ]) {
    const run = spawnSync('apt-get', step, { stdio: ['ignore', 2, 2], env: environment })
    if (run.status === 0) continue
    console.error(`apt-get ${step.join(' ')} failed; the tests that need it are skipped`)
    return
  }
}

function isOnPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
