import { describe, expect, test } from 'vitest'
import { undocumentedExports } from './documented-exports.ts'
import { plant } from './planted-tree.ts'
import { repository } from './run-tool.ts'

test('every export of a package has a doc comment', () => {
  expect(undocumentedExports(repository)).toEqual([])
})

const manifest = '{"name":"@pawl/x","version":"1.0.0","exports":{".":"./src/index.ts","./sub":"./src/sub.ts"}}'
const house = {
  'packages/x/package.json': manifest,
  'packages/x/src/index.ts':
    "export { a, type B as C } from './a.ts'\nexport { z } from 'zod'\nexport * from './all.ts'\n/** Own. */\nexport const own = 1",
  'packages/x/src/a.ts': '/** A. */\nexport const a = 1\n/** B. */\nexport interface B {}\nexport const inner = 2',
  'packages/x/src/all.ts': '/** D. */\nexport class D {}\n/** E. */\nconst e = 1\nexport { e }',
  'packages/x/src/sub.ts': '/** F. */\nexport function f() {}',
}

test('a documented package has nothing to report; what it keeps to itself needs no comment', () => {
  expect(undocumentedExports(plant(house))).toEqual([])
})

describe('red on a planted violation', () => {
  test.each([
    ['an own export', 'index.ts', 'export const own = 1', 'own'],
    ['a re-export', 'a.ts', 'export const a = 1\n/** B. */\nexport interface B {}', 'a is exported'],
    ['a line comment', 'a.ts', '// A.\nexport const a = 1\n/** B. */\nexport interface B {}', 'a is exported'],
    [
      'a comment of something else',
      'a.ts',
      '/** A. */\nconst x = 1\nexport const a = x\n/** B. */\nexport interface B {}',
      'a is',
    ],
    ['a renamed re-export', 'a.ts', '/** A. */\nexport const a = 1\nexport interface B {}', 'B is exported'],
    ['a re-export of all', 'all.ts', 'export class D {}', 'D is exported'],
    ['an export list', 'all.ts', 'const e = 1\nexport { e }', 'e is exported'],
    ['a subpath', 'sub.ts', 'export function f() {}', 'f is exported'],
  ])('%s', (_, path, text, objection) => {
    const root = plant({ ...house, [`packages/x/src/${path}`]: text })
    expect(undocumentedExports(root)).toEqual([expect.stringContaining(objection)])
  })
})
