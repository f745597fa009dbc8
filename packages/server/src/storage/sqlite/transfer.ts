import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { storageUnavailable } from '../../tokens/storage-unavailable.ts'
import { integer, type Row, text, textList } from '../stored-columns.ts'
import {
  clientRecord,
  consentRecord,
  lostWritesRecord,
  parseTerms,
  refreshKeyRecord,
  type SessionTerms,
  sessionRecord,
  signingKeyRecord,
  userRecord,
} from '../stored-records.ts'
import { storedEntry } from '../stored-revocations.ts'
import type { Departure, TransferReader, TransferSource } from '../transfer.ts'
import { departureOf, knowsDepartures, markDeparted, unmarkDeparted } from './departure.ts'
import { generation } from './generation-column.ts'
import { migrate, refuseForeign } from './migrations.ts'
import type { SqliteStorageOptions } from './options.ts'
import { sessionColumns } from './session-rows.ts'
import { userColumns } from './user-rows.ts'

/** How long others may hold the write lock before the move gives up, in milliseconds: their transactions are short. */
const patienceMilliseconds = 30_000

/** Records per batch: a megabyte or so on the way to the other store. */
const batchSize = 1000

const selects = {
  users: `SELECT ${userColumns}, username_key FROM users ORDER BY number`,
  clients: 'SELECT * FROM clients ORDER BY number',
  signingKeys: 'SELECT * FROM signing_keys ORDER BY number',
  refreshKeys: 'SELECT * FROM refresh_keys ORDER BY number',
  sessions: `
    SELECT ${sessionColumns}, client_id, document
    FROM sessions JOIN users ON users.number = sessions.user JOIN session_terms ON session_terms.number = terms
    ORDER BY sessions.id`,
  consents: 'SELECT * FROM consents ORDER BY user_id, client_id',
  events: 'SELECT sequence, document FROM security_events ORDER BY sequence',
  failures: 'SELECT key, count, ends_at FROM failures ORDER BY key',
  revocations: 'SELECT * FROM revocation_entries ORDER BY sequence, place',
  lifetimes: 'SELECT milliseconds, until FROM access_lifetimes ORDER BY milliseconds',
  standing: `
    SELECT version, epoch, revocation_feed.sequence AS step, ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'security_events'), 0) AS last_sequence, lost_writes.*
    FROM key_ring, lost_writes, revocation_feed`,
} as const

/** The tables whose content is carried; the rest is the file's own. */
export const carriedTables: readonly string[] = [
  'users',
  'clients',
  'signing_keys',
  'refresh_keys',
  'session_terms',
  'sessions',
  'consents',
  'security_events',
  'failures',
  'key_ring',
  'lost_writes',
  'revocation_feed',
  'revocation_entries',
  'access_lifetimes',
]

/** A SQLite store as one that can be left, on a connection of its own. */
export function sqliteTransferSource({ file, clock }: SqliteStorageOptions): TransferSource {
  function connect(): DatabaseSync {
    if (!existsSync(file)) throw storageUnavailable(new Error('ENOENT'), `there is no ${file}`)
    const connection = new DatabaseSync(file, { timeout: patienceMilliseconds })
    try {
      refuseForeign(connection)
      connection.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  /** Runs `work` in a transaction that keeps other writers out, or rolls back when it throws. */
  async function holding<Result>(work: (connection: DatabaseSync) => Result | Promise<Result>): Promise<Result> {
    const connection = connect()
    try {
      connection.exec('BEGIN IMMEDIATE')
      const result = await work(connection)
      connection.exec('COMMIT')
      return result
    } finally {
      // Rolls back what was not committed.
      connection.close()
    }
  }

  return {
    async departure() {
      const connection = connect()
      try {
        return departureIn(connection)
      } finally {
        connection.close()
      }
    },

    async begin(id) {
      const connection = connect()
      try {
        migrate(connection)
      } finally {
        connection.close()
      }
      return holding((held) => {
        held.prepare('INSERT INTO departure (only, id) VALUES (1, ?) ON CONFLICT DO NOTHING').run(id)
        return text(held.prepare('SELECT id FROM departure').get() ?? {}, 'id')
      })
    },

    depart: ({ id, destination }, work) =>
      holding(async (connection) => {
        refuseOtherMove(connection, id)
        // The readers of the store go on meanwhile; its writers wait, and after some seconds are answered 503.
        const result = await work(readerOf(connection))
        markDeparted(connection, destination, clock())
        return result
      }),

    comeBack: () =>
      holding((connection) => {
        const departure = departureIn(connection)
        if (departure.kind === 'departed') unmarkDeparted(connection)
        return departure
      }),
  }
}

function departureIn(connection: DatabaseSync): Departure {
  const prepare = connection.prepare.bind(connection)
  return knowsDepartures(prepare) ? departureOf(prepare) : { kind: 'here' }
}

/** Two moves of one store at once: the second one finds the first one's mark as soon as it gets the lock. */
function refuseOtherMove(connection: DatabaseSync, id: string): void {
  const departure = departureIn(connection)
  const begun = connection.prepare('SELECT id FROM departure').get() ?? {}
  if (departure.kind === 'departed' || text(begun, 'id') !== id)
    throw storageUnavailable(new Error('departed'), 'another pawl move came first; run this one again')
}

function readerOf(connection: DatabaseSync): TransferReader {
  async function* batches<Value>(select: string, read: (row: Row) => Value): AsyncGenerator<readonly Value[]> {
    let batch: Value[] = []
    for (const row of connection.prepare(select).iterate()) {
      batch.push(read(row))
      if (batch.length < batchSize) continue
      yield batch
      batch = []
    }
    if (batch.length > 0) yield batch
  }

  const terms = new Map<string, SessionTerms>()
  const termsOf = (row: Row): SessionTerms => {
    const document = text(row, 'document')
    const known = terms.get(document) ?? parseTerms(text(row, 'client_id'), document)
    terms.set(document, known)
    return known
  }

  return {
    users: () => batches(selects.users, (row) => ({ ...userRecord(row), usernameKey: text(row, 'username_key') })),
    clients: () => batches(selects.clients, wholeClient),
    signingKeys: () => batches(selects.signingKeys, signingKeyRecord),
    refreshKeys: () => batches(selects.refreshKeys, refreshKeyRecord),
    sessions: () => batches(selects.sessions, (row) => sessionRecord(row, termsOf(row), generation(row, 'generation'))),
    consents: () => batches(selects.consents, consentRecord),
    events: () =>
      batches(selects.events, (row) => ({ sequence: integer(row, 'sequence'), document: text(row, 'document') })),
    failures: () =>
      batches(selects.failures, (row) => ({
        key: text(row, 'key'),
        count: integer(row, 'count'),
        endsAt: integer(row, 'ends_at'),
      })),
    revocations: () => batches(selects.revocations, storedEntry),
    lifetimes: () =>
      batches(selects.lifetimes, (row) => ({
        milliseconds: integer(row, 'milliseconds'),
        until: integer(row, 'until'),
      })),
    standing: () =>
      batches(selects.standing, (row) => ({
        keysVersion: integer(row, 'version'),
        lastSequence: integer(row, 'last_sequence'),
        epoch: text(row, 'epoch'),
        step: integer(row, 'step'),
        ...lostWritesRecord(row),
      })),
  }
}

/** What this release does not know of a client it would not carry. */
function wholeClient(row: Row): ReturnType<typeof clientRecord> {
  const client = clientRecord(row)
  if (client.grants.length !== textList(row, 'grants').length)
    throw new Error(
      `client ${client.id} has a grant type that this release does not know: move with the newest release`,
    )
  return client
}
