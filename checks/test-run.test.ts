import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { plant } from './planted-tree.ts'
import { repository } from './run-tool.ts'

const config = "export default { test: { globals: true, include: ['**/*.test.ts'] } }"

/** What `npm test` would do on a tree of its own. */
function runTests(files: Record<string, string>, options: readonly string[] = []) {
  const root = plant({ 'vitest.config.ts': config, ...files })
  const arguments_ = [join(repository, 'checks/run-tests.ts'), '--root', root, ...options]
  const run = spawnSync(process.execPath, arguments_, { cwd: root, encoding: 'utf8' })
  return { status: run.status, last: run.stdout.trimEnd().split('\n').at(-1) }
}

describe('the last line of npm test, and its exit status', () => {
  test('all pass', () => {
    const file = "test('a', () => {})\ndescribe('b', () => { test('c', () => {}); test.skip('d', () => {}) })"
    expect(runTests({ 'a.test.ts': file })).toEqual({ status: 0, last: '2 passed, 0 failed, 1 skipped' })
  })

  test.each([
    ['a failing test', "test('a', () => {})\ntest('b', () => { throw new Error('b') })", '1 passed, 1 failed'],
    ['a file that does not load', "import './missing.ts'\ntest('a', () => {})", '0 passed, 1 failed'],
    ['a hook that throws', "test('a', () => {})\nafterAll(() => { throw new Error('b') })", '1 passed, 1 failed'],
    ['an error nobody waits for', "test('a', () => { void Promise.reject(new Error('b')) })", '1 passed, 1 failed'],
    ['a file without tests', 'export {}', '0 passed, 1 failed'],
    ['nothing but skipped tests', "test.skip('a', () => {})", '0 passed, 0 failed, 1 skipped'],
  ])('%s', (_, file, last) => {
    expect(runTests({ 'a.test.ts': file })).toEqual({ status: 1, last })
  })

  test('no file at all', () => {
    expect(runTests({ 'a.ts': '' })).toEqual({ status: 1, last: '0 passed, 0 failed' })
  })

  test('arguments are passed on', () => {
    const files = { 'a.test.ts': "test('a', () => {})", 'b.test.ts': "test('b', () => { throw new Error('b') })" }
    expect(runTests(files, ['a.test.ts'])).toEqual({ status: 0, last: '1 passed, 0 failed' })
  })
})

describe('.ci/run', () => {
  function runCi(everyday: string, long: string) {
    const npm = `#!/bin/sh\ncase "$1" in test) ${everyday};; run) ${long};; esac\n`
    const root = plant({ 'tools/npm': npm })
    mkdirSync(join(root, '.ci'))
    cpSync(join(repository, '.ci/run'), join(root, '.ci/run'))
    chmodSync(join(root, 'tools/npm'), 0o755)
    const environment = { ...process.env, PATH: `${join(root, 'tools')}:${process.env['PATH']}` }
    const run = spawnSync(join(root, '.ci/run'), { cwd: plant({}), env: environment, encoding: 'utf8' })
    return { status: run.status, last: run.stdout.trimEnd().split('\n').at(-1) }
  }

  test('sums up both runs', () => {
    const run = runCi('echo "12 passed, 0 failed, 3 skipped"', 'echo "30 passed, 0 failed"')
    expect(run).toEqual({ status: 0, last: '42 passed, 0 failed' })
  })

  test.each([
    ['the first fails', 'echo "1 passed, 2 failed"; exit 1', 'echo "3 passed, 0 failed"', '4 passed, 2 failed'],
    ['the second fails', 'echo "1 passed, 0 failed"', 'echo "3 passed, 1 failed"; exit 1', '4 passed, 1 failed'],
    ['one breaks off', 'echo "starting"; exit 139', 'echo "3 passed, 0 failed"', '3 passed, 1 failed'],
  ])('fails when %s, after running both', (_, everyday, long, last) => {
    expect(runCi(everyday, long)).toEqual({ status: 1, last })
  })
})
