import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

/** A running `sqlite-child.ts` that waits for its start. */
export interface Child {
  readonly process: ChildProcess
  /** What it said after `ready`, line by line, as it comes. */
  readonly lines: string[]
  readonly start: () => void
  /** Resolves once it has gone and all it said is in `lines`; rejects unless it was killed or ended well. */
  readonly gone: Promise<void>
  /** Resolves once it has said so many lines. */
  readonly said: (count: number) => Promise<void>
}

const script = new URL('sqlite-child.ts', import.meta.url).pathname

/** Starts `sqlite-child.ts` and waits until it is ready. It does not outlive the test. */
export async function child(...args: readonly string[]): Promise<Child> {
  const process_ = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => {
    process_.kill('SIGKILL')
  })
  const reader = createInterface({ input: process_.stdout })
  const lines: string[] = []
  const closed = Promise.all([once(process_, 'exit'), once(reader, 'close')])
  const gone = closed.then(([[code, signal]]) => {
    if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the child ended with ${String(code ?? signal)}`)
  })
  // A child that fails early is reported to whoever waits for it; nobody may be waiting yet.
  gone.catch(() => undefined)
  await Promise.race([once(reader, 'line'), gone])
  reader.on('line', (line) => lines.push(line))
  return {
    process: process_,
    lines,
    start: () => process_.stdin.end(),
    gone,
    async said(count) {
      while (lines.length < count) await Promise.race([once(reader, 'line'), gone])
    },
  }
}
