import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freshEnvironment, pawlProcess, startServer } from './pawl-process.ts'

let environment: Record<string, string> = {}
let remove: () => Promise<void> = async () => undefined

beforeEach(async () => {
  const fresh = await freshEnvironment()
  environment = fresh.environment
  remove = fresh.remove
})
afterEach(() => remove())

describe('what keeps several workers from starting is told once, with status 1', () => {
  test.each([
    ['PAWL_WORKERS', '0', 'is not between 1 and 128'],
    ['PAWL_WORKERS', '129', 'is not between 1 and 128'],
    ['PAWL_WORKERS', 'two', 'is not a whole number'],
    ['PAWL_WORKERS', '1.5', 'is not a whole number'],
    ['--workers', '-1', 'is not a whole number'],
    ['--workers', '', 'is not a whole number'],
  ])('%s %j', async (setting, value, complaint) => {
    const flags = setting === '--workers' ? [`--workers=${value}`] : []
    const more = setting === 'PAWL_WORKERS' ? { PAWL_WORKERS: value } : {}
    const end = await pawlProcess(['start', ...flags], { environment: { ...environment, ...more } })
    expect({ status: end.status, stdout: end.stdout }).toEqual({ status: 1, stdout: '' })
    expect(end.stderr).toBe(`pawl: ${setting} ${complaint}. To fix it, set it to a whole number from 1 to 128.\n`)
  })

  test('another setting', async () => {
    const more = { PAWL_WORKERS: '3', PAWL_ISSUER: 'http://id.example', PAWL_MODE: 'production' }
    const { status, stdout, stderr } = await pawlProcess(['start'], { environment: { ...environment, ...more } })
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr.match(/^pawl: PAWL_ISSUER /gm)).toHaveLength(1)
  })

  test('a port that is taken', async () => {
    const taken = createServer().listen(Number(environment['PORT']), '127.0.0.1')
    const { status, stdout, stderr } = await pawlProcess(['start', '--workers', '3'], { environment })
    taken.close()
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr.match(/EADDRINUSE.*set PORT/gim)).toHaveLength(1)
  })
})

test('an empty PAWL_WORKERS counts as not set, and a flag wins over it', async () => {
  const one = await startServer({ ...environment, PAWL_WORKERS: '' })
  expect((await one.stop()).stderr).not.toContain('"worker":')
  const two = await startServer({ ...environment, PAWL_WORKERS: '1' }, ['--workers', '2'])
  expect((await two.stop()).stderr).toContain('"worker":2')
})
