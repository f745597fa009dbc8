import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeSpans, tables } from './markdown.ts'

/** What a folder or file of the tree may import: one row of the import table in ARCHITECTURE.md. */
export interface ArrowRow {
  /** Folder or file, as a path below the root. */
  readonly importer: string
  /** Folders, files (paths below the root) and package names that it may import. Its own files always. */
  readonly values: readonly string[]
  /** The same, but with `import type` only. */
  readonly types: readonly string[]
  /** Packages that are not ours; `node:` stands for all of Node's modules, undefined for anything at all. */
  readonly outside: readonly string[] | undefined
  /** Whether it may read the clock and draw random numbers itself. */
  readonly clock: boolean
}

const header = ['importer', 'may import', 'types only', 'from outside', 'clock']

/** Reads the import table of ARCHITECTURE.md below the root. Throws when the table is missing or a row is not readable. */
export function readArrowTable(root: string): ArrowRow[] {
  const table = tables(readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')).find(
    (candidate) => candidate.header.join('|') === header.join('|'),
  )
  if (table === undefined) throw new Error(`ARCHITECTURE.md has no table with the columns ${header.join(', ')}`)
  return table.rows.flatMap((row) => {
    const [importers = '', values = '', types = '', outside = '', clock = ''] = row
    if (!['yes', '–'].includes(clock))
      throw new Error(`ARCHITECTURE.md: the clock of ${importers} is neither yes nor –`)
    return codeSpans(importers).map((importer) => ({
      importer: pathBelowRoot(importer),
      values: codeSpans(values).map(pathBelowRoot),
      types: codeSpans(types).map(pathBelowRoot),
      outside: outside === 'anything' ? undefined : codeSpans(outside),
      clock: clock === 'yes',
    }))
  })
}

/** The table writes `server/src/keys` for what lies in packages/, `/checks` for what lies at the root. */
function pathBelowRoot(name: string): string {
  if (name.startsWith('@')) return name
  return name.startsWith('/') ? name.slice(1) : `packages/${name}`
}

/** The row that speaks of a path: the one with the longest prefix. */
export function rowOf(path: string, table: readonly ArrowRow[]): ArrowRow | undefined {
  return table.filter((row) => isWithin(path, row.importer)).sort((a, b) => b.importer.length - a.importer.length)[0]
}

/** Whether a path is the folder or file named, or lies in it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}
