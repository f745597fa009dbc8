import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync, Visitor } from 'oxc-parser'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Places in declarations where anything goes. */
function placesOfAny(file: string, text: string): string[] {
  const found: string[] = []
  new Visitor({
    TSAnyKeyword: ({ start }) => {
      found.push(`${file}: ${text.slice(Math.max(start - 40, 0), start + 3)}`)
    },
  }).visit(parseSync(file, text).program)
  return found
}

test('T26.2 no declaration that is published holds any', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-types-'))
  try {
    const configuration = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        rootDir: join(root, 'packages'),
        outDir: folder,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      include: ['verifier', 'protocol'].map((name) => join(root, 'packages', name, 'src')),
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(configuration))
    const run = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
    expect(run.stdout).toBe('')
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.d.ts'))
    expect(files.length).toBeGreaterThan(40)
    expect(files.flatMap((file) => placesOfAny(file, readFileSync(join(folder, file), 'utf8')))).toEqual([])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a declaration that holds one is found', () => {
  expect(placesOfAny('x.d.ts', 'export declare function f(many: string, company: any): void')).toHaveLength(1)
})
