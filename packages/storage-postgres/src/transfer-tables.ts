import type { CarriedKind, CarriedRecords } from '@pawl/server'
import { integer, type Row, text, writtenIdBytes } from '@pawl/server/stored-columns'
import {
  assertionKeysDocument,
  clientRecord,
  consentRecord,
  keyIdBytes,
  lostWritesRecord,
  refreshKeyRecord,
  signingKeyRecord,
  termsDocument,
  userRecord,
} from '@pawl/server/stored-records'
import { storedEntry } from '@pawl/server/stored-revocations'
import { digestOfTerms } from './open-session.ts'
import {
  sessionColumns,
  sessionReader,
  sessionsJoined,
  usedColumn,
  userColumns,
  writtenSessionKey,
} from './session-columns.ts'

/** How one kind of record is carried. */
export interface CarriedTable<Kind extends CarriedKind> {
  /** What a batch takes: each statement's `$1` is the batch as JSON, bytes as hexadecimal digits. */
  readonly writes: readonly string[]
  /** A record as those statements take it. */
  readonly document: (record: CarriedRecords[Kind]) => Readonly<Record<string, unknown>>
  /** Reads everything, in the order that all engines have alike. */
  readonly select: string
  readonly record: (row: Row) => CarriedRecords[Kind]
}

/** How every kind is carried. */
export type CarriedTables = { readonly [Kind in CarriedKind]: CarriedTable<Kind> }

/** Tables with rows from the beginning, which are never empty. */
const standingTables = ['key_ring', 'lost_writes', 'revocation_feed']

/** Tables that are empty in a store that nobody uses. */
export const emptiedTables: readonly string[] = [
  'users',
  'clients',
  'session_terms',
  'sessions',
  'consents',
  'signing_keys',
  'refresh_keys',
  'security_events',
  'failures',
  'revocation_entries',
  'access_lifetimes',
]

/** Every table whose content is carried. */
export const carriedTables: readonly string[] = [...emptiedTables, ...standingTables]

/** The rows of a batch, in its order. */
function rowsOf(columns: string): string {
  return `ROWS FROM (json_to_recordset($1::json) AS (${columns})) WITH ORDINALITY AS carried`
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const hexOrNull = (bytes: Uint8Array | null): string | null => (bytes === null ? null : hex(bytes))
const fromHex = (column: string): string => `decode(carried.${column}, 'hex')`

/** The statements of one schema. */
export function transferTables(schema: string): CarriedTables {
  const at = (table: string): string => `"${schema}".${table}`
  return {
    users: users(at),
    clients: clients(at),
    signingKeys: signingKeys(at),
    refreshKeys: refreshKeys(at),
    sessions: sessions(at, schema),
    consents: {
      writes: [
        `INSERT INTO ${at('consents')} (user_id, client_id, scope, resources, granted_at)
        SELECT user_id, client_id, scope, resources, granted_at
        FROM ${rowsOf('user_id text, client_id text, scope text, resources text, granted_at bigint')}`,
      ],
      document: (consent) => ({
        user_id: consent.userId,
        client_id: consent.clientId,
        scope: JSON.stringify(consent.scope),
        resources: JSON.stringify(consent.resources),
        granted_at: consent.grantedAt,
      }),
      select: `SELECT * FROM ${at('consents')} ORDER BY user_id, client_id`,
      record: consentRecord,
    },
    events: {
      writes: [
        `INSERT INTO ${at('security_events')} (sequence, document) OVERRIDING SYSTEM VALUE
        SELECT sequence, document FROM ${rowsOf('sequence bigint, document text')} ORDER BY ordinality`,
      ],
      document: ({ sequence, document }) => ({ sequence, document }),
      select: `SELECT sequence, document FROM ${at('security_events')} ORDER BY sequence`,
      record: (row) => ({ sequence: integer(row, 'sequence'), document: text(row, 'document') }),
    },
    failures: {
      writes: [
        `INSERT INTO ${at('failures')} (key, count, ends_at)
        SELECT key, count, ends_at FROM ${rowsOf('key text, count bigint, ends_at bigint')}`,
      ],
      document: ({ key, count, endsAt }) => ({ key, count, ends_at: endsAt }),
      select: `SELECT key, count, ends_at FROM ${at('failures')} ORDER BY key`,
      record: (row) => ({ key: text(row, 'key'), count: integer(row, 'count'), endsAt: integer(row, 'ends_at') }),
    },
    revocations: {
      writes: [
        `INSERT INTO ${at('revocation_entries')} (sequence, place, kind, id, at, until)
        SELECT sequence, place, kind, id, at, until
        FROM ${rowsOf('sequence bigint, place bigint, kind text, id text, at bigint, until bigint')}`,
      ],
      document: ({ sequence, place, entry }) => ({ sequence, place, ...entry }),
      select: `SELECT * FROM ${at('revocation_entries')} ORDER BY sequence, place`,
      record: storedEntry,
    },
    lifetimes: {
      writes: [
        `INSERT INTO ${at('access_lifetimes')} (milliseconds, until)
        SELECT milliseconds, until FROM ${rowsOf('milliseconds bigint, until bigint')}`,
      ],
      document: ({ milliseconds, until }) => ({ milliseconds, until }),
      select: `SELECT milliseconds, until FROM ${at('access_lifetimes')} ORDER BY milliseconds`,
      record: (row) => ({ milliseconds: integer(row, 'milliseconds'), until: integer(row, 'until') }),
    },
    standing: standing(at),
  }
}

type At = (table: string) => string

function users(at: At): CarriedTable<'users'> {
  return {
    writes: [
      `INSERT INTO ${at('users')} (id, username, username_key, password_hash, roles, created_at, disabled_at)
      SELECT id, username, username_key, password_hash, roles, created_at, disabled_at
      FROM ${rowsOf('id text, username text, username_key text, password_hash text, roles text, created_at bigint, disabled_at bigint')}
      ORDER BY ordinality`,
    ],
    document: (user) => ({
      id: user.id,
      username: user.username,
      username_key: user.usernameKey,
      password_hash: user.passwordHash,
      roles: JSON.stringify(user.roles),
      created_at: user.createdAt,
      disabled_at: user.disabledAt,
    }),
    select: `SELECT ${userColumns}, username_key FROM ${at('users')} ORDER BY number`,
    record: (row) => ({ ...userRecord(row), usernameKey: text(row, 'username_key') }),
  }
}

function clients(at: At): CarriedTable<'clients'> {
  const texts =
    'id, type, authentication, redirect_uris, grants, scopes, resources, policy, access_seconds, created_at, assertion_keys, exchange, name, expires_at'
  return {
    writes: [
      `INSERT INTO ${at('clients')} (${texts}, secret_hash, previous_secret_hash, registration_token_hash)
      SELECT ${texts}, ${fromHex('secret_hash')}, ${fromHex('previous_secret_hash')},
        ${fromHex('registration_token_hash')}
      FROM ${rowsOf(
        'id text, type text, authentication text, redirect_uris text, grants text, scopes text, resources text, policy text, access_seconds bigint, created_at bigint, assertion_keys text, exchange text, name text, expires_at bigint, secret_hash text, previous_secret_hash text, registration_token_hash text',
      )}
      ORDER BY ordinality`,
    ],
    document: (client) => ({
      id: client.id,
      type: client.type,
      authentication: client.authentication,
      redirect_uris: JSON.stringify(client.redirectUris),
      grants: JSON.stringify(client.grants),
      scopes: JSON.stringify(client.scopes),
      resources: JSON.stringify(client.resources),
      policy: client.policy,
      access_seconds: client.accessSeconds,
      created_at: client.createdAt,
      assertion_keys: assertionKeysDocument(client),
      exchange: client.exchange ?? null,
      name: client.name ?? null,
      expires_at: client.selfRegistration?.expiresAt ?? null,
      registration_token_hash: hexOrNull(client.selfRegistration?.accessTokenHash ?? null),
      secret_hash: hexOrNull(client.secretHash),
      previous_secret_hash: hexOrNull(client.previousSecretHash ?? null),
    }),
    select: `SELECT * FROM ${at('clients')} ORDER BY number`,
    record: clientRecord,
  }
}

function signingKeys(at: At): CarriedTable<'signingKeys'> {
  const texts = 'kid, algorithm, public_jwk, secret_id, created_at, active_from'
  return {
    writes: [
      `INSERT INTO ${at('signing_keys')} (${texts}, sealed_private_key)
      SELECT ${texts}, ${fromHex('sealed_private_key')}
      FROM ${rowsOf(
        'kid text, algorithm text, public_jwk text, secret_id text, created_at bigint, active_from bigint, sealed_private_key text',
      )}
      ORDER BY ordinality`,
    ],
    document: (key) => ({
      kid: key.kid,
      algorithm: key.algorithm,
      public_jwk: key.publicJwk,
      secret_id: key.secretId,
      created_at: key.createdAt,
      active_from: key.activeFrom,
      sealed_private_key: hex(key.sealedPrivateKey),
    }),
    select: `SELECT * FROM ${at('signing_keys')} ORDER BY number`,
    record: signingKeyRecord,
  }
}

function refreshKeys(at: At): CarriedTable<'refreshKeys'> {
  return {
    writes: [
      `INSERT INTO ${at('refresh_keys')} (id, created_at, active_from, retired_at)
      SELECT ${fromHex('id')}, created_at, active_from, retired_at
      FROM ${rowsOf('id text, created_at bigint, active_from bigint, retired_at bigint')} ORDER BY ordinality`,
    ],
    document: (key) => ({
      id: hex(writtenIdBytes(key.id, keyIdBytes)),
      created_at: key.createdAt,
      active_from: key.activeFrom,
      retired_at: key.retiredAt,
    }),
    select: `SELECT * FROM ${at('refresh_keys')} ORDER BY number`,
    record: refreshKeyRecord,
  }
}

function sessions(at: At, schema: string): CarriedTable<'sessions'> {
  const plain =
    'generation, created_at, authenticated_at, last_used_at, idle_expires_at, absolute_expires_at, repeats, peeks, revoked_at, revoked_reason, binding, opened_address, opened_user_agent'
  const bytes = ['recent', 'token_hash', 'refresh_key_id', 'seed', 'repeat_holders']
  const columns = `id uuid, user_id text, terms_digest text, terms text, client_id text, generation bigint,
    created_at bigint, authenticated_at bigint, last_used_at bigint, idle_expires_at bigint,
    absolute_expires_at bigint, repeats bigint, peeks bigint, revoked_at bigint, revoked_reason text, binding text, opened_address text, opened_user_agent text,
    used_address text, used_user_agent text, ${bytes.map((name) => `${name} text`).join(', ')}`
  const carried = (names: string): string => names.replaceAll(/\w+/g, 'carried.$&')
  return {
    writes: [
      `INSERT INTO ${at('session_terms')} (digest, client_id, document)
      SELECT DISTINCT ON (terms_digest) ${fromHex('terms_digest')}, client_id, terms
      FROM ${rowsOf(columns)} WHERE terms IS NOT NULL
      ON CONFLICT (digest) DO NOTHING`,
      `INSERT INTO ${at('sessions')} (
        id, user_number, terms_number, ${plain}, ${bytes.join(', ')}, used_address, used_user_agent
      )
      SELECT carried.id, users.number, session_terms.number, ${carried(plain)}, ${bytes.map(fromHex).join(', ')},
        ${usedColumn('carried.used_address', 'carried.opened_address')},
        ${usedColumn('carried.used_user_agent', 'carried.opened_user_agent')}
      FROM ${rowsOf(columns)}
        JOIN ${at('users')} ON users.id = carried.user_id
        JOIN ${at('session_terms')} ON session_terms.digest = ${fromHex('terms_digest')}`,
    ],
    document: (session) => {
      const terms = termsDocument(session)
      return {
        id: writtenSessionKey(session.id),
        user_id: session.userId,
        terms_digest: hex(digestOfTerms(terms)),
        terms,
        client_id: session.clientId,
        generation: session.generation,
        created_at: session.createdAt,
        authenticated_at: session.authenticatedAt ?? null,
        last_used_at: session.lastUsedAt,
        idle_expires_at: session.idleExpiresAt,
        absolute_expires_at: session.absoluteExpiresAt,
        repeats: session.repeats,
        peeks: session.peeks,
        revoked_at: session.revokedAt,
        revoked_reason: session.revokedReason,
        binding: session.binding,
        opened_address: session.openedFrom.address,
        opened_user_agent: session.openedFrom.userAgent,
        used_address: session.lastUsedFrom.address,
        used_user_agent: session.lastUsedFrom.userAgent,
        recent: hex(session.recent),
        token_hash: hex(session.tokenHash),
        refresh_key_id: hex(writtenIdBytes(session.refreshKeyId, keyIdBytes)),
        seed: hex(session.seed),
        repeat_holders: hex(session.repeatHolders),
      }
    },
    select: `SELECT ${sessionColumns} FROM ${sessionsJoined(schema)} ORDER BY sessions.id`,
    record: sessionReader(),
  }
}

function standing(at: At): CarriedTable<'standing'> {
  const lostWrites = 'sessions, noticed_at, intact_until, settled_at'
  const columns =
    'keys_version bigint, last_sequence bigint, epoch text, step bigint, sessions bigint, noticed_at bigint, intact_until bigint, settled_at bigint'
  return {
    writes: [
      `UPDATE ${at('key_ring')} SET version = keys_version FROM ${rowsOf(columns)}`,
      `UPDATE ${at('lost_writes')} SET (${lostWrites}) = (SELECT ${lostWrites} FROM ${rowsOf(columns)})`,
      `UPDATE ${at('revocation_feed')} SET epoch = carried.epoch, sequence = step FROM ${rowsOf(columns)}`,
      `SELECT setval(pg_get_serial_sequence('${at('security_events')}', 'sequence'), greatest(last_sequence, 1), last_sequence > 0)
      FROM ${rowsOf(columns)}`,
    ],
    document: ({ keysVersion, lastSequence, epoch, step, sessions, noticedAt, intactUntil, settledAt }) => ({
      keys_version: keysVersion,
      last_sequence: lastSequence,
      epoch,
      step,
      sessions,
      noticed_at: noticedAt,
      intact_until: intactUntil,
      settled_at: settledAt,
    }),
    select: `
      SELECT version, epoch, revocation_feed.sequence AS step, lost_writes.*,
        coalesce(pg_sequence_last_value(pg_get_serial_sequence('${at('security_events')}', 'sequence')::regclass), 0)
          AS last_sequence
      FROM ${at('key_ring')}, ${at('lost_writes')}, ${at('revocation_feed')}`,
    record: (row) => ({
      keysVersion: integer(row, 'version'),
      lastSequence: integer(row, 'last_sequence'),
      epoch: text(row, 'epoch'),
      step: integer(row, 'step'),
      ...lostWritesRecord(row),
    }),
  }
}
