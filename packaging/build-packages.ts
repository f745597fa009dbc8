import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync, Visitor } from 'oxc-parser'
import { type Manifest, type Package, readPackages } from './packages.ts'

/** Suites that every engine runs are tests, and not published. */
const suites = 'contract'
const compiler = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url))

/**
 * Builds every package that is not private into its `dist` folder, ready for `npm pack`. What is published is the
 * package's own tree with the types taken out: `src`, and whatever folders its package.json lists as `files`, as
 * JavaScript; declarations beside the sources; a package.json that names those; README and licence. In the repository
 * itself nothing needs building: there `exports` names the sources, which Node runs as they are.
 *
 * @returns the `dist` folders
 * @throws when a package does not compile
 */
export function buildPackages(root: string): string[] {
  const packages = readPackages(root)
  return packages.filter(({ manifest }) => !manifest.private).map((built) => build(root, built, packages))
}

function build(root: string, { folder, manifest }: Package, packages: readonly Package[]): string {
  const source = join(root, folder)
  const dist = join(source, 'dist')
  rmSync(dist, { recursive: true, force: true })
  mkdirSync(dist, { recursive: true })
  for (const part of ['src', ...manifest.files]) {
    compile(root, source, part, siblingPaths(root, manifest, packages))
    for (const path of filesOf(join(source, part)))
      if (!/\.ts$|(^|\/)tsconfig\.json$/.test(path)) copy(join(source, part, path), join(dist, part, path))
  }
  for (const path of filesOf(dist)) if (path.endsWith('.d.ts')) pointAtJavaScript(join(dist, path))
  const readme = join(source, 'README.md')
  if (existsSync(readme)) copy(readme, join(dist, 'README.md'))
  copy(join(root, 'LICENSE'), join(dist, 'LICENSE'))
  writeFileSync(join(dist, 'package.json'), `${JSON.stringify(publishedManifest(manifest, packages), undefined, 2)}\n`)
  for (const path of Object.values(manifest.bin)) chmodSync(join(dist, builtPath(path, '.js')), 0o755)
  return dist
}

/** Only `src` has declarations: what lies beside it is nobody's to import. */
function compile(root: string, source: string, part: string, paths: Record<string, string[]>): void {
  const dist = join(source, 'dist')
  const own = join(source, part, 'tsconfig.json')
  const declaration = part === 'src'
  const configuration = {
    extends: existsSync(own) ? own : join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration,
      isolatedDeclarations: declaration,
      rootDir: source,
      outDir: dist,
      paths,
    },
    include: [join(source, part)],
    exclude: [join(source, part, '**', suites)],
  }
  const file = join(dist, 'tsconfig.build.json')
  writeFileSync(file, JSON.stringify(configuration))
  const run = spawnSync(compiler, ['-p', file, '--pretty', 'false'], { encoding: 'utf8' })
  rmSync(file)
  if (run.status !== 0) throw new Error(`${source} does not compile:\n${run.error ?? run.stdout + run.stderr}`)
}

/** A package compiles against what its siblings publish, not against their sources. */
function siblingPaths(root: string, manifest: Manifest, packages: readonly Package[]): Record<string, string[]> {
  const needed = { ...manifest.dependencies, ...manifest.peerDependencies }
  const siblings = packages.filter((sibling) => sibling.manifest.name in needed)
  return Object.fromEntries(
    siblings.flatMap((sibling) =>
      publishedExports(sibling.manifest).map(([subpath, path]) => [
        sibling.manifest.name + subpath.slice(1),
        [join(root, sibling.folder, 'dist', builtPath(path, '.d.ts'))],
      ]),
    ),
  )
}

/** The compiler leaves `./name.ts` in declarations; what is published holds `./name.js`. */
function pointAtJavaScript(file: string): void {
  let text = readFileSync(file, 'utf8')
  const ends: number[] = []
  const note = (source: { readonly value: unknown; readonly end: number } | null) => {
    if (typeof source?.value === 'string' && /^\.{1,2}\/.*\.ts$/.test(source.value)) ends.push(source.end)
  }
  new Visitor({
    ImportDeclaration: ({ source }) => note(source),
    ExportNamedDeclaration: ({ source }) => note(source),
    ExportAllDeclaration: ({ source }) => note(source),
    TSImportType: ({ source }) => note(source),
  }).visit(parseSync(file, text).program)
  for (const end of ends.sort((a, b) => b - a)) text = `${text.slice(0, end - 4)}.js${text.slice(end - 1)}`
  writeFileSync(file, text)
}

function publishedManifest(manifest: Manifest, packages: readonly Package[]): Record<string, unknown> {
  const { private: _private, files: _files, scripts: _scripts, devDependencies: _development, ...kept } = manifest
  const exports = publishedExports(manifest).map(([subpath, path]) => [
    subpath,
    { types: `./${builtPath(path, '.d.ts')}`, default: `./${builtPath(path, '.js')}` },
  ])
  const bin = Object.entries(manifest.bin).map(([name, path]) => [name, `./${builtPath(path, '.js')}`])
  return {
    ...kept,
    bin: bin.length === 0 ? undefined : Object.fromEntries(bin),
    exports: { ...Object.fromEntries(exports), './package.json': './package.json' },
    imports: publishedImports(manifest),
    dependencies: publishedRanges(manifest.dependencies, packages),
    peerDependencies: publishedRanges(manifest.peerDependencies, packages),
  }
}

/** Suites are exported to the packages of this repository only. */
function publishedExports({ exports }: Manifest): [string, string][] {
  return Object.entries(exports).filter(([, path]) => !path.split('/').includes(suites))
}

/** What a package calls by another name in itself, by the conditions under which it is which file. */
function publishedImports({ imports }: Manifest): Record<string, Record<string, string>> | undefined {
  if (imports === undefined) return undefined
  const built = (files: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(files).map(([condition, path]) => [condition, `./${builtPath(path, '.js')}`]))
  return Object.fromEntries(Object.entries(imports).map(([name, files]) => [name, built(files)]))
}

function publishedRanges(
  dependencies: Readonly<Record<string, string>>,
  packages: readonly Package[],
): Record<string, string> | undefined {
  const ranges = Object.entries(dependencies).map(([name, range]) => {
    const sibling = packages.find((candidate) => candidate.manifest.name === name)
    return [name, sibling === undefined ? range : `^${sibling.manifest.version}`]
  })
  return ranges.length === 0 ? undefined : Object.fromEntries(ranges)
}

/** `./src/middleware/hono.ts` becomes `src/middleware/hono.js`. */
function builtPath(path: string, extension: '.js' | '.d.ts'): string {
  const source = /^\.\/(src\/.+)\.ts$/.exec(path)?.[1]
  if (source === undefined) throw new Error(`${path} does not name a file ./src/….ts`)
  return source + extension
}

function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}
