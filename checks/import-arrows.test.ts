import { describe, expect, test } from 'vitest'
import { forbiddenImports } from './import-arrows.ts'
import { plant } from './planted-tree.ts'
import { repository } from './run-tool.ts'

test('every import of the repository is one that ARCHITECTURE.md allows', () => {
  expect(forbiddenImports(repository)).toEqual([])
})

const table = `
| importer | may import | types only | from outside | clock |
|---|---|---|---|---|
| \`server/src/endpoints\` | \`server/src/tokens\`, \`@pawl/protocol\` | nothing | \`hono\` | – |
| \`server/src/tokens\` | nothing | nothing | \`node:\` | – |
| \`server/src/storage\` | \`server/src/tokens/unavailable.ts\` | \`server/src/tokens\` | \`node:sqlite\` | – |
| \`server/src/server.ts\` | \`server/src\` | nothing | nothing | yes |
| \`server/src/index.ts\` | \`server/src\` | nothing | nothing | – |
| \`protocol/src\` | nothing | nothing | nothing | – |
`

/** A small legal house; a violation is one more file in it. */
const house = {
  'ARCHITECTURE.md': table,
  'packages/protocol/package.json': '{"name":"@pawl/protocol","exports":{".":"./src/index.ts"}}',
  'packages/protocol/src/index.ts': "export const word = 'word'",
  'packages/server/package.json':
    '{"name":"@pawl/server","exports":{".":"./src/index.ts"},"imports":{"#body":{"default":"./src/endpoints/body.ts"}}}',
  'packages/server/src/index.ts': "export { start } from './server.ts'",
  'packages/server/src/server.ts': "import './endpoints/token.ts'\nexport const start = () => undefined",
  'packages/server/src/endpoints/token.ts':
    "import { Hono } from 'hono'\nimport { word } from '@pawl/protocol'\nimport { decide } from '../tokens/ratchet.ts'\nimport './body.ts'\nexport const all = [Hono, word, decide]",
  'packages/server/src/endpoints/body.ts': 'export {}',
  'packages/server/src/tokens/ratchet.ts': "import { createHash } from 'node:crypto'\nexport const decide = createHash",
  'packages/server/src/tokens/unavailable.ts': 'export const unavailable = true',
  'packages/server/src/storage/memory.ts':
    "import type { decide } from '../tokens/ratchet.ts'\nimport { unavailable } from '../tokens/unavailable.ts'\nexport const now: [typeof decide, boolean] | boolean = unavailable",
}

test('a house that keeps to its table has nothing to report', () => {
  expect(forbiddenImports(plant(house))).toEqual([])
})

describe('red on a planted violation', () => {
  test.each([
    ['a name of its own that nothing stands behind', 'tokens/x.ts', "import '#x'", 'has no #x among its imports'],
    ['a name of its own for what is forbidden', 'tokens/x.ts', "import '#body'", 'tokens may not import'],
    ['a static import', 'tokens/x.ts', "import { start } from '../endpoints/body.ts'", 'tokens may not import'],
    ['a side effect', 'endpoints/x.ts', "import '../storage/memory.ts'", 'endpoints may not import'],
    ['a dynamic import', 'endpoints/x.ts', "export const x = () => import('../storage/memory.ts')", 'may not import'],
    ['a re-export', 'endpoints/x.ts', "export { now } from '../storage/memory.ts'", 'may not import'],
    ['a re-export of all', 'endpoints/x.ts', "export * from '../storage/memory.ts'", 'may not import'],
    [
      'a type import',
      'endpoints/x.ts',
      "import type { now } from '../storage/memory.ts'\nexport type X = typeof now",
      'may not',
    ],
    ['an import type', 'endpoints/x.ts', "export type X = import('../storage/memory.ts').X", 'may not import'],
    [
      'a worker',
      'endpoints/x.ts',
      "export const x = new URL('../storage/memory.ts', import.meta.url)",
      'may not import',
    ],
    ['a computed import', 'endpoints/x.ts', 'export const x = (name: string) => import(name)', 'cannot be checked'],
    [
      'a value where types are allowed',
      'storage/x.ts',
      "import { decide } from '../tokens/ratchet.ts'",
      '`import type` only',
    ],
    [
      'an inline type, which still loads',
      'storage/x.ts',
      "import { type decide } from '../tokens/ratchet.ts'",
      'import type',
    ],
    [
      'the assembler',
      'tokens/x.ts',
      "import { start } from '../server.ts'",
      'may not import packages/server/src/server.ts',
    ],
    ['a package of others', 'tokens/x.ts', "import { Hono } from 'hono'", 'may not import hono'],
    ['a subpath of it', 'tokens/x.ts', "import { cors } from 'hono/cors'", 'may not import hono'],
    ['a module of Node', 'endpoints/x.ts', "import { readFileSync } from 'node:fs'", 'may not import node:fs'],
    ['another module of Node', 'storage/x.ts', "import { readFileSync } from 'node:fs'", 'may not import node:fs'],
    ['a module of Node by its old name', 'tokens/x.ts', "import { readFileSync } from 'fs'", 'node:fs'],
    ['a package of ours', 'tokens/x.ts', "import { word } from '@pawl/protocol'", 'may not import @pawl/protocol'],
    ['a deep import', 'endpoints/x.ts', "import { word } from '@pawl/protocol/src/index.ts'", 'does not export'],
    [
      'a way out of the package',
      'endpoints/x.ts',
      "import { word } from '../../../protocol/src/index.ts'",
      'out of its package',
    ],
    ['a folder without a row', 'sessions/x.ts', 'export {}', 'has no row'],
  ])('%s', (_, path, text, objection) => {
    const root = plant({ ...house, [`packages/server/src/${path}`]: text })
    expect(forbiddenImports(root)).toEqual([expect.stringContaining(objection)])
  })

  test('a row about a folder that is gone', () => {
    const row = '| `server/src/gone` | nothing | nothing | nothing | – |\n'
    expect(forbiddenImports(plant({ ...house, 'ARCHITECTURE.md': table + row }))).toEqual([
      expect.stringContaining('packages/server/src/gone, which does not exist'),
    ])
  })

  test('a table that is gone', () => {
    expect(() => forbiddenImports(plant({ ...house, 'ARCHITECTURE.md': '# Architecture' }))).toThrow('has no table')
  })
})
