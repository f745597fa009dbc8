import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, posix } from 'node:path'
import { Visitor } from 'oxc-parser'
import { type ArrowRow, isWithin, readArrowTable, rowOf } from './arrow-table.ts'
import { readSources, type SourceFile } from './source-files.ts'

/** One import of a source: static, dynamic, re-export, `import('…')` type, or `new URL('./….ts', import.meta.url)`. */
interface Import {
  /** What stands in the quotes; undefined when it is computed. */
  readonly specifier: string | undefined
  /** Whether it is gone at run time. `import { type A }` is not: its statement still loads the module. */
  readonly typeOnly: boolean
  readonly start: number
}

/** Packages of this repository by name, with the subpaths that each exports. */
type Packages = ReadonlyMap<string, ReadonlySet<string>>

/** By folder and name (`packages/x#name`): the files that a package calls so in itself. */
type OwnNames = ReadonlyMap<string, readonly string[]>

/**
 * Imports that the table in ARCHITECTURE.md does not allow, each as one line of text. Also reported: a file that no row
 * speaks of, a relative import that crosses from one package into another, a subpath that a package does not export.
 */
export function forbiddenImports(root: string): string[] {
  const table = readArrowTable(root)
  const packages = readPackages(root)
  const ownNames = readOwnNames(root)
  const missing = table
    .filter((row) => !existsSync(join(root, row.importer)))
    .map((row) => `ARCHITECTURE.md: the import table names ${row.importer}, which does not exist`)
  const found = readSources(root).flatMap((source) => {
    const row = rowOf(source.path, table)
    if (row === undefined) return [`${source.path}: the import table in ARCHITECTURE.md has no row for it`]
    return importsOf(source).flatMap((imported) => {
      const objection = imported.specifier?.startsWith('#')
        ? objectionToOwnName(imported, source.path, row, ownNames)
        : objectionTo(imported, source.path, row, packages)
      return objection === undefined ? [] : [`${source.at(imported.start)}: ${objection}`]
    })
  })
  return [...missing, ...found]
}

function objectionTo(imported: Import, path: string, row: ArrowRow, packages: Packages): string | undefined {
  const { specifier, typeOnly } = imported
  // Those who may import anything from outside are tests; they may load what they have just written, too.
  if (specifier === undefined)
    return row.outside === undefined ? undefined : 'an import whose name is computed cannot be checked'
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(path), specifier)
    if (isWithin(path, 'packages') && packageFolder(path) !== packageFolder(target))
      return `${specifier} reaches out of its package; import the package by its name`
    return isWithin(target, row.importer) ? undefined : objectionToTarget(target, row, typeOnly)
  }
  const name = packageName(specifier)
  const exported = packages.get(name)
  if (exported === undefined) return objectionToOutside(specifier, name, row)
  if (!exported.has(`.${specifier.slice(name.length)}`)) return `${name} does not export ${specifier}`
  return objectionToTarget(specifier, row, typeOnly)
}

/** A name that begins with `#` is one of the package's `imports`; whichever file it stands for has to be allowed. */
function objectionToOwnName(
  { specifier, typeOnly }: Import,
  path: string,
  row: ArrowRow,
  ownNames: OwnNames,
): string | undefined {
  const targets = ownNames.get(packageFolder(path) + specifier)
  if (targets === undefined) return `${packageFolder(path)} has no ${specifier} among its imports`
  const objections = targets.map((target) =>
    isWithin(target, row.importer) ? undefined : objectionToTarget(target, row, typeOnly),
  )
  return objections.find((objection) => objection !== undefined)
}

function objectionToTarget(target: string, row: ArrowRow, typeOnly: boolean): string | undefined {
  const allows = (names: readonly string[]) => names.some((name) => isWithin(target, name) && isSameFace(target, name))
  if (allows(row.values)) return undefined
  if (!allows(row.types)) return `${row.importer} may not import ${target}`
  return typeOnly ? undefined : `${row.importer} may import ${target} with \`import type\` only`
}

/** `@pawl/server` in the table allows that name alone, not `@pawl/server/subpath`. */
function isSameFace(target: string, name: string): boolean {
  return !name.startsWith('@') || target === name
}

function objectionToOutside(specifier: string, name: string, row: ArrowRow): string | undefined {
  if (row.outside === undefined) return undefined
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith('node:')) return `write node:${specifier}`
    return row.outside.includes('node:') || row.outside.includes(specifier)
      ? undefined
      : `${row.importer} may not import ${specifier}`
  }
  return row.outside.includes(name) ? undefined : `${row.importer} may not import ${name} from outside`
}

function packageFolder(path: string): string {
  return path.split('/').slice(0, 2).join('/')
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** The parts of a package.json that this check reads. */
interface Manifest {
  readonly name: string
  readonly exports?: Readonly<Record<string, unknown>>
  readonly imports?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

function readManifests(root: string): { readonly folder: string; readonly manifest: Manifest }[] {
  const folders = existsSync(join(root, 'packages')) ? readdirSync(join(root, 'packages')) : []
  return folders.flatMap((name) => {
    const folder = `packages/${name}`
    const path = join(root, folder, 'package.json')
    return existsSync(path) ? [{ folder, manifest: JSON.parse(readFileSync(path, 'utf8')) }] : []
  })
}

function readPackages(root: string): Packages {
  return new Map(
    readManifests(root).map(({ manifest }) => [manifest.name, new Set(Object.keys(manifest.exports ?? {}))]),
  )
}

function readOwnNames(root: string): OwnNames {
  const named = readManifests(root).flatMap(({ folder, manifest }) =>
    Object.entries(manifest.imports ?? {}).map(([name, files]): [string, string[]] => [
      folder + name,
      Object.values(files).map((file) => posix.join(folder, file)),
    ]),
  )
  return new Map(named)
}

function importsOf(source: SourceFile): Import[] {
  const imports: Import[] = []
  const add = (node: { readonly start: number }, specifier: unknown, typeOnly: boolean) =>
    imports.push({ specifier: typeof specifier === 'string' ? specifier : undefined, typeOnly, start: node.start })
  new Visitor({
    ImportDeclaration: (node) => add(node, node.source.value, node.importKind === 'type'),
    ExportAllDeclaration: (node) => add(node, node.source.value, node.exportKind === 'type'),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) add(node, node.source.value, node.exportKind === 'type')
    },
    ImportExpression: (node) => add(node, node.source.type === 'Literal' ? node.source.value : undefined, false),
    TSImportType: (node) => add(node, node.source.value, true),
    NewExpression: (node) => {
      const [target, base] = node.arguments
      const isSource = target?.type === 'Literal' && typeof target.value === 'string' && target.value.endsWith('.ts')
      if (isSource && base !== undefined) add(node, target.value, false)
    },
  }).visit(source.parsed.program)
  return imports
}
