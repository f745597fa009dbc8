import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { storageUnavailable } from '../../tokens/storage-unavailable.ts'
import { departed, knowsDepartures, refuseDeparted, refusedByTrigger } from './departure.ts'
import { migrate, refuseForeign } from './migrations.ts'

/** A row as the driver gives it; read it through columns.ts. */
export type Row = Readonly<Record<string, SQLOutputValue>>

/** Values for the named parameters of a statement. */
export type Values = Readonly<Record<string, SQLInputValue>>

/**
 * One connection. A transaction begins and ends in one turn of the event loop, so nothing else of this process can slip
 * into it; only waiting for another process to let go of the file takes further turns.
 */
export interface Database {
  /** Opens the file, creates it where there is none, and brings its schema up to date. */
  open(): Promise<void>
  /** The first row. Statements are prepared once and kept by their text. */
  get(sql: string, values?: Values): Row | undefined
  all(sql: string, values?: Values): readonly Row[]
  /** Runs a statement and tells how many rows it changed. */
  run(sql: string, values?: Values): number
  /**
   * Runs `work` between BEGIN IMMEDIATE and COMMIT, or rolls back when it throws; at once, if no other process writes.
   * Otherwise it is tried again and again for the connection's busy time, while this process goes on with the rest.
   */
  transaction<Result>(work: () => Result): Promise<Result>
  /** Runs several reads on one snapshot. */
  snapshot<Result>(work: () => Result): Result
  /**
   * Stays the same as long as nothing was committed, here or, up to this turn of the event loop, by others: what was read
   * since then has not changed.
   */
  revision(): number
  /** Moves the log into the file and lets go of it. */
  close(): void
}

const defaultBusyMilliseconds = 5000

/** Pauses between two attempts at the write lock: most writers hold it for a millisecond or two. */
const shortestPause = 1
const longestPause = 20

/**
 * SQLite's primary result codes that blame the statement or its values. Every other one blames the connection, the file
 * or the disk, and becomes a StorageUnavailable.
 */
const statementFaults: ReadonlySet<number> = new Set([
  1, // ERROR: the statement itself
  18, // TOOBIG
  19, // CONSTRAINT
  20, // MISMATCH
  21, // MISUSE
  25, // RANGE
])

const busyCode = 5

/** What SQLite says of a file whose content it cannot make sense of: CORRUPT and NOTADB. */
const damageCodes: ReadonlySet<number> = new Set([11, 26])

function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}

/** What a caller may see of an error of the driver. */
function classified(error: unknown, file: string): unknown {
  if (error instanceof Error && 'errcode' in error && error.errcode === refusedByTrigger) return departed()
  const code = primaryCode(error)
  if (code === undefined || statementFaults.has(code)) return error
  if (!damageCodes.has(code)) return storageUnavailable(error)
  const found = error instanceof Error ? error.message : String(error)
  return storageUnavailable(
    error,
    `the database ${file} is damaged (${found}): stop whatever uses it and put a backup in its place`,
  )
}

/** SQLite has often rolled back by itself; what a second attempt says would only hide the first error. */
function rollBack(connection: DatabaseSync): void {
  try {
    if (connection.isTransaction) connection.exec('ROLLBACK')
  } catch {}
}

/** The file holds password hashes and sealed keys: nobody but its owner reads it. Its log inherits the mode. */
function createPrivately(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  closeSync(openSync(file, 'a', 0o600))
}

/**
 * How the connection is set up.
 * - WAL and synchronous=FULL: a commit has reached the disk when it returns, and readers never wait for writers.
 * - wal_autocheckpoint=1000: about every 4 MB of log one commit moves it into the file. Fewer would write hot pages more
 *   often, more would make that one commit longer (it holds up those behind it for some tens of milliseconds).
 * - journal_size_limit: what a burst or a long reader made the log grow to is given back after the next checkpoint.
 */
const settings = `
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  PRAGMA trusted_schema = OFF;
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -8192;
  PRAGMA wal_autocheckpoint = 1000;
  PRAGMA journal_size_limit = 16777216;
`

/** SQLite does not wait when two processes switch a new file to WAL at once; whoever comes second tries again. */
async function switchToWriteAheadLog(connection: DatabaseSync, busyMilliseconds: number): Promise<void> {
  const pauseMilliseconds = 20
  for (let attempts = busyMilliseconds / pauseMilliseconds; ; attempts -= 1) {
    try {
      const mode = connection.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
      if (mode === 'wal') return
      throw new Error(`SQLite cannot keep a write-ahead log for this file; its journal mode stays ${String(mode)}`)
    } catch (error) {
      if (primaryCode(error) !== busyCode || attempts <= 1) throw error
    }
    await pause(pauseMilliseconds)
  }
}

/**
 * A connection to one SQLite file.
 *
 * @param file path of the file; its folder is created when it is missing
 * @param busyMilliseconds how long a transaction waits for another process before it gives up; default 5000
 */
export function sqliteDatabase(file: string, busyMilliseconds: number = defaultBusyMilliseconds): Database {
  let connection: DatabaseSync | undefined
  const statements = new Map<string, StatementSync>()
  /** SQLite's number for what others had committed when it was last looked at. */
  let seenVersion: SQLOutputValue | undefined
  /** Whether {@link lookOncePerTurn} has looked in this turn. */
  let hasLooked = false
  let revision = 0

  function guarded<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      throw classified(error, file)
    }
  }

  function opened(): DatabaseSync {
    if (connection === undefined) throw storageUnavailable(new Error('the database is not open'))
    return connection
  }

  function statement(sql: string): StatementSync {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const prepared = opened().prepare(sql)
    statements.set(sql, prepared)
    return prepared
  }

  /** What another process has committed may be that everything was moved away; then nothing that is read here counts. */
  function refuseIfDeparted(): void {
    const version = statement('PRAGMA data_version').get()?.['data_version']
    if (version === seenVersion) return
    refuseDeparted(statement, file)
    seenVersion = version
    revision += 1
  }

  /** The question costs half as much as a read; many that come in one turn of the event loop share one. */
  function lookOncePerTurn(): void {
    if (hasLooked) return
    refuseIfDeparted()
    hasLooked = true
    setImmediate(() => {
      hasLooked = false
    })
  }

  function between<Result>(work: () => Result): Result {
    const database = opened()
    try {
      const result = work()
      guarded(() => statement('COMMIT').run())
      return result
    } catch (error) {
      rollBack(database)
      revision += 1
      throw error
    }
  }

  /** Takes the write lock, unless another process has it; throws once that has been waited for long enough. */
  function begun(waited: number): boolean {
    try {
      statement('BEGIN IMMEDIATE').run()
      return true
    } catch (error) {
      if (primaryCode(error) !== busyCode || waited >= busyMilliseconds) throw classified(error, file)
      return false
    }
  }

  return {
    async open() {
      if (connection !== undefined) return
      let candidate: DatabaseSync | undefined
      try {
        createPrivately(file)
        candidate = new DatabaseSync(file, { timeout: busyMilliseconds })
        refuseForeign(candidate)
        const prepare = candidate.prepare.bind(candidate)
        if (knowsDepartures(prepare)) refuseDeparted(prepare, file)
        await switchToWriteAheadLog(candidate, busyMilliseconds)
        candidate.exec(settings)
        migrate(candidate)
        // From here on SQLite's own waiting would hold up everything else of this process; see transaction. In WAL
        // readers do not wait.
        candidate.exec('PRAGMA busy_timeout = 0')
        connection = candidate
      } catch (error) {
        candidate?.close()
        throw classified(error, file)
      }
    },
    get: (sql, values = {}) =>
      guarded(() => {
        refuseIfDeparted()
        return statement(sql).get(values)
      }),
    all: (sql, values = {}) =>
      guarded(() => {
        refuseIfDeparted()
        return statement(sql).all(values)
      }),
    run: (sql, values = {}) =>
      guarded(() => {
        const changes = Number(statement(sql).run(values).changes)
        if (changes > 0) revision += 1
        return changes
      }),
    revision: () =>
      guarded(() => {
        lookOncePerTurn()
        return revision
      }),
    async transaction(work) {
      let waited = 0
      for (let next = shortestPause; !begun(waited); next = Math.min(2 * next, longestPause)) {
        await pause(next)
        waited += next
      }
      return between(work)
    },
    snapshot(work) {
      guarded(() => statement('BEGIN').run())
      return between(work)
    },
    close() {
      if (connection === undefined) return
      const closing = connection
      connection = undefined
      seenVersion = undefined
      statements.clear()
      try {
        guarded(() => closing.exec('PRAGMA wal_checkpoint(TRUNCATE)'))
      } finally {
        closing.close()
      }
    },
  }
}
