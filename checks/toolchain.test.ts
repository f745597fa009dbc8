import { cpSync, existsSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { plant } from './planted-tree.ts'
import { repository, runTool } from './run-tool.ts'
import { listFiles } from './source-files.ts'

/** Biome's verdict on a tree; settings come from the biome.json of that tree. */
const biome = (root: string) => runTool('biome', ['check', '--error-on-warnings', '--max-diagnostics=40'], root)
const compiler = (root: string) => runTool('tsc', ['-p', 'tsconfig.json', '--pretty', 'false'], root)
const knip = (root: string) => runTool('knip', ['--no-progress', '--no-config-hints'], root)

const clean = { status: 0, output: expect.anything() }

test('Biome: formatted, and no lint', async () => {
  expect(await biome(repository)).toEqual(clean)
})

const projects = listFiles(repository).filter((path) =>
  /^((packages\/.+|bench|runtimes|examples\/.+\/page)\/)?tsconfig\.json$/.test(path),
)

test.each(projects)('TypeScript at its strictest has no complaint: %s', async (path) => {
  const folder = join(repository, dirname(path))
  // What is no part of the root's installation has one of its own, made when it is first needed.
  const isApart = folder !== repository && existsSync(join(folder, 'package-lock.json'))
  if (isApart) await runTool('node', ['setup/install.mjs', folder], repository)
  expect(await compiler(folder)).toEqual({ status: 0, output: '' })
})

test('Knip: no dead file, no dead export, no unused or undeclared dependency', async () => {
  expect(await knip(repository)).toEqual({ status: 0, output: '' })
})

describe('Biome is red on a planted violation', () => {
  const planted = (path: string, text: string) => {
    const manifest = '{\n  "name": "x",\n  "version": "1.0.0"\n}\n'
    const root = plant({ 'package.json': manifest, [`packages/x/src/${path}`]: text })
    cpSync(join(repository, 'biome.json'), join(root, 'biome.json'))
    return root
  }

  test('a clean file passes', async () => {
    expect(await biome(planted('clean-file.ts', 'export const a = 1\n'))).toEqual(clean)
  })

  test.each([
    ['any', 'a.ts', 'export const a = (b: any): unknown => b\n', 'noExplicitAny'],
    ['a blind cast', 'a.ts', 'export const a = (b: unknown): string => b as string\n', 'noUnsafeTypeAssertion'],
    ['a non-null assertion', 'a.ts', 'export const a = (b: string | null): string => b!\n', 'noNonNullAssertion'],
    ['an unused variable', 'a.ts', 'const a = 1\nexport const b = 2\n', 'noUnusedVariables'],
    ['console in product code', 'a.ts', "export const a = (): void => console.log('a')\n", 'noConsole'],
    ['a type imported as a value', 'a.ts', "import { type B } from './b.ts'\n\nexport type A = B\n", 'useImportType'],
    ['a barrel', 'a.ts', "export { b } from './b.ts'\nexport { c } from './c.ts'\n", 'noBarrelFile'],
    ['an enum', 'a.ts', 'export enum A {\n  b = 1,\n}\n', 'noEnum'],
    ['a default export', 'a.ts', 'export default 1\n', 'noDefaultExport'],
    ['six parameters', 'a.ts', 'export function a(b = 1, c = 1, d = 1, e = 1, f = 1, g = 1) {}\n', 'useMaxParams'],
    ['a file of more than 400 lines', 'a.ts', 'export {}\n'.repeat(401), 'noExcessiveLinesPerFile'],
    ['a file name in camel case', 'camelCase.ts', 'export const a = 1\n', 'useFilenamingConvention'],
    [
      'an undeclared dependency',
      'a.ts',
      "import { a } from 'elsewhere'\n\nexport const b = a\n",
      'noUndeclaredDependencies',
    ],
    [
      'a promise nobody waits for',
      'a.ts',
      'const a = async () => 1\nexport const b = (): void => {\n  a()\n}\n',
      'noFloatingPromises',
    ],
    ['semicolons', 'a.ts', 'export const a = 1;\n', 'format'],
    ['double quotes', 'a.ts', 'export const a = "a"\n', 'format'],
  ])('%s', async (_, path, text, rule) => {
    const { status, output } = await biome(planted(path, text))
    expect(status).toBe(1)
    expect(output).toContain(rule)
  })

  test('an import cycle', async () => {
    const root = planted('a.ts', "import { b } from './b.ts'\n\nexport const a = (): number => b()\n")
    const other = plant({ 'b.ts': "import { a } from './a.ts'\n\nexport const b = (): number => a()\n" })
    cpSync(join(other, 'b.ts'), join(root, 'packages/x/src/b.ts'))
    const { status, output } = await biome(root)
    expect(status).toBe(1)
    expect(output).toContain('noImportCycles')
  })
})

describe('TypeScript is red on a planted violation', () => {
  test.each([
    ['a missing undefined', 'export const a = (b: string[]): string => b[0]', 'TS2322'],
    ['an optional property set to undefined', 'export const a: { b?: string } = { b: undefined }', 'TS2375'],
    ['an index signature read by name', 'export const a = (b: Record<string, string>): unknown => b.c', 'TS4111'],
    ['syntax that stripping types cannot erase', 'export class A {\n  constructor(readonly b: string) {}\n}', 'TS1294'],
  ])('%s', async (_, text, code) => {
    const settings = { extends: join(repository, 'tsconfig.json'), compilerOptions: { types: [] }, include: ['*.ts'] }
    const root = plant({ 'a.ts': text, 'package.json': '{"type":"module"}', 'tsconfig.json': JSON.stringify(settings) })
    const { status, output } = await compiler(root)
    expect(status).not.toBe(0)
    expect(output).toContain(code)
  })
})

describe('Knip is red on a planted violation', () => {
  const settings = readFileSync(join(repository, 'knip.json'), 'utf8')
  const house = {
    'knip.json': settings,
    'package.json': '{"name":"house","private":true,"workspaces":["packages/*"]}',
    'packages/x/package.json': '{"name":"x","version":"1.0.0","exports":{".":"./src/index.ts"}}',
    'packages/x/src/index.ts': "export { a } from './a.ts'",
    'packages/x/src/a.ts': 'export const a = 1',
  }
  const planted = (files: Record<string, string>) => {
    const root = plant({ ...house, ...files })
    symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'))
    return root
  }

  test('a house where everything is used passes', async () => {
    expect(await knip(planted({}))).toEqual({ status: 0, output: '' })
  })

  test.each([
    ['a dead file', { 'packages/x/src/b.ts': 'export {}' }, 'Unused files'],
    ['a dead export', { 'packages/x/src/a.ts': 'export const a = 1\nexport const b = a' }, 'Unused exports'],
    ['a dead type', { 'packages/x/src/a.ts': 'export const a = 1\nexport interface B {}' }, 'Unused exported types'],
    [
      'an unused dependency',
      { 'packages/x/package.json': house['packages/x/package.json'].replace('}}', '},"dependencies":{"zod":"*"}}') },
      'Unused dependencies',
    ],
    [
      'an undeclared dependency',
      { 'packages/x/src/a.ts': "import { z } from 'zod'\nexport const a = z" },
      'Unlisted dependencies',
    ],
  ])('%s', async (_, files, finding) => {
    const { status, output } = await knip(planted(files))
    expect(status).toBe(1)
    expect(output).toContain(finding)
  })
})
