import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { RefreshForm } from '../load/chains.ts'
import type { Announcement } from './programs/announce.ts'

/** A server with open sessions, in a process of its own. */
export interface StartedProgram extends AsyncDisposable {
  /** Process id. */
  readonly pid: number
  readonly port: number
  readonly form: RefreshForm
  /** The first token of each session. */
  readonly tokens: readonly string[]
}

const announcement: z.ZodType<Announcement> = z.object({
  port: z.number(),
  path: z.string(),
  fixed: z.record(z.string(), z.string()),
  tokens: z.array(z.string()),
})

/**
 * Starts one of `programs/`. It has a folder of its own, which is its last argument and is removed with it.
 *
 * @param name of the file
 * @param words what it is started with besides
 */
export async function startProgram(name: string, sessions: number, words: readonly string[]): Promise<StartedProgram> {
  const folder = await mkdtemp(join(tmpdir(), 'pawl-bench-'))
  const file = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url))
  const complaints = join(folder, 'complaints')
  const output = openSync(complaints, 'a')
  const program = spawn(process.execPath, [file, String(sessions), ...words, folder], {
    env: { PATH: process.env['PATH'], NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', output],
  })
  const ended = once(program, 'exit')
  const stop = async () => {
    program.kill('SIGTERM')
    await ended
    closeSync(output)
    await rm(folder, { recursive: true })
  }
  const announced = await firstLine(program.stdout)
  if (announced === undefined) {
    const complaint = readFileSync(complaints, 'utf8')
    await stop()
    throw new Error(`${name} ended before it listened: ${complaint}`)
  }
  const { port, tokens, path, fixed } = announcement.parse(JSON.parse(announced))
  return {
    pid: program.pid ?? 0,
    port,
    form: { path, fixed, type: 'form', attempts: false },
    tokens,
    [Symbol.asyncDispose]: stop,
  }
}

async function firstLine(stream: Readable | null): Promise<string | undefined> {
  if (stream === null) return undefined
  for await (const line of createInterface(stream)) return line
  return undefined
}
