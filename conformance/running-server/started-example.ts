import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { findFreePort } from './free-port.ts'
import { type Reply, type RequestLine, sendTo } from './http-request.ts'

/** An example that runs as a process of its own, as its README says: `npm start` in its folder. */
export interface StartedExample extends AsyncDisposable {
  readonly origin: string
  readonly send: (path: string, request?: RequestLine) => Promise<Reply>
}

/**
 * Starts an example of `examples/` against a token server, and waits until it listens.
 *
 * @param settings further environment variables
 * @throws Error with what the example printed, when it ends before
 */
export async function startExample(
  name: string,
  issuer: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<StartedExample> {
  const port = settings['PORT'] ?? String(await findFreePort())
  const child = spawn('npm', ['start'], {
    cwd: fileURLToPath(new URL(`../../examples/${name}`, import.meta.url)),
    env: { ...process.env, PORT: port, PAWL_ISSUER: issuer, PAWL_AUDIENCE: issuer, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that whatever npm leaves behind can be ended too.
    detached: true,
  })
  await listening(child)
  return {
    origin: `http://localhost:${port}`,
    send: (path, request) => sendTo(`http://127.0.0.1:${port}${path}`, request),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.pid === undefined) return
      const ended = once(child, 'exit')
      process.kill(-child.pid, 'SIGTERM')
      await ended
    },
  }
}

function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const read = (chunk: unknown) => {
      printed += String(chunk)
      if (/^listening on http|Ready in/m.test(printed)) resolve()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the example ended with ${code}:\n${printed}`)))
  })
}
