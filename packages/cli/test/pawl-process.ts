import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { runPawl } from '../src/index.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** What a command left behind. */
export interface Finished {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What a command is given. */
export interface Given {
  readonly environment: Readonly<Record<string, string>>
  readonly stdin?: string
}

/** Runs the program as a process of its own. */
export async function pawlProcess(words: readonly string[], { environment, stdin = '' }: Given): Promise<Finished> {
  const child = spawnPawl(words, environment)
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => textOf(stream))
  child.stdin?.end(stdin)
  await once(child, 'close')
  return { status: child.exitCode, stdout: (await stdout) ?? '', stderr: (await stderr) ?? '' }
}

/** Runs one command in this process, which is quicker. */
export async function pawl(words: readonly string[], { environment, stdin = '' }: Given): Promise<Finished> {
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const input = new PassThrough()
  input.end(stdin)
  const status = await runPawl(words, {
    environment,
    stdin: input,
    print: (line) => stdout.push(line),
    complain: (line) => stderr.push(line),
    onStopSignal: () => undefined,
  })
  return { status, stdout: stdout.join('\n'), stderr: stderr.join('\n') }
}

/** A server in a process of its own. */
export interface RunningServer {
  readonly process: ChildProcess
  /** All of stdout up to and including the line that tells it listens. */
  readonly startLines: readonly string[]
  /** Sends a signal and waits for the end. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<{ readonly status: number | null; readonly stderr: string }>
}

/** Starts a server and waits until it listens. */
export async function startServer(
  environment: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<RunningServer> {
  const child = spawnPawl(['start', ...flags], environment)
  const stderr = textOf(child.stderr)
  const ended = once(child, 'close')
  const startLines: string[] = []
  if (child.stdout === null) throw new Error('no stdout')
  for await (const line of createInterface({ input: child.stdout })) {
    startLines.push(line)
    if (line.startsWith('listening on ')) break
  }
  if (child.exitCode !== null) throw new Error(`the server ended: ${await stderr}`)
  return {
    process: child,
    startLines,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal)
      await ended
      return { status: child.exitCode, stderr: await stderr }
    },
  }
}

/** Starts a server, and sends it SIGTERM once `begun` resolves, long before it listens. */
export async function stopAtStart(given: {
  readonly environment: Readonly<Record<string, string>>
  readonly flags: readonly string[]
  readonly begun: Promise<unknown>
}): Promise<Finished> {
  const child = spawnPawl(['start', ...given.flags], given.environment)
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => textOf(stream))
  const ended = once(child, 'close')
  await given.begun
  child.kill('SIGTERM')
  await ended
  return { status: child.exitCode, stdout: (await stdout) ?? '', stderr: (await stderr) ?? '' }
}

/** A directory of its own and a port that was free a moment ago. */
export async function freshEnvironment(): Promise<{
  environment: Record<string, string>
  url: string
  remove: () => Promise<void>
}> {
  const folder = await mkdtemp(join(tmpdir(), 'pawl-cli-'))
  const port = await freePort()
  return {
    environment: { PAWL_DATA: join(folder, 'data'), PORT: String(port) },
    url: `http://localhost:${port}`,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

function spawnPawl(words: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, [main, ...words], { env: { PATH: process.env['PATH'], ...environment } })
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = ''
  for await (const chunk of stream ?? []) text += String(chunk)
  return text
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
