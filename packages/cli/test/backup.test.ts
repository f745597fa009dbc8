import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Finished, freshEnvironment, pawl } from './pawl-process.ts'

let environment: Record<string, string> = {}
let folder = ''
let remove: () => Promise<void> = async () => undefined

beforeEach(async () => {
  const fresh = await freshEnvironment()
  environment = fresh.environment
  remove = fresh.remove
  folder = join(environment['PAWL_DATA'] ?? '', '..')
  await run('user', 'add', 'ann', '--password-stdin')
})
afterEach(() => remove())

const run = (...words: string[]): Promise<Finished> => pawl(words, { environment, stdin: 'a sentence nobody else has' })
const document = z.strictObject({ file: z.string(), bytes: z.int().positive(), lost_since: z.iso.datetime() })

describe('pawl backup', () => {
  test('makes a file that only its owner reads, whole and with everything in it, and leaves nothing else behind', async () => {
    const file = join(folder, 'copy.db')
    const { status, stdout } = await run('backup', file)
    expect(status).toBe(0)
    expect(stdout).toMatch(/pawl restore --lost-since 20\d\d-\S+Z/)
    expect(stdout).toContain('the secrets are not in it')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['copy.db', 'data'])
    expect(await readdir(join(folder, 'data'))).toEqual(['pawl.db'])
    const copy = new DatabaseSync(file)
    expect(copy.prepare('SELECT username FROM users').all()).toMatchObject([{ username: 'ann' }])
    expect(copy.prepare('PRAGMA integrity_check').get()).toMatchObject({ integrity_check: 'ok' })
    copy.close()
  })

  test('--json tells the instant for pawl restore: before the copy was begun, by the longest that a write can take', async () => {
    const begun = Date.now()
    const { stdout } = await run('backup', join(folder, 'copy.db'), '--json')
    const { lost_since } = document.parse(JSON.parse(stdout))
    expect(Date.parse(lost_since)).toBeGreaterThanOrEqual(begun - 30_000)
    expect(Date.parse(lost_since)).toBeLessThanOrEqual(Date.now() - 30_000)
    expect(await run('restore', '--lost-since', lost_since, '--keep-sessions')).toMatchObject({ status: 0 })
  })

  test('never takes the place of a file that is there, unless it is told to', async () => {
    const file = join(folder, 'copy.db')
    await writeFile(file, 'the only backup', { mode: 0o644 })
    expect(await run('backup', file)).toMatchObject({ status: 1, stderr: expect.stringContaining('is there already') })
    expect(await readFile(file, 'utf8')).toBe('the only backup')
    expect(await run('backup', file, '--force')).toMatchObject({ status: 0 })
    expect((await readFile(file)).subarray(0, 15).toString()).toBe('SQLite format 3')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  test.each(['pawl.db', 'pawl.db-wal', 'pawl.db-journal', '../data/pawl.db', 'secrets'])(
    'never writes over the store itself, nor over its secrets: %s',
    async (name) => {
      const { status, stderr } = await run('backup', join(folder, 'data', name), '--force')
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('is the store itself') })
      expect((await run('user', 'list')).stdout).toContain('ann')
    },
  )

  test('says what keeps it from writing, and leaves nothing behind', async () => {
    const missing = await run('backup', join(folder, 'not', 'there.db'))
    expect(missing).toMatchObject({ status: 1, stdout: '' })
    expect(missing.stderr).toMatch(/cannot be written: ENOENT/)
    await mkdir(join(folder, 'taken'))
    expect(await run('backup', join(folder, 'taken'), '--force')).toMatchObject({ status: 1, stdout: '' })
    expect(await readdir(folder)).toEqual(['data', 'taken'])
  })

  test('never takes the place of what is no file, whatever it is told', async () => {
    const socket = createServer().listen(join(folder, 'socket'))
    await once(socket, 'listening')
    for (const name of [join(folder, 'socket'), folder, '']) {
      const { status, stdout, stderr } = await run('backup', name, '--force')
      expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: expect.stringMatching(/is no file/) })
    }
    expect((await stat(join(folder, 'socket'))).isSocket()).toBe(true)
    socket.close()
  })

  test.each([
    ['ENAMETOOLONG', 'n'.repeat(300)],
    ['ENOTDIR', join('data', 'pawl.db', 'copy.db')],
  ])('a name that no file can have is said to be one: %s', async (code, name) => {
    const { status, stderr } = await run('backup', join(folder, name))
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(`cannot be written: ${code}`) })
  })

  test('makes no empty store where PAWL_DATA names the wrong directory', async () => {
    environment = { ...environment, PAWL_DATA: join(folder, 'elsewhere') }
    const { status, stderr } = await run('backup', join(folder, 'copy.db'))
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('Set PAWL_DATA') })
    expect(await readdir(folder)).toEqual(['data'])
  })

  test('a damaged store makes no backup', async () => {
    const store = join(folder, 'data', 'pawl.db')
    const pages = await readFile(store)
    await chmod(store, 0o600)
    // A page in the middle of the file, far behind the schema.
    pages.fill(0xa5, 5 * 4096, 6 * 4096)
    await writeFile(store, pages)
    const { status, stderr } = await run('backup', join(folder, 'copy.db'))
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/damaged|malformed/) })
    expect(await readdir(folder)).toEqual(['data'])
  })

  test('leaves PostgreSQL to the tools of PostgreSQL', async () => {
    environment = { ...environment, PAWL_DATABASE_URL: 'postgres://pawl@db.example/pawl' }
    const { status, stderr } = await run('backup', join(folder, 'copy.db'))
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('pg_dump') })
    expect(await readdir(folder)).toEqual(['data'])
  })
})
