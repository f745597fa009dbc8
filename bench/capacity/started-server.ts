import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { findFreePort } from '../../conformance/running-server/free-port.ts'

/** A server of its own process, as `pawl start` starts it, with one user. */
export interface StartedServer extends AsyncDisposable {
  readonly port: number
  /** Process id. */
  readonly pid: number
  /** When its process was started, as `performance.now()` counts. */
  readonly spawnedAt: number
}

/** The user that it knows. */
export const user = { username: 'ann@example.com', password: 'violet-harbour-seventeen' } as const

/** All servers here have the same, so that one finds its keys where another has left them. */
const secrets = randomBytes(32).toString('base64url')

const commandLine = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url))

/**
 * Starts a server. It writes its log to a file.
 *
 * @param database URL of PostgreSQL; undefined: SQLite
 * @param more settings, by the names of their variables, flags of Node, and where its data lies
 */
export async function startServer(
  database: string | undefined,
  more: {
    readonly settings?: Readonly<Record<string, string>>
    readonly flags?: readonly string[]
    /** A folder that an earlier server has left; it stays when this one goes. */
    readonly data?: string
  } = {},
): Promise<StartedServer> {
  const data = more.data ?? (await mkdtemp(join(tmpdir(), 'pawl-bench-')))
  const port = await findFreePort()
  const environment = {
    PATH: process.env['PATH'],
    PAWL_DATA: data,
    PORT: String(port),
    PAWL_SECRETS: secrets,
    ...(database !== undefined && { PAWL_DATABASE_URL: database }),
    ...more.settings,
  }
  const log = join(data, 'log')
  const output = openSync(log, 'a')
  if (!existsSync(join(data, 'pawl.db'))) addUser(environment, database)
  const spawnedAt = performance.now()
  const server = spawn(process.execPath, [...(more.flags ?? []), commandLine, 'start'], {
    env: environment,
    stdio: ['ignore', 'pipe', output],
  })
  const ended = once(server, 'exit')
  await listening(server.stdout, log)
  return {
    port,
    pid: server.pid ?? 0,
    spawnedAt,
    async [Symbol.asyncDispose]() {
      server.kill('SIGTERM')
      await ended
      closeSync(output)
      if (more.data === undefined) await rm(data, { recursive: true })
    },
  }
}

function addUser(environment: NodeJS.ProcessEnv, database: string | undefined): void {
  const words = ['user', 'add', user.username, '--password-stdin']
  const added = spawnSync(process.execPath, [commandLine, ...words], { env: environment, input: user.password })
  // A second server on the same database finds the user there.
  if (added.status !== 0 && database === undefined) throw new Error(`the user was not added: ${added.stderr}`)
}

async function listening(stdout: Readable | null, log: string): Promise<void> {
  if (stdout !== null) {
    for await (const line of createInterface(stdout)) if (line.startsWith('listening on ')) return
  }
  throw new Error(`the server ended before it listened: ${readFileSync(log, 'utf8')}`)
}
