import { readdir, readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { basename } from 'node:path'

/** A file that a browser may have. */
export interface PageFile {
  readonly location: URL
  readonly type: string
}

const contentTypes: ReadonlyMap<string, string> = new Map([
  ['ts', 'text/javascript; charset=utf-8'],
  ['js', 'text/javascript; charset=utf-8'],
  ['css', 'text/css; charset=utf-8'],
  ['svg', 'image/svg+xml'],
])

/** Where the page's own files are. */
export const pageFolder: URL = new URL('../page/', import.meta.url)

/** Packages that the page's modules import by name: sources in the repository, plain JavaScript once published. */
const importedPackages = ['client', 'protocol'] as const

let listed: Promise<ReadonlyMap<string, PageFile>> | undefined

/** Every servable file by its path below the playground, listed once: nothing else is ever read for a request. */
export function servableFiles(): Promise<ReadonlyMap<string, PageFile>> {
  listed ??= list()
  return listed
}

async function list(): Promise<ReadonlyMap<string, PageFile>> {
  const folders: readonly (readonly [string, URL])[] = [
    ['page', pageFolder],
    ...importedPackages.map((name) => [name, new URL('./', entryOf(name))] as const),
  ]
  const files = await Promise.all(folders.map(([name, folder]) => listFolder(name, folder)))
  return new Map(files.flat())
}

async function listFolder(prefix: string, folder: URL): Promise<readonly (readonly [string, PageFile])[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const listings = entries.map(async (entry): Promise<readonly (readonly [string, PageFile])[]> => {
    if (entry.isDirectory()) return listFolder(`${prefix}/${entry.name}`, new URL(`${entry.name}/`, folder))
    const type = contentTypes.get(entry.name.slice(entry.name.lastIndexOf('.') + 1))
    if (!entry.isFile() || type === undefined || entry.name.endsWith('.d.ts')) return []
    return [[`${prefix}/${entry.name}`, { location: new URL(entry.name, folder), type }]]
  })
  return (await Promise.all(listings)).flat()
}

function entryOf(name: (typeof importedPackages)[number]): URL {
  return new URL(import.meta.resolve(`@pawl/${name}`))
}

/** Text of a servable file, with TypeScript's types taken out. */
export async function readPageFile(file: PageFile): Promise<string> {
  const text = await readFile(file.location, 'utf8')
  return file.location.pathname.endsWith('.ts') ? stripTypeScriptTypes(text) : text
}

/** Where the browser finds the packages (HTML standard, import maps). */
export function importMap(root: string): { readonly imports: Readonly<Record<string, string>> } {
  const entries = importedPackages.map(
    (name) => [`@pawl/${name}`, `${root}/${name}/${basename(entryOf(name).pathname)}`] as const,
  )
  return { imports: Object.fromEntries(entries) }
}

/** Extension of the page's own modules: `ts` in the repository, `js` once published. */
export async function moduleExtension(): Promise<'ts' | 'js'> {
  return (await servableFiles()).has('page/playground.ts') ? 'ts' : 'js'
}
