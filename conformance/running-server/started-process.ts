import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ownDatabase } from '../postgres/own-database.ts'
import { findFreePort } from './free-port.ts'
import { type Reply, type RequestLine, sendTo } from './http-request.ts'
import type { StorePlace } from './own-store.ts'
import { alice, lastingEngine } from './started-server.ts'

/** How a process ended. */
export interface ProcessEnd {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** `pawl start` as a process of its own. Whatever becomes of the test, it does not outlive it. */
export interface StartedProcess extends AsyncDisposable {
  readonly issuer: string
  readonly port: number
  /** Process id. */
  readonly pid: number
  readonly send: (path: string, request?: RequestLine) => Promise<Reply>
  /** Sends a signal without waiting. */
  readonly signal: (signal: NodeJS.Signals) => void
  /** Sends a signal and waits for the end. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<ProcessEnd>
  readonly end: Promise<ProcessEnd>
  readonly stdout: () => string
  readonly stderr: () => string
}

/** A data directory that goes when the test ends, and with it the database where there is one. */
export interface TemporaryData extends AsyncDisposable {
  readonly path: string
  /** Where the SQLite file is on that engine. */
  readonly databaseFile: string
  /** Where the store is. */
  readonly store: StorePlace
}

const repository = fileURLToPath(new URL('../..', import.meta.url))

/** Databases by the data directory that they belong to: whatever runs on the directory runs on its database. */
const databaseUrls = new Map<string, string>()

/**
 * Makes a data directory that only this test uses, and a database where everything runs on PostgreSQL; with {@link alice}.
 *
 * @param below where; default the system's temporary directory
 */
export async function temporaryData(below: string = tmpdir()): Promise<TemporaryData> {
  const path = await mkdtemp(join(below, 'pawl-process-'))
  const database = lastingEngine === 'postgres' ? await ownDatabase() : undefined
  if (database !== undefined) databaseUrls.set(path, database.url)
  const dispose = async () => {
    databaseUrls.delete(path)
    await database?.[Symbol.asyncDispose]()
    await rm(path, { recursive: true, force: true })
  }
  const added = await runPawl(['user', 'add', alice.username, '--password-stdin'], { PAWL_DATA: path }, alice.password)
  if (added.status !== 0) {
    await dispose()
    throw new Error(added.stderr)
  }
  const databaseFile = join(path, 'pawl.db')
  const store =
    database === undefined
      ? { databaseFile, database: undefined }
      : { databaseFile: undefined, database: { url: database.url, schema: 'pawl' } }
  return { path, databaseFile, store, [Symbol.asyncDispose]: dispose }
}

/**
 * Runs one command to its end.
 *
 * @param killAfterMilliseconds when it is killed, if it has not ended before; default never
 */
export async function runPawl(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  stdin = '',
  killAfterMilliseconds?: number,
): Promise<ProcessEnd> {
  const { child, end } = run(words, environment)
  child.stdin?.end(stdin)
  if (killAfterMilliseconds !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMilliseconds)
  return end
}

/**
 * Starts the server and waits until it says that it listens.
 *
 * @param build root of the sources that it is started from; default this repository
 * @throws Error with what it printed, when it ends before
 */
export async function startProcess(
  data: Pick<TemporaryData, 'path'>,
  environment: Readonly<Record<string, string>> = {},
  build: string = repository,
): Promise<StartedProcess> {
  const port = await findFreePort()
  const { child, end, printed } = run(['start'], { PAWL_DATA: data.path, PORT: String(port), ...environment }, build)
  const listening = new Promise<void>((resolve) => {
    child.stdout?.on('data', () => {
      if (printed.stdout.includes('listening on ')) resolve()
    })
  })
  const early = end.then(({ stdout, stderr }) => Promise.reject(new Error(`it ended early: ${stdout}${stderr}`)))
  await Promise.race([listening, early])
  early.catch(() => undefined)
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<ProcessEnd> => {
    child.kill(signal)
    return end
  }
  return {
    issuer: `http://localhost:${port}`,
    port,
    pid: child.pid ?? 0,
    send: (path, request) => sendTo(`http://127.0.0.1:${port}${path}`, request),
    signal: (signal) => child.kill(signal),
    stop,
    end,
    stdout: () => printed.stdout,
    stderr: () => printed.stderr,
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL')
    },
  }
}

interface Running {
  readonly child: ChildProcess
  readonly end: Promise<ProcessEnd>
  readonly printed: { stdout: string; stderr: string }
}

/** Nothing of the environment around the tests reaches the process but what it needs to run. */
function run(words: readonly string[], environment: Readonly<Record<string, string>>, build = repository): Running {
  const { PATH = '' } = process.env
  const url = databaseUrls.get(environment['PAWL_DATA'] ?? '')
  const env = { PATH, ...(url !== undefined && { PAWL_DATABASE_URL: url }), ...environment }
  const script = join(build, 'packages', 'cli', 'src', 'main.ts')
  const child = spawn(process.execPath, [script, ...words], { env, stdio: 'pipe' })
  const printed = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed.stderr += text
  })
  const end = once(child, 'close').then(([status, signal]) => ({ status, signal, ...printed }))
  return { child, end, printed }
}
