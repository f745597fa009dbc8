import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMissing } from '../checks/machine-packages.ts'
import { startChromium } from '../conformance/running-server/chromium.ts'
import { findFreePort } from '../conformance/running-server/free-port.ts'
import type { Application } from './application.ts'
import type { Surroundings } from './conformance/suite.ts'
import type { RealIssuer } from './real-issuer.ts'

/** A JavaScript runtime that the suite can be run on. */
export interface Runtime {
  readonly name: string
  /** What is missing on this machine; undefined when it can be run. */
  missing(): string | undefined
  /** Runs the suite. What comes back is the results as the runtime told them, unread. */
  run(application: Application, surroundings: Surroundings, issuer: RealIssuer): Promise<unknown>
}

const longestMilliseconds = 120_000

const here = (path: string) => fileURLToPath(new URL(`node_modules/${path}`, import.meta.url))

/** Those that npm has for this machine come as a package with nothing but the program in it. */
const programs: Readonly<Record<string, string>> = {
  'linux-x64 node 24': here('node-24-linux-x64/bin/node'),
  'linux-arm64 node 24': here('node-24-linux-arm64/bin/node'),
  'linux-x64 bun': here('@oven/bun-linux-x64/bin/bun'),
  'linux-arm64 bun': here('@oven/bun-linux-aarch64/bin/bun'),
  'linux-x64 deno': here('@deno/linux-x64-glibc/deno'),
  'linux-arm64 deno': here('@deno/linux-arm64-glibc/deno'),
  'linux-x64 workerd': here('@cloudflare/workerd-linux-64/bin/workerd'),
  'linux-arm64 workerd': here('@cloudflare/workerd-linux-arm64/bin/workerd'),
}

const programOf = (name: string): string => programs[`${process.platform}-${process.arch} ${name}`] ?? ''

const missingProgram = (program: string, name: string): string | undefined =>
  existsSync(program) ? undefined : `npm has no ${name} for ${process.platform}-${process.arch}`

const startOfProcess = `
import { runSuite } from 'suite'
let text = ''
for await (const piece of process.stdin) text += piece
process.stdout.write(JSON.stringify(await runSuite(JSON.parse(text))))
process.exit(0)
`

/** A runtime that runs a file as a process, and finds packages in node_modules by itself. */
function processRuntime(name: string, program: string, options: readonly string[]): Runtime {
  return {
    name,
    missing: () => missingProgram(program, name),
    async run(application, surroundings) {
      const file = await application.bundle('process.js', startOfProcess, 'installed')
      const child = spawn(program, [...options, file], {
        cwd: application.folder,
        stdio: ['pipe', 'pipe', 'inherit'],
        timeout: longestMilliseconds,
        env: { ...process.env, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' },
      })
      child.stdin.end(JSON.stringify(surroundings))
      let text = ''
      child.stdout.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      const [status] = await once(child, 'close')
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${text}`)
      return JSON.parse(text)
    },
  }
}

const startOfWorker = `
import { runSuite } from 'suite'
export default { fetch: async (request) => Response.json(await runSuite(await request.json())) }
`

const workerConfiguration = (file: string, port: number) => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "suite", worker = (
      modules = [(name = "worker.js", esModule = embed "${file}")],
      compatibilityDate = "2026-11-01",
      globalOutbound = "network",
    )),
    (name = "network", network = (allow = ["private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "suite")],
);
`

const workerd: Runtime = {
  name: 'workerd',
  missing: () => missingProgram(programOf('workerd'), 'workerd'),
  async run(application, surroundings) {
    const file = await application.bundle('worker.js', startOfWorker, 'bundled')
    const port = await findFreePort()
    const configuration = join(dirname(file), 'worker.capnp')
    writeFileSync(configuration, workerConfiguration('worker.js', port))
    const child = spawn(programOf('workerd'), ['serve', configuration], { stdio: ['ignore', 2, 2] })
    try {
      return await askWorker(child, port, surroundings)
    } finally {
      child.kill('SIGKILL')
    }
  },
}

async function askWorker(child: ChildProcess, port: number, surroundings: Surroundings): Promise<unknown> {
  const signal = AbortSignal.timeout(longestMilliseconds)
  for (;;) {
    if (child.exitCode !== null) throw new Error(`workerd ended with ${child.exitCode}`)
    try {
      const reply = await fetch(`http://127.0.0.1:${port}`, {
        method: 'POST',
        body: JSON.stringify(surroundings),
        signal,
      })
      if (reply.status !== 200) throw new Error(`workerd answered ${reply.status}: ${await reply.text()}`)
      return await reply.json()
    } catch (error) {
      // Until it listens.
      if (signal.aborted || !(error instanceof TypeError)) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

const startOfPage = `
import { runSuite } from 'suite'
globalThis.runSuite = runSuite
`

const chromium: Runtime = {
  name: 'chromium',
  missing: () => (isMissing('chromium') ? 'the Debian package chromium' : undefined),
  async run(application, surroundings, issuer) {
    const page = issuer.servePage(await application.bundle('page.js', startOfPage, 'bundled'))
    const browser = await startChromium()
    try {
      const tab = await browser.newPage()
      await tab.goto(page)
      await tab.waitForFunction('globalThis.runSuite !== undefined')
      return await tab.evaluate(`runSuite(${JSON.stringify({ ...surroundings, keepsCookies: true })})`)
    } finally {
      await browser.close()
    }
  },
}

/** All of them. The Node that runs this is the pinned one, version 26. */
export const runtimes: readonly Runtime[] = [
  processRuntime('node-24', programOf('node 24'), []),
  processRuntime('node-26', process.execPath, []),
  processRuntime('bun', programOf('bun'), ['run']),
  processRuntime('deno', programOf('deno'), ['run', '--allow-all', '--node-modules-dir=manual', '--no-lock']),
  workerd,
  chromium,
]
