import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of this repository. */
export const repository: string = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/** What a tool said on both its outputs, and how it ended. */
export interface ToolRun {
  readonly status: number | null
  readonly output: string
}

/**
 * Runs a program of the repository's own node_modules.
 *
 * @param name as in `node_modules/.bin`
 * @param folder where it runs; the tree it looks at
 */
export function runTool(name: string, options: readonly string[], folder: string): Promise<ToolRun> {
  return new Promise((resolve, reject) => {
    const environment = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' }
    const child = spawn(join(repository, 'node_modules/.bin', name), options, { cwd: folder, env: environment })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        output += text
      })
    }
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output: output.trim() }))
  })
}
