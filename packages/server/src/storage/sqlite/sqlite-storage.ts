import type { Storage } from '../store-ports.ts'
import { backUpSqlite } from './backup.ts'
import { sqliteClients } from './clients.ts'
import { sqliteConsents } from './consents.ts'
import { type Database, sqliteDatabase } from './database.ts'
import { sqliteEvents } from './events.ts'
import { sqliteFailures } from './failures.ts'
import { groupCommit } from './group-commit.ts'
import { sqliteKeys } from './keys.ts'
import { sqliteLostWrites } from './lost-writes.ts'
import type { SqliteStorageOptions } from './options.ts'
import { sqliteRevocations } from './revocations.ts'
import { termsTable } from './session-terms.ts'
import { sqliteSessions } from './sessions.ts'
import { sqliteTickets } from './tickets.ts'
import { sqliteTransferSource } from './transfer.ts'
import { sqliteUsers } from './users.ts'

/**
 * The default engine: one file, durable before anything is answered, shared with other processes of the same machine.
 * Its calls block the event loop for as long as the disk takes; that is what makes each of them one step.
 */
export function sqliteStorage(options: SqliteStorageOptions): Storage {
  return sqliteStorageOn(sqliteDatabase(options.file, options.busyMilliseconds), options)
}

/** {@link sqliteStorage} on a connection that the caller keeps a hand on. */
export function sqliteStorageOn(database: Database, options: SqliteStorageOptions): Storage {
  const terms = termsTable(database)
  const commits = groupCommit(database)
  const { writeRevocations, ...revocations } = sqliteRevocations(database, options)
  const { releaseEvents, ...events } = sqliteEvents(database, options)
  return {
    engine: 'sqlite',
    compareAndSet: 'linearizable',
    async open() {
      terms.forget()
      await database.open()
    },
    async storeNow() {
      database.get('SELECT version FROM key_ring')
      return options.clock()
    },
    async findDamage() {
      const findings = database.all('PRAGMA quick_check').map((row) => String(row['quick_check']))
      return findings.filter((finding) => finding !== 'ok')
    },
    async diagnose() {
      const version = database.get('SELECT sqlite_version() AS version')?.['version']
      return { facts: [`SQLite ${String(version)}, every commit on the disk before it is answered`], warnings: [] }
    },
    backUp: (target) => backUpSqlite(options, target),
    transferSource: () => sqliteTransferSource(options),
    async close() {
      await commits.flush()
      // What this process was about to deliver another one may have at once; if it cannot be said now, in half a minute.
      await releaseEvents().catch(() => {})
      database.close()
    },
    ...sqliteSessions(database, { commits, terms, writeRevocations }, options),
    ...sqliteLostWrites(database),
    ...sqliteUsers(database, writeRevocations),
    ...sqliteClients(database, writeRevocations),
    ...sqliteKeys(database, writeRevocations, options),
    ...events,
    ...sqliteFailures(database, commits, options),
    ...revocations,
    ...sqliteTickets(database, options),
    ...sqliteConsents(database, writeRevocations),
  }
}
