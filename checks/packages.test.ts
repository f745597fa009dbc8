import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildPackages } from '../packaging/build-packages.ts'
import { packPackages } from '../packaging/pack-packages.ts'
import { readPackages } from '../packaging/packages.ts'
import { bundleForBrowsers } from './bundles.ts'
import {
  failingImports,
  installTarballs,
  placesOfAny,
  publintMessages,
  wrongContents,
  wrongTypes,
} from './packed-packages.ts'
import { plant } from './planted-tree.ts'
import { repository } from './run-tool.ts'

/** The command's first line asks the PATH for Node: it is to find the one that the tests run on. */
const pathOfThisNode = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`

describe('the packages as they would be published', () => {
  const published = readPackages(repository).filter(({ manifest }) => !manifest.private)
  const sources = new Map(published.map(({ folder, manifest }) => [manifest.name, join(repository, folder)]))
  const names = [...sources.keys()]
  const work = mkdtempSync(join(tmpdir(), 'pawl-packed-'))
  let tarballs = new Map<string, string>()
  let application = ''

  beforeAll(() => {
    tarballs = packPackages(buildPackages(repository), work)
    application = installTarballs(tarballs, sources, work)
  })
  afterAll(() => rmSync(work, { recursive: true, force: true }))

  const dist = (name: string) => join(sources.get(name) ?? '', 'dist')
  const tarball = (name: string) => tarballs.get(name) ?? ''

  test.each(names)('publint has nothing to say about %s', async (name) => {
    expect(await publintMessages(tarball(name))).toEqual([])
  })

  test.each(names)('the types of %s resolve as its code does', async (name) => {
    expect(await wrongTypes(tarball(name))).toEqual([])
  })

  test.each(names)('T26.2 no declaration of %s holds any', (name) => {
    expect(placesOfAny(dist(name))).toEqual([])
  })

  test.each(names)('%s holds what a package must, and no tests or sources', (name) => {
    expect(wrongContents(dist(name))).toEqual([])
  })

  test('each subpath of each package loads in plain Node, with nothing but its declared dependencies', () => {
    expect(failingImports(application, names)).toEqual([])
  })

  test.each([
    [
      'createVerifier and its replies',
      8_000,
      "export { challenge, createVerifier, refusalReply, refusalResponse } from '@pawl/verifier'",
    ],
    // With `claimsOf`, which goes with the adapters for servers' frameworks.
    ['all of the main entry', 8_000, "export * from '@pawl/verifier'"],
    [
      'createVerifier with the revocation feed',
      10_350,
      "export { createVerifier } from '@pawl/verifier'\nexport { revocationFeed } from '@pawl/verifier/revocation-feed'",
    ],
  ])(
    'T25.1 the verifier in a bundle for browsers and Workers: %s is at most %i bytes (gzip)',
    async (_, most, code) => {
      const { bytes, imports } = await bundleForBrowsers(application, code)
      expect(imports).toEqual([])
      expect(bytes).toBeLessThanOrEqual(most)
      // Far below, the bundle would not hold what it should.
      expect(bytes).toBeGreaterThan(most * 0.9)
    },
  )

  test('the installed command answers', () => {
    const command = join(application, 'node_modules/@pawl/cli/src/main.js')
    const run = spawnSync(command, ['--help'], { encoding: 'utf8', env: { ...process.env, PATH: pathOfThisNode } })
    expect(run.stderr).toBe('')
    expect(run.stdout).toContain('Usage: pawl')
    expect(run.status).toBe(0)
  })
})

describe('red on a planted violation', () => {
  const manifest = {
    name: '@pawl/x',
    version: '1.0.0',
    license: 'Apache-2.0',
    type: 'module',
    sideEffects: false,
    engines: { node: '>=24' },
    exports: { '.': { types: './src/index.d.ts', default: './src/index.js' }, './package.json': './package.json' },
  }
  const whole = {
    'package.json': JSON.stringify(manifest),
    'README.md': '# x',
    LICENSE: 'licence',
    'src/index.js': 'export const a = 1\n',
    'src/index.d.ts': 'export declare const a: number\n',
  }
  const packed = (files: Record<string, string>) => {
    const root = plant(files)
    return { root, tarball: packPackages([root], plant({})).get('@pawl/x') ?? '' }
  }

  test('a whole package passes', async () => {
    const { root, tarball } = packed(whole)
    expect(await publintMessages(tarball)).toEqual([])
    expect(await wrongTypes(tarball)).toEqual([])
    expect(wrongContents(root)).toEqual([])
  })

  test('publint: an export whose file is missing', async () => {
    const { 'src/index.js': _, ...rest } = whole
    const { tarball } = packed(rest)
    expect(await publintMessages(tarball)).not.toEqual([])
  })

  test('types: a declaration file that is missing, and CommonJS types for an ES module', async () => {
    const { 'src/index.d.ts': _, ...rest } = whole
    expect(await wrongTypes(packed(rest).tarball)).not.toEqual([])
    const types = { types: './src/index.d.cts', default: './src/index.js' }
    const wrong = { ...manifest, exports: { '.': types } }
    const files = { ...rest, 'src/index.d.cts': whole['src/index.d.ts'], 'package.json': JSON.stringify(wrong) }
    expect(await wrongTypes(packed(files).tarball)).toEqual([expect.stringContaining('FalseCJS')])
  })

  test.each([
    ['a test', { 'ratchet.test.js': '' }, 'ratchet.test.js does not belong'],
    ['a source', { 'ratchet.ts': '' }, 'ratchet.ts does not belong'],
    ['a suite for engines', { 'src/storage/contract/sessions.js': '' }, 'sessions.js does not belong'],
    ['a source map', { 'src/index.js.map': '' }, 'src/index.js.map does not belong'],
    ['a path into the sources', { 'package.json': '{"main":"./src/index.ts"}' }, 'points into the repository'],
  ])('contents: %s', (_, files, fault) => {
    expect(wrongContents(plant({ ...whole, ...files }))).toEqual([expect.stringContaining(fault)])
  })

  test('types: a declaration that holds any', () => {
    const declaration = { 'src/index.d.ts': 'export declare function f(many: string, company: any): void\n' }
    expect(placesOfAny(plant({ ...whole, ...declaration }))).toHaveLength(1)
    expect(placesOfAny(plant(whole))).toEqual([])
  })

  test('contents: no README', () => {
    const { 'README.md': _, ...rest } = whole
    expect(wrongContents(plant(rest))).toEqual([expect.stringContaining('README.md is missing')])
  })

  test('an import that the package does not declare', () => {
    const { tarball } = packed({ ...whole, 'src/index.js': "import 'zod'\nexport const a = 1\n" })
    const application = installTarballs(new Map([['@pawl/x', tarball]]), new Map(), plant({}))
    expect(failingImports(application, ['@pawl/x'])).toEqual([expect.stringContaining("Cannot find package 'zod'")])
  })

  test('an import of a sibling that the package does not declare', () => {
    const sibling = { ...whole, 'package.json': JSON.stringify({ ...manifest, name: '@pawl/y' }) }
    const tarballs = packPackages(
      [plant({ ...whole, 'src/index.js': "import '@pawl/y'\nexport const a = 1\n" }), plant(sibling)],
      plant({}),
    )
    const application = installTarballs(tarballs, new Map(), plant({}))
    expect(failingImports(application, ['@pawl/x', '@pawl/y'])).toEqual([expect.stringContaining("package '@pawl/y'")])
  })

  test.each([
    ['an import of Node', "export { createHash } from 'node:crypto'"],
    ['a module asked of the process', "export const x = process.getBuiltinModule('crypto')"],
  ])('bundle: %s', async (_, code) => {
    expect((await bundleForBrowsers(plant({}), code)).imports).not.toEqual([])
  })

  test('bundle: every byte counts', async () => {
    const sizeOf = async (code: string) => (await bundleForBrowsers(plant({}), code)).bytes
    const text = Array.from({ length: 100 }, (_, index) => Math.sin(index)).join()
    expect((await sizeOf(`export const x = '${text}'`)) - (await sizeOf("export const x = ''"))).toBeGreaterThan(800)
  })

  test.each([
    ['a package that does not compile', "export const a: number = 'a'", 'TS2322'],
    ['an export whose type its declaration would have to infer', 'export const a = () => Math.max(1)', 'TS9013'],
  ])('build: %s', (_, text, error) => {
    const root = plant({
      'package.json': '{}',
      LICENSE: '',
      'tsconfig.json': '{"compilerOptions":{"module":"nodenext","types":[]}}',
      'packages/x/package.json': '{"name":"@pawl/x","version":"1.0.0","exports":{".":"./src/index.ts"}}',
      'packages/x/src/index.ts': text,
    })
    expect(() => buildPackages(root)).toThrow(error)
  })
})
