import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readPackages } from '../packaging/packages.ts'
import { readArrowTable } from './arrow-table.ts'
import { codeSpans, tables } from './markdown.ts'
import { listFiles } from './source-files.ts'

const drawers = ['common', 'core', 'helper', 'helpers', 'internal', 'lib', 'misc', 'shared', 'types', 'util', 'utils']

/** Folders named for nothing: whatever ends up in them belongs to the thing it serves. */
export function drawerFolders(root: string): string[] {
  const folders = listFiles(root).flatMap((path) =>
    path
      .split('/')
      .slice(0, -1)
      .map((_, i, all) => all.slice(0, i + 1)),
  )
  return [
    ...new Set(folders.filter((names) => drawers.includes(names.at(-1) ?? '')).map((names) => names.join('/'))),
  ].map((folder) => `${folder}: a folder is named for what it owns`)
}

/** Each package has `src/index.ts`, and no other file has that name. */
export function misplacedFaces(root: string): string[] {
  const expected = readPackages(root).map(({ folder }) => `${folder}/src/index.ts`)
  const present = listFiles(root).filter((path) => path.endsWith('/index.ts'))
  return [
    ...expected.filter((path) => !present.includes(path)).map((path) => `${path} is missing`),
    ...present.filter((path) => !expected.includes(path)).map((path) => `${path}: only a package has an index.ts`),
  ]
}

/** Importers of the import table whose purpose ARCHITECTURE.md does not tell, and folders told of that do not exist. */
export function untoldFolders(root: string): string[] {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
  const table = tables(text).find(({ header }) => header.join('|') === 'folder|owns|refuses')
  const told = (table?.rows ?? []).flatMap(([name = '']) => codeSpans(name)).map(belowRoot)
  const parts = readArrowTable(root)
    .map(({ importer }) => importer)
    .filter((importer) => !importer.endsWith('/test') && importer !== 'vitest.config.ts')
  return [
    ...parts.filter((part) => !isTold(part, told)).map((part) => `ARCHITECTURE.md does not tell what ${part} owns`),
    ...told
      .filter((part) => !existsSync(join(root, part)))
      .map((part) => `ARCHITECTURE.md tells of ${part}, which is not there`),
  ]
}

function isTold(part: string, told: readonly string[]): boolean {
  return told.includes(part) || told.some((folder) => /\/src(\/.+)?$/.test(folder) && part.startsWith(`${folder}/`))
}

function belowRoot(name: string): string {
  return name.startsWith('/') ? name.slice(1) : `packages/${name}`
}

/** Where the packages come from is the business of whoever installs them: no file names a registry's host. */
export function namedRegistries(root: string): string[] {
  // The second part is the host that this very machine is told to use, should it be another.
  const configured = URL.parse(process.env['npm_config_registry'] ?? '')?.hostname
  const hosts = [/\bregistry\.[\w-]+\.[a-z]{2,}\b/, /\bnpm\.pkg\.[\w-]+\.[a-z]{2,}\b/, /\bartifactory\b/]
  return listFiles(root)
    .filter((path) => !/\.(png|ico|woff2|db|tgz)$/.test(path))
    .flatMap((path) =>
      readFileSync(join(root, path), 'utf8')
        .split('\n')
        .flatMap((line, index) => {
          const named = hosts.some((host) => host.test(line)) || (configured !== undefined && line.includes(configured))
          return named ? [`${path}:${index + 1}: names the host of a package registry`] : []
        }),
    )
}

const lockForm = z.object({
  packages: z.record(
    z.string(),
    z.object({
      resolved: z.string().optional(),
      link: z.boolean().optional(),
      integrity: z.string().optional(),
      dependencies: z.record(z.string(), z.string()).optional(),
      devDependencies: z.record(z.string(), z.string()).optional(),
      optionalDependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
})

/** A lockfile that names hosts, lacks a digest, or says something else than the package.json files. */
export function lockfileFaults(root: string): string[] {
  const lock = lockForm.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))).packages
  const inner = Object.entries(lock).filter(([path, { link }]) => path.includes('node_modules/') && link !== true)
  const folders = ['', ...readPackages(root).map(({ folder }) => folder)]
  return [
    ...inner
      .filter(([, { resolved }]) => resolved !== undefined)
      .map(([path]) => `package-lock.json: ${path} names a host`),
    ...inner
      .filter(([, { integrity }]) => integrity === undefined)
      .map(([path]) => `package-lock.json: ${path} has no digest`),
    ...folders
      .filter((folder) => !agrees(root, folder, lock))
      .map((folder) => `package-lock.json is older than ${join(folder, 'package.json')}: npm install`),
  ]
}

function agrees(root: string, folder: string, lock: z.infer<typeof lockForm>['packages']): boolean {
  const manifest: Record<string, object | undefined> = JSON.parse(
    readFileSync(join(root, folder, 'package.json'), 'utf8'),
  )
  const entry = lock[folder]
  if (entry === undefined) return false
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies'] as const
  return kinds.every((kind) => sorted(manifest[kind] ?? {}) === sorted(entry[kind] ?? {}))
}

function sorted(dependencies: object): string {
  return JSON.stringify(Object.entries(dependencies).sort())
}
