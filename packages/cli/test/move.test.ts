import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Finished, freshEnvironment, pawl } from './pawl-process.ts'

const secret = 'kept-to-yourself'
let environment: Record<string, string> = {}
let remove: () => Promise<void> = async () => undefined
let nowhere = ''

beforeEach(async () => {
  const fresh = await freshEnvironment()
  environment = fresh.environment
  remove = fresh.remove
  // Nobody listens on the port that a server would have.
  nowhere = `127.0.0.1:${environment['PORT']}/pawl`
  await run('user add ann --password-stdin', 'a sentence nobody else has')
})
afterEach(() => remove())

const run = (words: string, stdin = ''): Promise<Finished> => pawl(words.split(' '), { environment, stdin })

describe('where pawl move is to go', () => {
  test('a URL with a password is refused on the command line, and not repeated', async () => {
    for (const url of [`postgres://pawl:${secret}@${nowhere}`, `postgres://pawl@${nowhere}?password=${secret}`]) {
      const { status, stdout, stderr } = await run(`move --to ${url}`)
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      expect(stderr).toMatch(/^pawl: the URL holds a password.*--to-stdin.*PGPASSWORD/)
      expect(stderr).not.toContain(secret)
    }
  })

  test('from standard input it is taken, and not shown when the database does not answer', async () => {
    const { status, stdout, stderr } = await run('move --to-stdin', `postgres://pawl:${secret}@${nowhere}\n`)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^pawl: the store did not answer \(connect ECONNREFUSED 127/)
    expect(stderr).not.toContain(secret)
    expect((await run('user list')).stdout).toContain('ann')
  })

  test.each([
    ['move', 'say where to'],
    ['move --to postgres://pawl@db --to-stdin', 'cannot be used with'],
    ['move --undo --to postgres://pawl@db', 'cannot be used with'],
  ])('%s is not understood', async (words, complaint) => {
    const { status, stderr } = await run(words)
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(complaint) })
  })

  test.each(['mysql://pawl@db/pawl', 'db.example', 'postgres://pawl@db/pawl#x'])(
    '%s is no place to go',
    async (url) => {
      const { status, stderr } = await run(`move --to ${url}`)
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringContaining('no URL of a PostgreSQL database'),
      })
    },
  )
})

test('an installation on PostgreSQL is not moved, and has no move to undo', async () => {
  environment = { ...environment, PAWL_DATABASE_URL: `postgres://pawl@${nowhere}` }
  for (const words of [`move --to postgres://pawl@${nowhere}`, 'move --undo']) {
    const { status, stderr } = await run(words)
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('PAWL_DATABASE_URL unset') })
  }
})

test('there is nothing to undo where nothing was moved, and nothing is changed by trying', async () => {
  const store = join(environment['PAWL_DATA'] ?? '', 'pawl.db')
  const before = await readFile(store)
  const { status, stderr } = await run('move --undo')
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('nothing to undo') })
  expect(await readFile(store)).toEqual(before)
})
