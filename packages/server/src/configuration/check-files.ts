import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { permissionWarnings, secretsFileName } from './load-secrets.ts'
import type { Settings } from './settings.ts'

/** Name of the SQLite database below the data directory. */
const databaseFileName = 'pawl.db'

/** What there is on disk, seen without changing it. */
export interface FilesReport {
  /** The data directory as an absolute path; undefined when nothing is kept there. */
  readonly data: string | undefined
  /** Whether the database is there, or elsewhere than in a file; the first start makes it. */
  readonly hasDatabase: boolean
  /** What keeps the server from working, each with what to do. */
  readonly problems: readonly string[]
  /** What works and had better be otherwise, each with what to do. */
  readonly warnings: readonly string[]
}

/** Looks at the files of a server: whether it can write them, and who else can read them. Creates nothing. */
export async function checkFiles(settings: Pick<Settings, 'data' | 'secrets' | 'database'>): Promise<FilesReport> {
  const data = resolve(settings.data)
  const elsewhere = settings.database !== undefined
  if (elsewhere && settings.secrets !== 'generate') {
    return { data: undefined, hasDatabase: true, problems: [], warnings: [] }
  }
  const database = join(data, databaseFileName)
  const present = await nearestPresent(data)
  const problems: string[] = []
  if (!(await isDirectory(present))) problems.push(`${present} is no directory. Set PAWL_DATA to one.`)
  else if (!(await isWritable(present)))
    problems.push(`${present} cannot be written by this user. Change its owner, or set PAWL_DATA to another directory.`)
  const hasDatabase = elsewhere || (await exists(database))
  if (hasDatabase && !elsewhere && !(await isWritable(database)))
    problems.push(`${database} cannot be written by this user. Change its owner.`)
  const secretFiles = settings.secrets === 'generate' ? [join(data, secretsFileName)] : []
  const watched = elsewhere ? secretFiles : [database, ...secretFiles]
  const warnings = await Promise.all(watched.map((path) => permissionWarnings(path)))
  return { data, hasDatabase, problems, warnings: warnings.flat() }
}

/** The directory itself, or the first above it that exists: there it would be created. */
async function nearestPresent(path: string): Promise<string> {
  return (await exists(path)) || dirname(path) === path ? path : nearestPresent(dirname(path))
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path)).isDirectory()
}

async function exists(path: string): Promise<boolean> {
  return succeeds(access(path))
}

async function isWritable(path: string): Promise<boolean> {
  return succeeds(access(path, constants.R_OK | constants.W_OK))
}

async function succeeds(attempt: Promise<void>): Promise<boolean> {
  return attempt.then(
    () => true,
    () => false,
  )
}
