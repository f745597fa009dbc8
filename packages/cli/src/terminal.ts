import type { Readable } from 'node:stream'

/** Everything of the process that commands touch. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable & { readonly isTTY?: boolean }
  /** Writes to stdout: what the command was asked for, and nothing else. */
  readonly print: (line: string) => void
  /** Writes to stderr: errors, warnings, prompts. */
  readonly complain: (line: string) => void
  /** Calls back at SIGTERM and SIGINT, which then no longer end the process by themselves. */
  readonly onStopSignal: (stop: () => void) => void
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  // Whoever reads our output may close it first (`pawl start | head -1`); that must not end the server.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
  return {
    environment: process.env,
    stdin: process.stdin,
    print: (line) => process.stdout.write(`${line}\n`),
    complain: (line) => process.stderr.write(`${line}\n`),
    onStopSignal: (stop) => {
      process.on('SIGTERM', stop)
      process.on('SIGINT', stop)
    },
  }
}
