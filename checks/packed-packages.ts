import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { parseSync, Visitor } from 'oxc-parser'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { z } from 'zod'
import { repository } from './run-tool.ts'

/** What publint has to say about a package that is about to be published, suggestions included. */
export async function publintMessages(tarball: string): Promise<string[]> {
  const { buffer } = new Uint8Array(readFileSync(tarball))
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true })
  return messages.map((message) => `${pkg['name']}: ${formatMessage(message, pkg) ?? message.code}`)
}

/**
 * Whether the types of a tarball resolve as its code does. Ours are ES modules: that `require` gets an ES module is
 * meant, and resolution from before `exports` existed (node10) is not served.
 */
export async function wrongTypes(tarball: string): Promise<string[]> {
  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))))
  if (analysis.types === false) return [`${analysis.packageName}: has no types`]
  return analysis.problems
    .filter((problem) => problem.kind !== 'CJSResolvesToESM')
    .filter((problem) => !('resolutionKind' in problem) || problem.resolutionKind !== 'node10')
    .map((problem) => `${analysis.packageName}: ${JSON.stringify(problem)}`)
}

/** Files that do not belong in a package, and files that every package must hold. */
export function wrongContents(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
  const unwanted = files.filter((path) =>
    /(^|\/)(test|contract)\/|\.test\.|\.map$|\.tsbuildinfo$|(?<!\.d)\.ts$|^\./.test(path),
  )
  const wanted = ['package.json', 'README.md', 'LICENSE', 'src/index.js', 'src/index.d.ts']
  const manifest = readFileSync(join(folder, 'package.json'), 'utf8')
  return [
    ...unwanted.map((path) => `${folder}: ${path} does not belong in a package`),
    ...wanted.filter((path) => !files.includes(path)).map((path) => `${folder}: ${path} is missing`),
    ...(/(?<!\.d)\.ts"|workspace:|"file:|"link:/.test(manifest)
      ? [`${folder}: package.json points into the repository`]
      : []),
  ]
}

/** Places in the declarations below a folder where anything goes: types that say nothing, and spread. */
export function placesOfAny(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.d.ts'))
  return files.flatMap((path) => {
    const text = readFileSync(join(folder, path), 'utf8')
    const found: string[] = []
    new Visitor({
      TSAnyKeyword: ({ start }) => {
        found.push(`${path}: ${text.slice(Math.max(start - 40, 0), start + 3)}`)
      },
    }).visit(parseSync(path, text).program)
    return found
  })
}

/**
 * Installs tarballs in an empty folder, the way a user would, but for the dependencies: those that a package declares,
 * and no other, are linked from this repository.
 *
 * @param sources folder in this repository of each package, by name
 * @returns the folder of an application that has them all
 */
export function installTarballs(
  tarballs: ReadonlyMap<string, string>,
  sources: ReadonlyMap<string, string>,
  folder: string,
): string {
  // Each in a place of its own, so that it finds what it declares and not what lies beside it.
  const application = join(folder, 'application')
  const place = (name: string) => join(folder, 'unpacked', name)
  for (const [name, tarball] of tarballs) {
    mkdirSync(place(name), { recursive: true })
    const unpacked = spawnSync('tar', ['xzf', tarball, '--strip-components=1', '-C', place(name)], { encoding: 'utf8' })
    if (unpacked.status !== 0) throw new Error(unpacked.stderr)
    link(place(name), join(application, 'node_modules', name))
    const { dependencies, peerDependencies } = readBuiltManifest(place(name))
    for (const dependency of Object.keys({ ...dependencies, ...peerDependencies })) {
      const source = sources.get(name) ?? repository
      link(
        tarballs.has(dependency) ? place(dependency) : findModule(dependency, source),
        join(place(name), 'node_modules', dependency),
      )
    }
  }
  return application
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path)
}

function findModule(name: string, from: string): string {
  const candidate = join(from, 'node_modules', name)
  if (existsSync(candidate)) return candidate
  if (from === dirname(from)) throw new Error(`${name} is not installed`)
  return findModule(name, dirname(from))
}

/** Imports every subpath of an application's packages with plain `node`. Returns what went wrong. */
export function failingImports(application: string, names: Iterable<string>): string[] {
  return [...names].flatMap((name) => {
    const subpaths = Object.keys(readBuiltManifest(join(application, 'node_modules', name)).exports)
    const specifiers = subpaths
      .filter((subpath) => !subpath.endsWith('.json'))
      .map((subpath) => name + subpath.slice(1))
    return specifiers.flatMap((specifier) => {
      const code = `await import(${JSON.stringify(specifier)})`
      const run = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
        cwd: application,
        encoding: 'utf8',
      })
      return run.status === 0 ? [] : [`import '${specifier}': ${run.stderr.trim()}`]
    })
  })
}

const builtManifestForm = z.object({
  exports: z.record(z.string(), z.unknown()),
  dependencies: z.record(z.string(), z.string()).default({}),
  peerDependencies: z.record(z.string(), z.string()).default({}),
})

function readBuiltManifest(folder: string): z.infer<typeof builtManifestForm> {
  return builtManifestForm.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
}
