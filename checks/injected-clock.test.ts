import { describe, expect, test } from 'vitest'
import { uninjectedClocks } from './injected-clock.ts'
import { plant } from './planted-tree.ts'
import { repository } from './run-tool.ts'

test('only those whom ARCHITECTURE.md allows it read the clock or draw random numbers', () => {
  expect(uninjectedClocks(repository)).toEqual([])
})

const architecture = `
| importer | may import | types only | from outside | clock |
|---|---|---|---|---|
| \`server/src\` | nothing | nothing | nothing | – |
| \`server/src/server.ts\` | nothing | nothing | nothing | yes |
`

describe('red on a planted violation', () => {
  test.each([
    'export const x = Date.now()',
    'export const x = Date.now',
    "export const x = Date['now']()",
    'export const x = globalThis.Date.now()',
    'export const x = new Date()',
    'export const x = new globalThis.Date()',
    'export const x = Date()',
    'const { now } = Date\nexport const x = now',
    'export const x = Math.random()',
    'export const x = performance.now()',
    'export const x = process.hrtime.bigint()',
    'export const x = Temporal.Now.instant()',
    'export const x = crypto.getRandomValues(new Uint8Array(8))',
    'export const x = crypto.randomUUID()',
    'const { randomUUID } = crypto\nexport const x = randomUUID',
    "import { randomBytes } from 'node:crypto'\nexport const x = randomBytes",
    "import { randomUUID as draw } from 'node:crypto'\nexport const x = draw",
    "import * as crypto from 'node:crypto'\nexport const x = crypto.randomInt(4)",
  ])('%s', (text) => {
    const root = plant({ 'ARCHITECTURE.md': architecture, 'packages/server/src/tokens/x.ts': text })
    expect(uninjectedClocks(root)).toHaveLength(1)
  })
})

test('a date made from a number is none of its business, nor is one that the assembler reads', () => {
  const root = plant({
    'ARCHITECTURE.md': architecture,
    'packages/server/src/tokens/x.ts':
      "// new Date()\nexport const x = [new Date(0), Date.parse('2026-01-01'), 'Date.now()']",
    'packages/server/src/server.ts': 'export const clock = Date.now',
  })
  expect(uninjectedClocks(root)).toEqual([])
})
