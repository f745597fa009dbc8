import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Visitor } from 'oxc-parser'
import { type ErrorTables, errorReference, errorReferencePath } from '../packaging/error-reference.ts'
import { readSources, type SourceFile } from './source-files.ts'

/** What is wrong with docs/errors.md: it must be, byte for byte, what the tables say. */
export function staleErrorReference(root: string, tables: ErrorTables): string[] {
  const file = join(root, errorReferencePath)
  const written = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return written === errorReference(tables) ? [] : [`${errorReferencePath} is not what the tables say: npm run errors`]
}

/**
 * Codes and reasons that no test names. A test names one by a string that is it, or, when it has an underscore and so
 * cannot be taken for a word of prose, by a string (a title, say) that holds it.
 */
export function untestedCodes(root: string, { errors, reasons }: ErrorTables): string[] {
  const tests = [...readSources(root, 'packages'), ...readSources(root, 'conformance')].filter(({ path }) =>
    /^(packages\/[^/]+\/test|conformance)\//.test(path),
  )
  const strings = tests.flatMap(stringsOf)
  const exact = new Set(strings)
  const words = new Set(strings.flatMap((text) => text.match(/[a-z]+(_[a-z]+)+/g) ?? []))
  return [...Object.keys(errors), ...Object.keys(reasons)]
    .filter((code) => !exact.has(code) && !words.has(code))
    .map((code) => `no test names ${code}`)
}

function stringsOf(source: SourceFile): string[] {
  const strings: string[] = []
  new Visitor({
    Literal: ({ value }) => {
      if (typeof value === 'string') strings.push(value)
    },
    TemplateElement: ({ value }) => {
      strings.push(value.cooked ?? value.raw)
    },
  }).visit(source.parsed.program)
  return strings
}
