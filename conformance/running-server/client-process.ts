import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A process that runs client-program.ts. */
export interface ClientProcess extends AsyncDisposable {
  /** Gives it a command and waits for the answer. */
  readonly ask: (command: string, argument?: unknown) => Promise<unknown>
  readonly signal: (signal: NodeJS.Signals) => void
  readonly ended: Promise<unknown>
}

/** Starts one on a file of tokens. */
export function startClientProcess(issuer: string, file: string): ClientProcess {
  const program = fileURLToPath(new URL('./client-program.ts', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [program, issuer, file], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  if (child.stdout === null || child.stdin === null) throw new Error('its streams are pipes')
  const { stdin } = child
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    ended,
    ask: async (command, argument) => {
      stdin.write(`${command}${argument === undefined ? '' : ` ${JSON.stringify(argument)}`}\n`)
      const { value, done } = await answers.next()
      return done ? undefined : JSON.parse(value)
    },
    signal: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
