import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Counts } from './count-reporter.ts'
import { prepareMachine } from './machine-packages.ts'
import { listFiles } from './source-files.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const given = process.argv.slice(2)
const long = given.includes('--long')
const rest = given.filter((argument) => argument !== '--long')

if (long && !listFiles(root).some((path) => path.endsWith('.long.test.ts'))) {
  console.log('there are no long tests yet')
  console.log('0 passed, 0 failed')
} else {
  prepareMachine()
  process.exitCode = await run()
}

/** Runs Vitest and says, on the last line of stdout, what came of it. */
async function run(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-tests-'))
  const file = join(folder, 'counts.json')
  const reporters = ['--reporter=default', `--reporter=${join(root, 'checks/count-reporter.ts')}`]
  const vitest = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...rest], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PAWL_TEST_COUNTS: file, PAWL_LONG_TESTS: long ? '1' : '0' },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => vitest.kill(signal))
  const status = await new Promise<number>((resolve) => vitest.on('exit', (code) => resolve(code ?? 1)))
  const counts = readCounts(file)
  rmSync(folder, { recursive: true, force: true })
  const { passed, failed, skipped } = counts
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  if (failed > 0 || passed === 0) return status === 0 ? 1 : status
  return status
}

/** Without a file Vitest broke off before the end, and that counts as a failure. */
function readCounts(file: string): Counts {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { passed: 0, failed: 1, skipped: 0 }
}
