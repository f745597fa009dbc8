import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Result } from './conformance/suite.ts'
import type { Runtime } from './launched-runtimes.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Strict, and with every declaration of the packages checked, as the most careful user has it. */
const options = (moduleResolution: 'nodenext' | 'bundler') => ({
  target: 'es2022',
  lib: ['es2022', 'dom', 'dom.iterable'],
  types: [],
  module: moduleResolution === 'nodenext' ? 'nodenext' : 'esnext',
  moduleResolution,
  strict: true,
  exactOptionalPropertyTypes: true,
  noImplicitReturns: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
})

/**
 * What the types may cost a compiler: twice what they did when this was written, most of it for the compiler's own library.
 * Counted and not timed, so that it is the same on every machine; the time is held to what nobody would put up with.
 */
const mostInstantiations = 60_000
const mostSeconds = 30

/** A compiler as one more runtime: its tests are that it takes the sample, quickly enough, and nothing else. */
function compiler(version: string, program: string): Runtime {
  return {
    name: `typescript-${version}`,
    missing: () => undefined,
    async run({ folder }, { planted }) {
      const sample = readFileSync(here('type-samples/sample.ts'), 'utf8')
      writeFileSync(join(folder, 'sample.ts'), sample)
      writeFileSync(join(folder, 'wrong.ts'), `${sample}\nexport const wrong: number = typed.verify\n`)
      const compile = (file: string, moduleResolution: 'nodenext' | 'bundler') => {
        const configuration = join(folder, 'tsconfig.json')
        writeFileSync(configuration, JSON.stringify({ compilerOptions: options(moduleResolution), files: [file] }))
        const startedAt = performance.now()
        const run = spawnSync(process.execPath, [program, '-p', configuration, '--extendedDiagnostics'], {
          encoding: 'utf8',
        })
        const instantiations = Number(/^Instantiations:\s+(\d+)/m.exec(run.stdout)?.[1])
        const problem = run.status === 0 ? undefined : run.stdout.split('\n').slice(0, 5).join(' ')
        return { problem, instantiations, seconds: (performance.now() - startedAt) / 1_000 }
      }
      const nodenext = compile('sample.ts', 'nodenext')
      const results = [
        resultOf('T26.2 the sample compiles with Node resolution', nodenext.problem),
        resultOf('T26.2 the sample compiles with bundler resolution', compile('sample.ts', 'bundler').problem),
        resultOf('T26.2 the types cost little', tooMuch(nodenext)),
      ]
      if (planted.length > 0) results.push(resultOf('planted: a wrong type', compile('wrong.ts', 'nodenext').problem))
      return results
    },
  }
}

function tooMuch({ instantiations, seconds }: { readonly instantiations: number; readonly seconds: number }) {
  if (seconds <= mostSeconds && instantiations <= mostInstantiations) return undefined
  return `${instantiations} instantiations, ${seconds.toFixed(1)} s`
}

function resultOf(name: string, problem: string | undefined): Result {
  return { name, ok: problem === undefined, ...(problem !== undefined && { problem }) }
}

/** The oldest that is served, the last of each line since, and the one that builds this repository. */
export const compilers: readonly Runtime[] = [
  ...['5.4', '5.9', '6.0'].map((version) => compiler(version, here(`node_modules/typescript-${version}/bin/tsc`))),
  compiler('latest', here('../node_modules/typescript/bin/tsc')),
]
