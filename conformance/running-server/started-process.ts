import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Reply, type RequestLine, sendTo } from './http-request.ts'
import { alice, findFreePort } from './started-server.ts'

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

/** A data directory that goes when the test ends. */
export interface TemporaryData extends AsyncDisposable {
  readonly path: string
  readonly databaseFile: string
}

const repository = fileURLToPath(new URL('../..', import.meta.url))
const script = join(repository, 'packages', 'cli', 'src', 'main.ts')

/**
 * Makes a data directory that only this test uses; with {@link alice} in it.
 *
 * @param below where; default the system's temporary directory
 */
export async function temporaryData(below: string = tmpdir()): Promise<TemporaryData> {
  const path = await mkdtemp(join(below, 'pawl-process-'))
  const added = await runPawl(['user', 'add', alice.username, '--password-stdin'], { PAWL_DATA: path }, alice.password)
  if (added.status !== 0) {
    await rm(path, { recursive: true, force: true })
    throw new Error(added.stderr)
  }
  return {
    path,
    databaseFile: join(path, 'pawl.db'),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
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
 * @throws Error with what it printed, when it ends before
 */
export async function startProcess(
  data: Pick<TemporaryData, 'path'>,
  environment: Readonly<Record<string, string>> = {},
): Promise<StartedProcess> {
  const port = await findFreePort()
  const { child, end, printed } = run(['start'], { PAWL_DATA: data.path, PORT: String(port), ...environment })
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
function run(words: readonly string[], environment: Readonly<Record<string, string>>): Running {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [script, ...words], { env: { PATH, ...environment }, stdio: 'pipe' })
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
