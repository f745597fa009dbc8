import { describe, expect, test } from 'vitest'
import { plant } from './planted-tree.ts'
import { repository } from './run-tool.ts'
import { drawerFolders, lockfileFaults, misplacedFaces, namedRegistries, untoldFolders } from './tree-rules.ts'

test('no folder is a drawer', () => {
  expect(drawerFolders(repository)).toEqual([])
  expect(drawerFolders(plant({ 'packages/x/src/utils/a.ts': '', 'docs/types.md': '' }))).toEqual([
    expect.stringContaining('packages/x/src/utils'),
  ])
})

test('each package has one face and nothing else is called index.ts', () => {
  expect(misplacedFaces(repository)).toEqual([])
  const root = plant({ 'packages/x/package.json': '{"name":"x","version":"1.0.0"}', 'packages/x/src/a/index.ts': '' })
  expect(misplacedFaces(root)).toEqual([
    'packages/x/src/index.ts is missing',
    'packages/x/src/a/index.ts: only a package has an index.ts',
  ])
})

test('ARCHITECTURE.md tells what each folder owns', () => {
  expect(untoldFolders(repository)).toEqual([])
  const text = `
| folder | owns | refuses |
|---|---|---|
| \`x/src/gone\` | this | that |

| importer | may import | types only | from outside | clock |
|---|---|---|---|---|
| \`x/src\` | nothing | nothing | nothing | – |
`
  expect(untoldFolders(plant({ 'ARCHITECTURE.md': text, 'packages/x/src/a.ts': '' }))).toEqual([
    'ARCHITECTURE.md does not tell what packages/x/src owns',
    'ARCHITECTURE.md tells of packages/x/src/gone, which is not there',
  ])
})

test('no file names the host of a package registry', () => {
  expect(namedRegistries(repository)).toEqual([])
  const host = ['registry', 'example', 'org'].join('.')
  expect(
    namedRegistries(plant({ 'docs/install.md': `\nfetch it from https://${host}/x`, 'a.ts': '// registry. Then' })),
  ).toEqual(['docs/install.md:2: names the host of a package registry'])
})

describe('the lockfile', () => {
  const manifest = { name: 'x', version: '1.0.0', dependencies: { a: '^1.0.0' } }
  const lock = {
    '': manifest,
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' },
    'node_modules/x': { link: true, resolved: 'packages/x' },
    'packages/x': manifest,
  }
  const tree = (packages: object) =>
    plant({
      'package.json': JSON.stringify(manifest),
      'packages/x/package.json': JSON.stringify(manifest),
      'package-lock.json': JSON.stringify({ packages }),
    })

  test('names no host, has a digest for everything and agrees with every package.json', () => {
    expect(lockfileFaults(repository)).toEqual([])
    expect(lockfileFaults(tree(lock))).toEqual([])
  })

  test.each([
    [
      'a host',
      { ...lock, 'node_modules/a': { resolved: 'https://host/a.tgz', integrity: 'sha512-x' } },
      'names a host',
    ],
    ['no digest', { ...lock, 'node_modules/a': { version: '1.0.0' } }, 'has no digest'],
    ['an older root', { ...lock, '': { ...manifest, dependencies: {} } }, 'is older than package.json'],
    ['an older package', { ...lock, 'packages/x': {} }, 'is older than packages/x/package.json'],
    ['a forgotten package', { '': manifest }, 'is older than packages/x/package.json'],
  ])('red on a planted violation: %s', (_, packages, fault) => {
    expect(lockfileFaults(tree(packages))).toEqual([expect.stringContaining(fault)])
  })
})
