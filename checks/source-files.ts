import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'

type Parsed = Pick<ReturnType<typeof parseSync>, 'program' | 'comments'>

/** A TypeScript file of the tree. Its syntax tree is parsed when it is first asked for. */
export interface SourceFile {
  /** Path below the root, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly parsed: Parsed
  /** `path:line` of an offset in the text, as editors and terminals understand it. */
  readonly at: (offset: number) => string
}

/** What is made, not written: no check looks into these folders. */
const generated = new Set(['node_modules', '.git', 'dist', 'data', 'coverage'])

/** Every written file below a folder of the root, as paths below the root in order; none when the folder is missing. */
export function listFiles(root: string, folder = ''): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !generated.has(entry.name))
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) return listFiles(root, path)
      return entry.isFile() ? [path] : []
    })
    .sort()
}

/** Every TypeScript file below a folder of the root. */
export function readSources(root: string, folder = ''): SourceFile[] {
  return listFiles(root, folder)
    .filter((path) => path.endsWith('.ts'))
    .map((path) => sourceFile(path, readFileSync(join(root, path), 'utf8')))
}

/** A source from its text. */
function sourceFile(path: string, text: string): SourceFile {
  let parsed: Parsed | undefined
  return {
    path,
    text,
    get parsed() {
      parsed ??= parse(path, text)
      return parsed
    },
    at: (offset) => `${path}:${text.slice(0, offset).split('\n').length}`,
  }
}

function parse(path: string, text: string): Parsed {
  const { program, comments, errors } = parseSync(path, text)
  const first = errors[0]
  if (first !== undefined) throw new Error(`${path} does not parse: ${first.message}`)
  return { program, comments }
}
