import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { alice, startServer } from './running-server/started-server.ts'

const folder = fileURLToPath(new URL('../examples/command-line', import.meta.url))
const run = promisify(execFile)

test('examples/command-line: T3.1 many processes at once, with an expired access token, stay signed in', async () => {
  await using server = await startServer({ configuration: { accessSeconds: 1 } })
  server.clock.advanceMilliseconds(Date.now() - server.clock.now())
  const home = await mkdtemp(join(tmpdir(), 'pawl-command-line-'))
  const credentials = join(home, 'whoami/session')
  const env = { ...process.env, PAWL_ISSUER: server.issuer, CREDENTIALS: credentials }
  const whoami = async (...words: readonly string[]) => {
    const running = run(process.execPath, ['whoami.ts', ...words], { cwd: folder, env })
    running.child.stdin?.end(`${alice.password}\n`)
    return (await running).stdout.trim()
  }
  // As the README says it, which installs what is missing.
  await expect(run('npm', ['start', '-s'], { cwd: folder, env })).rejects.toThrow('nobody is signed in')
  expect(await whoami('sign-in', alice.username)).toBe(`signed in as ${alice.username}`)
  expect((await stat(credentials)).mode & 0o777).toBe(0o600)
  server.clock.advanceSeconds(60)
  const answers = await Promise.all(Array.from({ length: 4 }, () => whoami()))
  for (const answer of answers) expect(JSON.parse(answer)).toMatchObject({ user: { username: alice.username } })
  expect(await whoami('sign-out')).toBe('signed out')
  await expect(whoami()).rejects.toThrow('nobody is signed in')
  await rm(home, { recursive: true })
})
