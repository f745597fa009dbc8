import type { Arrival, CarriedKind, CarriedRecords, TransferReader, TransferTarget, TransferWriter } from '@pawl/server'
import { storageUnavailable } from '@pawl/server/storage-unavailable'
import { flag, integer, type Row, text } from '@pawl/server/stored-columns'
import type { Client } from 'pg'
import { connectTo, disconnect } from './connecting.ts'
import type { DatabaseLocation } from './connection-settings.ts'
import { classified } from './driver-errors.ts'
import { migrate } from './migrations.ts'
import type { SchemaStep } from './schema-steps.ts'
import { instant } from './statement.ts'
import { carriedTables, emptiedTables, transferTables } from './transfer-tables.ts'

/** Where everything is carried to. */
export interface TransferPlace {
  readonly location: DatabaseLocation
  readonly schema: string
  readonly steps: readonly SchemaStep[]
  /** Milliseconds that only move forward. */
  readonly monotonic: () => number
}

/** How long one statement of a move may take: a batch, or reading everything back. */
const statementMilliseconds = 60 * 60_000

/** How long others may hold a table before the move gives up. */
const lockMilliseconds = 10_000

const batchSize = 1000

async function query(client: Client, sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
  try {
    const waiting = { text: sql, values: [...values], query_timeout: statementMilliseconds }
    return (await client.query<Row>(waiting)).rows
  } catch (error) {
    throw classified(error)
  }
}

async function arrivalIn(client: Client, schema: string): Promise<Arrival> {
  const [row] = await query(client, `SELECT id, arrived_at, finished FROM "${schema}".arrival`)
  if (row !== undefined) {
    const id = text(row, 'id')
    return flag(row, 'finished') ? { kind: 'finished', id, at: integer(row, 'arrived_at') } : { kind: 'unfinished', id }
  }
  const rows = emptiedTables.map((table) => `EXISTS (SELECT FROM "${schema}".${table})`)
  const [found] = await query(
    client,
    `SELECT ${rows.join(' OR ')} OR (SELECT version FROM "${schema}".key_ring) > 0 AS in_use`,
  )
  return { kind: found !== undefined && flag(found, 'in_use') ? 'in_use' : 'empty' }
}

/**
 * Refuses a database that a move has filled and not yet opened: where the sessions are in use is still open, and it may be
 * the store that they come from.
 *
 * @throws StorageUnavailable
 */
export async function refuseUnfinished(client: Client, schema: string): Promise<void> {
  if ((await arrivalIn(client, schema)).kind !== 'unfinished') return
  throw storageUnavailable(
    new Error('the arrival is unfinished'),
    'a move into this database was cut off before its end: run the same pawl move again',
  )
}

/** A PostgreSQL database as one that everything can be moved into, on a connection of its own. */
export function postgresTransferTarget({ location, schema, steps, monotonic }: TransferPlace): TransferTarget {
  let client: Client | undefined

  function connected(): Client {
    if (client === undefined) throw storageUnavailable(new Error('the database is not open'))
    return client
  }

  return {
    async open() {
      client ??= (await connectTo(location)).client
      await migrate(client, { schema, steps, monotonic })
    },

    arrival: () => arrivalIn(connected(), schema),

    async receive(id, work) {
      const connection = connected()
      await query(connection, 'BEGIN ISOLATION LEVEL READ COMMITTED')
      try {
        await keepOthersOut(connection, schema)
        await clear(connection, { schema, id })
        const result = await work(writerOf(connection, schema), readerOf(connection, schema))
        await query(
          connection,
          `INSERT INTO "${schema}".arrival (single, id, arrived_at, finished)
          VALUES (true, $2, ${instant}, false)
          ON CONFLICT (single) DO UPDATE SET id = excluded.id, arrived_at = excluded.arrived_at`,
          [null, id],
        )
        await query(connection, 'COMMIT')
        return result
      } catch (error) {
        await query(connection, 'ROLLBACK').catch(() => {})
        throw error
      }
    },

    async finish(id) {
      const connection = connected()
      await query(connection, `UPDATE "${schema}".arrival SET finished = true WHERE id = $1`, [id])
      // Without figures the planner would read tables of a million rows as it reads empty ones. They are only figures.
      const tables = carriedTables.map((table) => `"${schema}".${table}`).join(', ')
      await query(connection, `ANALYZE ${tables}`).catch(() => {})
    },

    async close() {
      const closing = client
      client = undefined
      if (closing !== undefined) await disconnect(closing)
    },
  }
}

/** For as long as the transaction lasts nobody reads or writes any of the tables. */
async function keepOthersOut(client: Client, schema: string): Promise<void> {
  await query(
    client,
    `SET LOCAL lock_timeout = ${lockMilliseconds}; SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL synchronous_commit = on`,
  )
  const tables = ['arrival', ...carriedTables].map((table) => `"${schema}".${table}`).join(', ')
  await query(client, `LOCK TABLE ${tables} IN ACCESS EXCLUSIVE MODE`)
}

/** Takes away what an earlier attempt at the same move has left. */
async function clear(client: Client, { schema, id }: { readonly schema: string; readonly id: string }): Promise<void> {
  const arrival = await arrivalIn(client, schema)
  if (arrival.kind === 'empty') return
  if (arrival.kind !== 'unfinished' || arrival.id !== id)
    throw new Error('somebody has begun to use the database meanwhile: nothing was changed')
  const tables = emptiedTables.map((table) => `"${schema}".${table}`).join(', ')
  await query(client, `TRUNCATE ${tables} RESTART IDENTITY`)
}

function writerOf(client: Client, schema: string): TransferWriter {
  const tables = transferTables(schema)

  function writing<Kind extends CarriedKind>(kind: Kind): (batch: readonly CarriedRecords[Kind][]) => Promise<void> {
    const { writes, document } = tables[kind]
    return async (batch) => {
      const documents = JSON.stringify(batch.map(document))
      for (const write of writes) await query(client, write, [documents])
    }
  }

  return {
    users: writing('users'),
    clients: writing('clients'),
    signingKeys: writing('signingKeys'),
    refreshKeys: writing('refreshKeys'),
    sessions: writing('sessions'),
    events: writing('events'),
    failures: writing('failures'),
    revocations: writing('revocations'),
    lifetimes: writing('lifetimes'),
    consents: writing('consents'),
    standing: writing('standing'),
  }
}

function readerOf(client: Client, schema: string): TransferReader {
  const tables = transferTables(schema)

  function reading<Kind extends CarriedKind>(kind: Kind): () => AsyncGenerator<readonly CarriedRecords[Kind][]> {
    const { select, record } = tables[kind]
    return async function* () {
      await query(client, `DECLARE carried NO SCROLL CURSOR FOR ${select}`)
      for (;;) {
        const rows = await query(client, `FETCH ${batchSize} FROM carried`)
        if (rows.length === 0) break
        yield rows.map((row) => record(row))
      }
      await query(client, 'CLOSE carried')
    }
  }

  return {
    users: reading('users'),
    clients: reading('clients'),
    signingKeys: reading('signingKeys'),
    refreshKeys: reading('refreshKeys'),
    sessions: reading('sessions'),
    events: reading('events'),
    failures: reading('failures'),
    revocations: reading('revocations'),
    lifetimes: reading('lifetimes'),
    consents: reading('consents'),
    standing: reading('standing'),
  }
}
