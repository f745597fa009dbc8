import { posix } from 'node:path'
import type { Declaration, ExportNamedDeclaration, Program } from 'oxc-parser'
import { readPackages } from '../packaging/packages.ts'
import { readSources, type SourceFile } from './source-files.ts'

/** Exports of the packages' public faces (every file that `exports` names) whose declaration has no doc comment. */
export function undocumentedExports(root: string): string[] {
  const sources = new Map(readSources(root, 'packages').map((source) => [source.path, source]))
  const faces = readPackages(root).flatMap(({ folder, manifest }) =>
    Object.values(manifest.exports).map((path) => posix.join(folder, path)),
  )
  return [...new Set(faces)].flatMap((face) => undocumented(face, undefined, sources))
}

/** Follows re-exports to where a name is declared. Without names: everything that the file exports. */
function undocumented(
  path: string,
  names: ReadonlySet<string> | undefined,
  sources: ReadonlyMap<string, SourceFile>,
): string[] {
  const source = sources.get(path)
  if (source === undefined) return [`${path} is exported but does not exist`]
  const { body } = source.parsed.program
  return body.flatMap((statement) => {
    if (statement.type === 'ExportAllDeclaration')
      return undocumented(besides(path, statement.source.value), undefined, sources)
    if (statement.type !== 'ExportNamedDeclaration') return []
    const wanted = (name: string) => names === undefined || names.has(name)
    const { declaration } = statement
    if (declaration === null) return reExported(statement, wanted, { path, body, source, sources })
    const declared = declaredNames(declaration).filter(wanted)
    return isDocumented(statement, source) ? [] : declared.map((name) => objection(source, statement.start, name))
  })
}

interface Place {
  readonly path: string
  readonly body: Program['body']
  readonly source: SourceFile
  readonly sources: ReadonlyMap<string, SourceFile>
}

function reExported(statement: ExportNamedDeclaration, wanted: (name: string) => boolean, place: Place): string[] {
  const locals = statement.specifiers
    .filter(({ exported }) => wanted(nameOf(exported)))
    .map(({ local }) => nameOf(local))
  if (locals.length === 0) return []
  if (statement.source === null) {
    return place.body
      .filter((candidate) => isDeclaration(candidate))
      .filter((declaration) => declaredNames(declaration).some((name) => locals.includes(name)))
      .filter((declaration) => !isDocumented(declaration, place.source))
      .map((declaration) => objection(place.source, declaration.start, declaredNames(declaration).join(', ')))
  }
  // What comes from another package is documented there.
  if (!statement.source.value.startsWith('.')) return []
  return undocumented(besides(place.path, statement.source.value), new Set(locals), place.sources)
}

const declarations = [
  'VariableDeclaration',
  'FunctionDeclaration',
  'ClassDeclaration',
  'TSInterfaceDeclaration',
  'TSTypeAliasDeclaration',
]

function isDeclaration(node: Program['body'][number]): node is Declaration & Program['body'][number] {
  return declarations.includes(node.type)
}

function besides(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier)
}

function nameOf(node: ExportNamedDeclaration['specifiers'][number]['local']): string {
  return node.type === 'Literal' ? node.value : node.name
}

function declaredNames(declaration: Declaration): string[] {
  if (declaration.type === 'VariableDeclaration')
    return declaration.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []))
  return 'id' in declaration && declaration.id?.type === 'Identifier' ? [declaration.id.name] : []
}

function isDocumented(node: { readonly start: number }, source: SourceFile): boolean {
  const before = source.parsed.comments.filter((comment) => comment.end <= node.start).at(-1)
  if (before === undefined || before.type !== 'Block' || !before.value.startsWith('*')) return false
  return source.text.slice(before.end, node.start).trim() === ''
}

function objection(source: SourceFile, offset: number, name: string): string {
  return `${source.at(offset)}: ${name} is exported by its package but has no doc comment`
}
