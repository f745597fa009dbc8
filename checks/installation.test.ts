import { spawn } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { plant } from './planted-tree.ts'
import { repository } from './run-tool.ts'

const lock = JSON.stringify({
  packages: {
    '': {},
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/other-platform': { version: '1.0.0', integrity: 'sha512-b', optional: true },
    'packages/x': {},
  },
})

/** Takes half a second over it, then leaves behind what npm would; says so in a file, and on stdout, which must not show. */
const npm = `#!/usr/bin/env node
const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs')
appendFileSync('npm-was-called', process.argv.slice(2).join(' ') + '\\n')
console.log('npm talks')
if (process.env.NPM_FAILS) process.exit(7)
mkdirSync('node_modules/.bin', { recursive: true })
setTimeout(() => {
  if (!process.env.NODE_IS_MISSING) writeFileSync('node_modules/.bin/node', '')
  const a = { version: '1.0.0', integrity: 'sha512-a' }
  writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages: { 'node_modules/a': a } }))
}, 500)
`

function freshClone(): string {
  const root = plant({ 'package-lock.json': lock, 'tools/npm': npm })
  mkdirSync(join(root, 'setup'))
  cpSync(join(repository, 'setup/install.mjs'), join(root, 'setup/install.mjs'))
  chmodSync(join(root, 'tools/npm'), 0o755)
  return root
}

interface Installation {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function install(root: string, settings: Record<string, string> = {}) {
  const { npm_execpath: _, PAWL_SKIP_INSTALL: __, ...environment } = process.env
  const child = spawn(process.execPath, ['setup/install.mjs'], {
    cwd: root,
    env: { ...environment, ...settings, PATH: `${join(root, 'tools')}:${process.env['PATH']}` },
  })
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text
  })
  const ended = new Promise<Installation>((resolve) => child.on('close', (status) => resolve({ status, ...said })))
  return { child, ended }
}

const calls = (root: string) =>
  existsSync(join(root, 'npm-was-called')) ? readFileSync(join(root, 'npm-was-called'), 'utf8').trim().split('\n') : []

describe('setup/install.mjs', () => {
  test('installs on a fresh clone, without a word on stdout, and not a second time', async () => {
    const root = freshClone()
    const first = await install(root).ended
    expect(first).toMatchObject({ status: 0, stdout: '' })
    expect(first.stderr).toContain('npm talks')
    expect(calls(root)).toEqual([expect.stringMatching(/^install --no-save .*--include=dev/)])
    expect(await install(root).ended).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(calls(root)).toHaveLength(1)
    expect(existsSync(join(root, '.installing'))).toBe(false)
  })

  test.each([
    ['another version', { 'node_modules/a': { version: '2.0.0', integrity: 'sha512-a' } }],
    ['another digest', { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-c' } }],
    ['a package more', { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' }, 'node_modules/b': {} }],
  ])('installs anew, from nothing, when the lockfile names %s', async (_, packages) => {
    const root = freshClone()
    await install(root).ended
    writeFileSync(join(root, 'node_modules/left-over'), '')
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages }))
    await install(root).ended
    expect(calls(root)).toHaveLength(2)
    expect(existsSync(join(root, 'node_modules/left-over'))).toBe(false)
  })

  test('an installation that was cut short is done anew', async () => {
    const root = freshClone()
    const cut = install(root)
    while (calls(root).length === 0) await new Promise((resolve) => setImmediate(resolve))
    cut.child.kill('SIGTERM')
    expect((await cut.ended).status).not.toBe(0)
    expect(await install(root).ended).toMatchObject({ status: 0 })
    expect(calls(root)).toHaveLength(2)
  })

  test('of two at once one installs and the other waits', async () => {
    const root = freshClone()
    const [first, second] = await Promise.all([install(root).ended, install(root).ended])
    expect([first.status, second.status]).toEqual([0, 0])
    expect(calls(root)).toHaveLength(1)
    expect(first.stderr + second.stderr).toContain('another installation is running')
  })

  test('the lock of a process that is gone does not hold anybody up', async () => {
    const root = freshClone()
    writeFileSync(join(root, '.installing'), '4194304')
    expect(await install(root).ended).toMatchObject({ status: 0 })
    expect(calls(root)).toHaveLength(1)
  })

  test('a failing npm fails it, with the same status, and the next run tries again', async () => {
    const root = freshClone()
    expect(await install(root, { NPM_FAILS: '1' }).ended).toMatchObject({ status: 7, stdout: '' })
    expect(await install(root).ended).toMatchObject({ status: 0 })
  })
})
