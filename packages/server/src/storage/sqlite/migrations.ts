import type { DatabaseSync } from 'node:sqlite'

/** `PAWL` in ASCII; in the header of every file of ours, so that another program's file is not taken for one. */
const applicationId = 0x5041574c

/**
 * The schema, step by step. Steps are only ever added, and each only adds, so that the previous release keeps working on
 * a file that a newer one has migrated while they are exchanged.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE users (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    username TEXT NOT NULL,
    username_key TEXT NOT NULL,
    password_hash TEXT,
    roles TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
  ) STRICT;
  -- Only users with a password sign in by name here, so only among them must names differ.
  CREATE UNIQUE INDEX users_with_password ON users (username_key) WHERE password_hash IS NOT NULL;
  CREATE INDEX users_without_password ON users (username_key) WHERE password_hash IS NULL;

  CREATE TABLE clients (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    authentication TEXT NOT NULL,
    secret_hash BLOB,
    redirect_uris TEXT NOT NULL,
    grants TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    policy TEXT NOT NULL,
    access_seconds INTEGER,
    created_at INTEGER NOT NULL
  ) STRICT;

  -- What was granted to whom, written once however many sessions share it; see session-terms.ts. Never changed.
  CREATE TABLE session_terms (
    number INTEGER PRIMARY KEY,
    client_id TEXT NOT NULL,
    document TEXT NOT NULL UNIQUE
  ) STRICT;
  CREATE INDEX session_terms_by_client ON session_terms (client_id);

  -- A refresh changes no indexed column and not the length of the row: that is why the generation is 8 bytes, big-endian,
  -- and why the device of the last use is NULL while it is the one that signed in (and 0 where it is unknown).
  CREATE TABLE sessions (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    user INTEGER NOT NULL REFERENCES users (number),
    terms INTEGER NOT NULL REFERENCES session_terms (number),
    generation BLOB NOT NULL CHECK (length(generation) = 8),
    token_hash BLOB NOT NULL CHECK (length(token_hash) = 32),
    refresh_key_id BLOB NOT NULL CHECK (length(refresh_key_id) = 8),
    seed BLOB NOT NULL CHECK (length(seed) = 32),
    recent BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    absolute_expires_at INTEGER NOT NULL,
    repeats INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_reason TEXT,
    binding TEXT,
    used_address ANY,
    used_user_agent ANY,
    opened_address TEXT,
    opened_user_agent TEXT
  ) STRICT;
  CREATE INDEX sessions_by_user ON sessions (user);
  CREATE INDEX sessions_by_absolute_expiry ON sessions (absolute_expires_at);

  CREATE TABLE key_ring (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL
  ) STRICT;
  INSERT INTO key_ring (only, version) VALUES (1, 0);

  CREATE TABLE signing_keys (
    number INTEGER PRIMARY KEY,
    kid TEXT NOT NULL UNIQUE,
    algorithm TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    sealed_private_key BLOB NOT NULL,
    secret_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    active_from INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE refresh_keys (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 8),
    created_at INTEGER NOT NULL,
    active_from INTEGER NOT NULL,
    retired_at INTEGER
  ) STRICT;

  -- AUTOINCREMENT: a sequence number is never used again, also after the newest event was delivered and deleted.
  CREATE TABLE security_events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    document TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- Suspicion about the current generation, of a fixed size: four fingerprints of 4 bytes.
  ALTER TABLE sessions ADD COLUMN repeat_holders BLOB NOT NULL DEFAULT x'00000000000000000000000000000000'
    CHECK (length(repeat_holders) = 16);
  ALTER TABLE sessions ADD COLUMN peeks INTEGER NOT NULL DEFAULT 0;
  `,
  `
  CREATE TABLE failures (
    key TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX failures_by_end ON failures (ends_at);
  `,
  `
  -- What sessions that rolled forward have shown of writes that this file no longer holds.
  CREATE TABLE lost_writes (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    sessions INTEGER NOT NULL,
    noticed_at INTEGER,
    intact_until INTEGER,
    settled_at INTEGER
  ) STRICT;
  INSERT INTO lost_writes (only, sessions) VALUES (1, 0);
  `,
  `
  -- Whether everything was moved to another store. The id stands here from the beginning of a move, the rest at its end.
  CREATE TABLE departure (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id TEXT NOT NULL,
    destination TEXT,
    departed_at INTEGER
  ) STRICT;
  `,
  `
  -- What ended, for those who check tokens without asking; see revocations/revocation-store.ts.
  CREATE TABLE revocation_feed (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    epoch TEXT NOT NULL,
    sequence INTEGER NOT NULL
  ) STRICT;
  INSERT INTO revocation_feed (only, epoch, sequence) VALUES (1, lower(hex(randomblob(10))), 0);

  CREATE TABLE revocation_entries (
    sequence INTEGER NOT NULL,
    place INTEGER NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (sequence, place)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX revocation_entries_by_end ON revocation_entries (until);
  CREATE INDEX revocation_entries_of_claims ON revocation_entries (id) WHERE kind = 'claims';

  -- Until when access tokens of so long a life can be under way.
  CREATE TABLE access_lifetimes (
    milliseconds INTEGER PRIMARY KEY,
    until INTEGER NOT NULL
  ) STRICT;
  `,
  `
  -- Which process was given an event to deliver, and until when the others leave it alone.
  ALTER TABLE security_events ADD COLUMN claimed_by BLOB;
  ALTER TABLE security_events ADD COLUMN claimed_until INTEGER;
  `,
  `
  -- When the user proved who he is, where that was before the session was opened.
  ALTER TABLE sessions ADD COLUMN authenticated_at INTEGER;

  -- Authorization codes, pushed requests and device codes; see authorizations/ticket-store.ts.
  CREATE TABLE tickets (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    kind TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT,
    user_code_hash BLOB UNIQUE,
    document TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    session_id TEXT,
    polled_at INTEGER
  ) STRICT;
  CREATE INDEX tickets_by_client ON tickets (client_id, kind, expires_at);
  CREATE INDEX tickets_by_end ON tickets (expires_at);

  CREATE TABLE consents (
    user_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    resources TEXT NOT NULL,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_id)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- A client may have two secrets while it changes over, and keys instead of them.
  ALTER TABLE clients ADD COLUMN previous_secret_hash BLOB;
  ALTER TABLE clients ADD COLUMN assertion_keys TEXT;
  -- Which access tokens it may exchange.
  ALTER TABLE clients ADD COLUMN exchange TEXT;
  -- Of clients that registered themselves.
  ALTER TABLE clients ADD COLUMN name TEXT;
  ALTER TABLE clients ADD COLUMN registration_token_hash BLOB;
  ALTER TABLE clients ADD COLUMN expires_at INTEGER;
  CREATE INDEX clients_by_expiry ON clients (expires_at) WHERE expires_at IS NOT NULL;
  `,
]

function pragma(connection: DatabaseSync, name: 'application_id' | 'user_version'): number {
  return Number(connection.prepare(`PRAGMA ${name}`).get()?.[name])
}

/** The version of a file's schema, 0 for a new file. */
function versionOf(connection: DatabaseSync, steps: readonly string[]): number {
  const owner = pragma(connection, 'application_id')
  const version = pragma(connection, 'user_version')
  const hasTables = connection.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() !== undefined
  if (owner !== applicationId && (owner !== 0 || hasTables)) throw new Error('this SQLite file is not one of Pawl')
  if (version > steps.length) {
    throw new Error(
      `this file has schema ${version} and this release of Pawl knows ${steps.length}: start the release that wrote it, or a newer one`,
    )
  }
  return version
}

/** Runs `work` in a transaction, which it leaves committed or, when it throws, rolled back. */
function within(connection: DatabaseSync, begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => void): void {
  connection.exec(begin)
  try {
    work()
    connection.exec('COMMIT')
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

/**
 * Refuses a file that {@link migrate} would refuse, before anything is changed in it.
 *
 * @throws Error when a newer release wrote the file, or another program did
 */
export function refuseForeign(connection: DatabaseSync): void {
  within(connection, 'BEGIN', () => versionOf(connection, migrations))
}

/**
 * Brings a file to the newest schema, under the write lock: of several processes that start at once one migrates and the
 * others find it done. Either all missing steps are taken or none.
 *
 * @param steps the schema's steps; an argument for tests
 * @throws Error when a newer release wrote the file, or another program did
 */
export function migrate(connection: DatabaseSync, steps: readonly string[] = migrations): void {
  within(connection, 'BEGIN IMMEDIATE', () => {
    const version = versionOf(connection, steps)
    if (version === steps.length) return
    for (const step of steps.slice(version)) connection.exec(step)
    connection.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${steps.length}`)
  })
}
