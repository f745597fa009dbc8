import type { Clock, StorageDiagnosis } from '@pawl/server'
import { isStorageUnavailable } from '@pawl/server/storage-unavailable'
import { integer, text } from '@pawl/server/stored-columns'
import type { ChangeWatch, WatchMode } from './change-watch.ts'
import type { Database } from './database.ts'
import { rightsMissing, stateBehind, writesRefused } from './driver-errors.ts'
import { reading, type Statement } from './statement.ts'

const look = reading(
  'diagnose',
  `SELECT current_setting('server_version') AS version,
    current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_standby_names') AS synchronous_standby_names,
    (SELECT count(*) FROM pg_stat_replication) AS standbys,
    current_setting('statement_timeout') AS statement_timeout,
    current_setting('transaction_read_only') AS read_only,
    current_setting('default_transaction_isolation') AS isolation`,
)

const learnsOfChanges: Readonly<Record<WatchMode, string>> = {
  listening: 'the database tells of changes by other nodes at once (LISTEN)',
  reading: 'changes by other nodes are looked for every 100 ms',
  starting: 'nothing is known of changes by other nodes yet; each use of a key asks',
}

/** A difference of clocks that somebody should look at: the times in logs no longer fit together. */
const noticeableMilliseconds = 5000

/**
 * What an operator may want to know of the database's set-up.
 *
 * @throws StorageUnavailable where nothing can be written, which no check of what is written finds
 */
export async function diagnosis(parts: {
  readonly database: Database
  readonly watch: ChangeWatch
  /** The node's own clock. */
  readonly clock: Clock
  /** Whether an unpooled way to the database was given. */
  readonly direct: boolean
}): Promise<StorageDiagnosis> {
  const { database, watch, clock, direct } = parts
  await watch.decided()
  const before = clock()
  const { now, rows } = await database.read(look)
  const ahead = Math.round(now - (before + clock()) / 2)
  const [row = {}] = rows
  if (text(row, 'read_only') === 'on') throw writesRefused('transaction_read_only is on')
  const synchronousCommit = text(row, 'synchronous_commit')
  const isWeak = ['off', 'local', 'remote_write'].includes(synchronousCommit)
  const standbys = integer(row, 'standbys')
  const pooled = database.isPooled()
  const mode = watch.mode()
  const warnings: [boolean, string][] = [
    [text(row, 'fsync') === 'off', 'fsync is off: a crash of the machine can destroy the whole database'],
    [
      text(row, 'full_page_writes') === 'off',
      'full_page_writes is off: a crash of the machine can damage pages of the database',
    ],
    [
      isWeak,
      `synchronous_commit is ${synchronousCommit}: a crash can lose the last refreshes, and their clients then look ahead of the store; ends of sessions are written with "on"`,
    ],
    [
      standbys > 0 && text(row, 'synchronous_standby_names') === '',
      `synchronous_standby_names is empty while ${standbys} follow: a failover can lose the last commits, ends of sessions among them`,
    ],
    [
      pooled && text(row, 'statement_timeout') === '0',
      'behind a pooler a statement can only be limited for the whole role: ALTER ROLE … SET statement_timeout = 5000',
    ],
    [
      pooled && text(row, 'isolation') !== 'read committed',
      `default_transaction_isolation of this role is ${text(row, 'isolation')}: refreshes that meet are tried again more often than needed`,
    ],
    [direct && mode !== 'listening', 'nothing is heard by way of the direct URL: does a pooler stand there, too?'],
    [
      Math.abs(ahead) >= noticeableMilliseconds,
      `the database's clock is ${Math.abs(ahead)} ms ${ahead > 0 ? 'ahead of' : 'behind'} this machine's: decisions follow the database's, logs this machine's`,
    ],
  ]
  return {
    facts: [
      `PostgreSQL ${text(row, 'version')}`,
      pooled ? 'a pooler shares the connections' : 'each connection is this node’s own',
      learnsOfChanges[mode],
      `synchronous_commit is ${synchronousCommit}`,
      standbys === 0 ? 'no standby follows' : `${standbys} standbys follow`,
    ],
    warnings: warnings.filter(([holds]) => holds).map(([, warning]) => warning),
  }
}

/** Tables that must be there, or nothing works, and what a server does with them. A lock that a SELECT takes is an UPDATE. */
const tables: Readonly<Record<string, string>> = {
  users: 'SELECT, INSERT, UPDATE',
  clients: 'SELECT, INSERT, UPDATE, DELETE',
  session_terms: 'SELECT, INSERT',
  sessions: 'SELECT, INSERT, UPDATE, DELETE',
  key_ring: 'SELECT, UPDATE',
  signing_keys: 'SELECT, INSERT, UPDATE, DELETE',
  refresh_keys: 'SELECT, INSERT, UPDATE',
  security_events: 'SELECT, INSERT, UPDATE, DELETE',
  failures: 'SELECT, INSERT, UPDATE, DELETE',
  lost_writes: 'SELECT, UPDATE',
  revocation_feed: 'SELECT, UPDATE',
  revocation_entries: 'SELECT, INSERT, UPDATE, DELETE',
  access_lifetimes: 'SELECT, INSERT, UPDATE, DELETE',
}

/**
 * Makes sure that this role may do with the tables what a server does with them. A start may well get by with less, and
 * the first sign-out then fails.
 *
 * @throws StorageUnavailable
 */
export async function checkRights(database: Database, schema: string): Promise<void> {
  const lacking = reading(
    'lacking_rights',
    `SELECT format('%s %I.%I', verb, $4::text, name) AS lacking
    FROM unnest($2::text[], $3::text[]) AS needed (name, verbs), unnest(string_to_array(verbs, ', ')) AS verb
    WHERE NOT has_table_privilege(format('%I.%I', $4::text, name), verb) ORDER BY 1`,
  )
  const { rows } = await database.read(lacking, [Object.keys(tables), Object.values(tables), schema])
  if (rows.length > 0) throw rightsMissing(rows.map((row) => text(row, 'lacking')))
}

/** What is wrong with what the schema holds, as far as the server can tell without reading all of it. */
export async function findDamage(database: Database, schema: string): Promise<readonly string[]> {
  const missing = reading(
    'missing_tables',
    `SELECT name FROM unnest($2::text[]) AS name
    WHERE to_regclass('"${schema}".' || quote_ident(name)) IS NULL ORDER BY name`,
  )
  const invalid = reading(
    'invalid_indexes',
    `SELECT pg_class.relname AS name FROM pg_index JOIN pg_class ON pg_class.oid = pg_index.indexrelid
    WHERE pg_class.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $2)
      AND NOT (pg_index.indisvalid AND pg_index.indisready) ORDER BY pg_class.relname`,
  )
  const checksums = reading(
    'checksum_failures',
    'SELECT coalesce(checksum_failures, 0) AS failures FROM pg_stat_database WHERE datname = current_database()',
  )
  const failures = (await database.read(checksums)).rows.map((row) => integer(row, 'failures'))
  return [
    ...(await database.read(missing, [Object.keys(tables)])).rows.map(
      (row) => `the table ${text(row, 'name')} is missing`,
    ),
    ...(await database.read(invalid, [schema])).rows.map(
      (row) => `the index ${text(row, 'name')} is not valid; to build it anew: REINDEX`,
    ),
    ...failures
      .filter((count) => count > 0)
      .map((count) => `pages of the database failed their checksum ${count} times: restore a backup`),
    ...(await damagedIndexes(database, schema)),
  ]
}

/** What the extension amcheck finds, where it is installed and may be used. */
async function damagedIndexes(database: Database, schema: string): Promise<readonly string[]> {
  const indexes = reading(
    'checkable_indexes',
    `SELECT pg_class.oid::bigint AS index, pg_class.relname AS name, quote_ident(nspname) AS extension_schema
    FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = pg_extension.extnamespace, pg_class
    WHERE extname = 'amcheck' AND pg_class.relkind = 'i'
      AND pg_class.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $2)
      AND pg_class.relam = (SELECT oid FROM pg_am WHERE amname = 'btree') ORDER BY pg_class.relname`,
  )
  const findings: string[] = []
  for (const row of (await database.read(indexes, [schema])).rows) {
    const check: Statement = {
      name: 'check_index',
      text: `SELECT ${text(row, 'extension_schema')}.bt_index_check($1::oid)`,
    }
    const finding = await database
      .transaction((run) => run(check, [integer(row, 'index')]), { patient: true })
      .then(() => undefined, complaint)
    if (finding !== undefined) findings.push(`the index ${text(row, 'name')} is damaged (${finding}); try REINDEX`)
  }
  return findings
}

/** What the check says of an index; not that this role may not check it. */
function complaint(error: unknown): string | undefined {
  if (stateBehind(error)?.startsWith('XX') !== true) return undefined
  return isStorageUnavailable(error) && error.cause instanceof Error ? error.cause.message : undefined
}
