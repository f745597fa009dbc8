import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdtempSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import type { BackupOutcome, BackupTarget } from '../backup.ts'
import { knowsDepartures, refuseDeparted } from './departure.ts'
import type { SqliteStorageOptions } from './options.ts'

/** The longest that may go by from when a write reads the clock to its commit; a refresh has 10 s, and nothing more. */
const settledAfter = 30_000

/** Pages per step: at 4 KB each some milliseconds of copying, between which this process goes on. */
const pagesPerStep = 1000

/** Copies a SQLite store into another file. */
export async function backUpSqlite(
  { file: store, clock }: SqliteStorageOptions,
  { file, replace = false, spare = [] }: BackupTarget,
): Promise<BackupOutcome> {
  const target = resolve(file)
  if (identityOf(store) === undefined) return { outcome: 'no_store', store: resolve(store) }
  let folder: string | undefined
  try {
    const own = [store, ...['-wal', '-shm', '-journal'].map((side) => store + side), ...spare]
    if (isOneOf(target, own)) return { outcome: 'is_the_store' }
    const there = statSync(target, { throwIfNoEntry: false })
    // A name can be given to whatever is there, /dev/null included, and nobody who says --force means that.
    if (there?.isFile() === false) return { outcome: 'no_file' }
    if (!replace && there !== undefined) return { outcome: 'exists' }
    // A folder of its own, mode 0700, on the same file system: half a copy is seen by nobody and has nobody's name.
    folder = mkdtempSync(join(dirname(target), '.pawl-backup-'))
    const copy = join(folder, 'pawl.db')
    closeSync(openSync(copy, 'wx', 0o600))
    const instant = clock()
    await copySnapshot(store, copy)
    const findings = check(copy)
    if (findings.length > 0) return { outcome: 'damaged', findings }
    sync(copy)
    // Two that write the same name at once: link makes a name only where there is none, so the second one is told.
    if (replace) renameSync(copy, target)
    else linkSync(copy, target)
    sync(dirname(target))
    return { outcome: 'written', bytes: statSync(target).size, holdsUntil: instant - settledAfter }
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return { outcome: 'exists' }
    if (isUnwritable(error)) return { outcome: 'unwritable', cause: error.message }
    throw error
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Whenever another process writes, SQLite begins a backup anew; on a busy store it would never end. Within a read
 * transaction all steps see one snapshot, and in WAL mode nobody waits for a reader.
 */
async function copySnapshot(from: string, to: string): Promise<void> {
  // Not read-only: such a connection could not take away the files of the log that it may have to make.
  const source = new DatabaseSync(from, { timeout: 5000 })
  try {
    source.exec('PRAGMA query_only = ON')
    source.exec('BEGIN')
    // The snapshot is taken by the first read, not by BEGIN.
    source.prepare('SELECT version FROM key_ring').get()
    const prepare = source.prepare.bind(source)
    if (knowsDepartures(prepare)) refuseDeparted(prepare, from)
    await backup(source, to, { rate: pagesPerStep })
  } finally {
    source.close()
  }
}

function check(file: string): readonly string[] {
  const copy = new DatabaseSync(file)
  try {
    const findings = copy.prepare('PRAGMA quick_check').all()
    return findings.map((row) => String(row['quick_check'])).filter((finding) => finding !== 'ok')
  } finally {
    copy.close()
  }
}

/** Has what was written under a name, or the names in a folder, survive a power cut. */
function sync(path: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function isOneOf(path: string, others: readonly string[]): boolean {
  const identity = identityOf(path)
  return others.some((other) => resolve(other) === path || (identity !== undefined && identityOf(other) === identity))
}

/** Where a path leads, all links followed; undefined when there is nothing. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(realpathSync(path))
    return `${dev}:${ino}`
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** The system's own words for a folder that is not fit, or SQLite's for a disk that is full. */
function isUnwritable(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  const sqliteFull = 13
  if ('errcode' in error && error.errcode === sqliteFull) return true
  const codes: readonly (string | undefined)[] = [
    'ENAMETOOLONG',
    'ELOOP',
    'ENOENT',
    'ENOTDIR',
    'EISDIR',
    'EACCES',
    'EPERM',
    'EROFS',
    'ENOSPC',
    'EDQUOT',
  ]
  return codes.includes(codeOf(error))
}
