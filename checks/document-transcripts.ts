import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeBlocks } from './markdown.ts'
import { repository } from './run-tool.ts'

/** A shell session of a document: what is typed, what is to be seen. The form is told in CONTRIBUTING.md. */
export interface Transcript {
  /** Line of the block's opening fence. */
  readonly line: number
  /** Settings of the server that is started for it. */
  readonly settings: Readonly<Record<string, string>>
  readonly steps: readonly Step[]
}

/** One command of a transcript. */
export interface Step {
  readonly line: number
  readonly command: string
  /** Lines it must print; `…` stands for anything within a line, a line `…` for any lines. */
  readonly expected: readonly string[]
}

/** The transcripts of a Markdown text: blocks of language `sh` that are marked `transcript`. */
export function transcriptsOf(markdown: string): Transcript[] {
  return codeBlocks(markdown)
    .filter(({ info }) => info[0] === 'sh' && info[1] === 'transcript')
    .map(({ line, info, text }) => ({
      line,
      settings: Object.fromEntries(info.slice(2).map((setting) => settingOf(setting, line))),
      steps: stepsOf(text.split('\n'), line),
    }))
}

function settingOf(setting: string, line: number): [string, string] {
  const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(setting) ?? []
  if (name === undefined || value === undefined) throw new Error(`line ${line}: ${setting} is not NAME=value`)
  return [name, value]
}

function stepsOf(lines: readonly string[], fence: number): Step[] {
  const steps: { line: number; command: string; expected: string[] }[] = []
  for (const [index, line] of lines.entries()) {
    const last = steps.at(-1)
    if (line.startsWith('$ ')) steps.push({ line: fence + index + 1, command: line.slice(2), expected: [] })
    else if (last === undefined) throw new Error(`line ${fence + index + 1}: a transcript begins with a command, "$ …"`)
    else if (last.expected.length === 0 && last.command.endsWith('\\')) last.command += `\n${line}`
    else last.expected.push(line)
  }
  return steps
}

/** How to start the server that a transcript talks to, when it is not this repository's own. */
export interface TranscriptServer {
  readonly command: readonly [string, ...string[]]
}

const ownServer: TranscriptServer = {
  command: [process.execPath, join(repository, 'packages/cli/src/main.ts'), 'start'],
}
const mark = '--- end of step'

/**
 * Types a transcript into one bash, against a server of its own with an empty data folder on a free port (the documents
 * say 8080; that is replaced). Returns what differed from the document.
 */
export async function runTranscript(transcript: Transcript, server: TranscriptServer = ownServer): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-transcript-'))
  const port = await freePort()
  const environment = {
    ...plainEnvironment(),
    ...transcript.settings,
    PORT: String(port),
    PAWL_DATA: join(folder, 'data'),
  }
  const [program, ...options] = server.command
  const running = spawn(program, options, { cwd: repository, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  try {
    await listening(running)
    const outputs = await type(transcript.steps, { folder, port, environment })
    return transcript.steps.flatMap((step, index) => difference(step, outputs[index], port))
  } catch (error) {
    return [`line ${transcript.line}: ${error instanceof Error ? error.message : error}`]
  } finally {
    await ended(running)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The developer's own settings must not change what the document shows. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PAWL_.*|PORT|HOST)$/.test(name))
  return { ...Object.fromEntries(kept), PAWL_SKIP_INSTALL: '1' }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}

function listening(running: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const note = (text: Buffer) => {
      said += text
      if (/^listening on /m.test(said)) resolve()
    }
    running.stdout?.on('data', note)
    running.stderr?.on('data', note)
    running.on('error', reject)
    running.on('exit', () => reject(new Error(`the server ended before it listened:\n${said}`)))
  })
}

function ended(running: ChildProcess): Promise<void> {
  if (running.exitCode !== null || running.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    running.on('exit', () => resolve())
    running.kill('SIGTERM')
  })
}

interface Typing {
  readonly folder: string
  readonly port: number
  readonly environment: NodeJS.ProcessEnv
}

interface Output {
  readonly status: number
  readonly text: string
}

/** All steps run in one shell, so that variables carry over; after each the shell prints a mark and the exit status. */
async function type(steps: readonly Step[], { folder, port, environment }: Typing): Promise<Output[]> {
  const script = steps
    .map(
      ({ command }) =>
        `{ ${command.replaceAll('localhost:8080', `localhost:${port}`)}\n}\nprintf '\\n${mark} %s\\n' $?`,
    )
    .join('\n')
  const file = join(folder, 'transcript.sh')
  writeFileSync(file, `${script}\n`)
  const shell = spawn('bash', ['-c', 'exec bash "$0" 2>&1', file], {
    cwd: repository,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await new Promise((resolve, reject) => shell.on('close', resolve).on('error', reject))
  return [...said.matchAll(new RegExp(`([\\s\\S]*?)\\n${mark} (\\d+)\\n`, 'g'))].map(([, text = '', status]) => ({
    text,
    status: Number(status),
  }))
}

function difference(step: Step, output: Output | undefined, port: number): string[] {
  if (output === undefined) return [`line ${step.line}: the shell ended before "${step.command}" did`]
  const text = output.text.replaceAll(`localhost:${port}`, 'localhost:8080').replace(/\n$/, '')
  const told = [`line ${step.line}: $ ${step.command}`, ...step.expected.map((line) => `  expected: ${line}`)]
  const seen = text === '' ? [] : text.split('\n').map((line) => `  printed:  ${line}`)
  if (output.status !== 0) return [[...told, ...seen, `  ended with status ${output.status}`].join('\n')]
  return pattern(step.expected).test(text === '' ? '' : `${text}\n`) ? [] : [[...told, ...seen].join('\n')]
}

function pattern(expected: readonly string[]): RegExp {
  const lines = expected.map((line) =>
    line.trim() === '…' ? '(?:.*\\n)*' : `${line.split('…').map(RegExp.escape).join('.*')}\\n`,
  )
  return new RegExp(`^${lines.join('')}$`)
}
