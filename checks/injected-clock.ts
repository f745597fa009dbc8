import { type Expression, type MemberExpression, Visitor } from 'oxc-parser'
import { readArrowTable, rowOf } from './arrow-table.ts'
import { readSources, type SourceFile } from './source-files.ts'

/** Members of well-known objects that read the clock or draw a random number. */
const members = new Map([
  ['Date', ['now']],
  ['Math', ['random']],
  ['performance', ['now', 'timeOrigin']],
  ['process', ['hrtime', 'uptime']],
  ['Temporal', ['Now']],
])

/** Names that draw random bytes whatever object they hang on, or when imported from node:crypto. */
const randomNames = ['getRandomValues', 'randomBytes', 'randomFill', 'randomFillSync', 'randomInt', 'randomUUID']

/**
 * Places that read the clock or draw random numbers though the import table in ARCHITECTURE.md does not allow it to
 * their folder: there both are arguments, so that tests and simulations decide them.
 */
export function uninjectedClocks(root: string): string[] {
  const table = readArrowTable(root)
  return readSources(root)
    .filter((source) => rowOf(source.path, table)?.clock !== true)
    .flatMap((source) =>
      clockReadings(source).map(
        ({ what, start }) => `${source.at(start)}: ${what} is read here; take it as an argument instead`,
      ),
    )
}

function clockReadings(source: SourceFile): { what: string; start: number }[] {
  const found: { what: string; start: number }[] = []
  new Visitor({
    MemberExpression: (node) => {
      const [object, property] = [nameOf(node.object), propertyOf(node)]
      if (property === undefined) return
      if (randomNames.includes(property) || members.get(object ?? '')?.includes(property))
        found.push({ what: `${object ?? '…'}.${property}`, start: node.start })
    },
    NewExpression: (node) => {
      if (nameOf(node.callee) === 'Date' && node.arguments.length === 0)
        found.push({ what: 'new Date()', start: node.start })
    },
    CallExpression: (node) => {
      if (nameOf(node.callee) === 'Date') found.push({ what: 'Date()', start: node.start })
    },
    ImportSpecifier: (node) => {
      const name = node.imported.type === 'Identifier' ? node.imported.name : node.imported.value
      if (randomNames.includes(name)) found.push({ what: name, start: node.start })
    },
    VariableDeclarator: (node) => {
      if (node.id.type !== 'ObjectPattern' || node.init === null) return
      const object = nameOf(node.init)
      for (const property of node.id.properties) {
        if (property.type !== 'Property' || property.key.type !== 'Identifier') continue
        if (randomNames.includes(property.key.name) || members.get(object ?? '')?.includes(property.key.name))
          found.push({ what: `${object ?? '…'}.${property.key.name}`, start: property.start })
      }
    },
  }).visit(source.parsed.program)
  return found
}

/** The last name of `Date`, `globalThis.Date` and the like. */
function nameOf(expression: Expression | { readonly type: 'Super' }): string | undefined {
  if (expression.type === 'Identifier') return expression.name
  return expression.type === 'MemberExpression' ? propertyOf(expression) : undefined
}

function propertyOf(node: MemberExpression): string | undefined {
  if (node.property.type === 'Identifier' && !node.computed) return node.property.name
  return node.property.type === 'Literal' && typeof node.property.value === 'string' ? node.property.value : undefined
}
