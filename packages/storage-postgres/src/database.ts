import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '@pawl/server'
import { storageUnavailable } from '@pawl/server/storage-unavailable'
import { flag, integer, type Row } from '@pawl/server/stored-columns'
import { Pool, type PoolClient, type QueryConfig } from 'pg'
import { connectTo, disconnect } from './connecting.ts'
import {
  connectMilliseconds,
  type DatabaseLocation,
  parseValues,
  statementMilliseconds,
  waitFor,
} from './connection-settings.ts'
import { classified, isConflict, isCrowdedOut, spoilsConnection, standbyRefused } from './driver-errors.ts'
import { migrate } from './migrations.ts'
import type { SchemaStep } from './schema-steps.ts'
import { durable, type Run, type Statement, type Value } from './statement.ts'
import { refuseUnfinished } from './transfer.ts'
import { turnstile } from './turnstile.ts'

/** How a transaction is to run. */
export interface TransactionKind {
  /** It must outlive a crash of the server, whatever the connection's `synchronous_commit` is: it ends sessions. */
  readonly durable?: true
  /** It may read a whole table. */
  readonly patient?: true
}

/** What a read found, and the instant of the statement that found it. */
export interface Reading {
  readonly now: number
  readonly rows: readonly Row[]
}

/** The database: a few connections, and every error sorted into "the statement is wrong" and "the store is away". */
export interface Database {
  /** Connects, brings the schema up to date, and finds out what stands between. */
  open(): Promise<void>
  /** Whether a pooler shares the connections. */
  isPooled(): boolean
  /** Runs one read, made by {@link reading}. Throws StorageUnavailable when a standby answered it. */
  read(statement: Statement, values?: readonly Value[], kind?: Pick<TransactionKind, 'patient'>): Promise<Reading>
  /** Runs one statement in a transaction of its own. */
  change(statement: Statement, values: readonly Value[]): Promise<readonly Row[]>
  /** {@link change} of a statement whose `$1` is its instant, as {@link reading} has it. */
  changeNow(statement: Statement, values: readonly Value[]): Promise<readonly Row[]>
  /** Runs `work` between BEGIN and COMMIT, or rolls back when it throws; once more when it met another transaction. */
  transaction<Result>(work: (run: Run) => Promise<Result>, kind?: TransactionKind): Promise<Result>
  /** Waits for what is under way and lets go of all connections. */
  close(): Promise<void>
}

/** What a database is made of. */
export interface DatabaseParts {
  readonly location: DatabaseLocation
  readonly schema: string
  readonly connections: number
  /** The clock of a test. */
  readonly clock: Clock | undefined
  /** Milliseconds that only move forward. */
  readonly monotonic: () => number
  /** A fraction from 0 inclusive to 1 exclusive. */
  readonly fraction: () => number
  readonly steps: readonly SchemaStep[]
}

/** How long a transaction that reads a whole table may take. */
const patientMilliseconds = 10 * 60_000

/** How long a transaction that meets others again and again is tried before the store counts as away. */
const conflictMilliseconds = 5000

/** So many connections no transaction takes. */
const sparedConnections = 2

const shortestPause = 2
const longestPause = 50

interface Opened {
  readonly pool: Pool
  readonly pooled: boolean
}

/** A connection of the pool, for a statement or a transaction. */
interface Borrowed {
  readonly client: PoolClient
  readonly pooled: boolean
}

/** A statement as the driver takes it; kept prepared where the connection is ours from one statement to the next. */
function queryOf(
  { name, text }: Statement,
  values: readonly Value[],
  { borrowed, milliseconds }: { readonly borrowed: Borrowed; readonly milliseconds: number },
): QueryConfig<Value[]> {
  const query = { text, values: [...values], query_timeout: waitFor(milliseconds) }
  return borrowed.pooled ? query : { ...query, name }
}

function beginning({ durable: isDurable, patient }: TransactionKind, pooled: boolean): string {
  const milliseconds = patient ? patientMilliseconds : statementMilliseconds
  return [
    'BEGIN ISOLATION LEVEL READ COMMITTED',
    ...(patient || pooled ? [`SET LOCAL statement_timeout = ${milliseconds}`] : []),
    ...(pooled ? [`SET LOCAL idle_in_transaction_session_timeout = ${2 * statementMilliseconds}`] : []),
    ...(isDurable ? [durable] : []),
  ].join(';')
}

/** Connections to one PostgreSQL database. Nothing is connected before it is opened. */
export function postgresDatabase(parts: DatabaseParts): Database {
  const { location, schema, connections, clock, monotonic, fraction, steps } = parts
  let opened: Opened | undefined
  // Connections that are older than the last one that broke, or that led to a standby, most likely lead nowhere better:
  // they are not used again, so that the way to a new primary is found at once.
  let era = 0
  const eras = new WeakMap<PoolClient, number>()
  const spoiled = new WeakSet<PoolClient>()

  // Transactions end something, and all of them wait for the row of the feed. Were it held up, they would soon have taken
  // every connection, and with them the refreshes of people who have nothing to do with that.
  const inTurn = turnstile(Math.max(1, connections - sparedConnections), connectMilliseconds)

  function whenOpen(): Opened {
    if (opened === undefined) throw storageUnavailable(new Error('the database is not open'))
    return opened
  }

  function createPool(startup: 'set' | 'bare'): Pool {
    const pool = new Pool({ ...location.settings(startup), max: connections, idleTimeoutMillis: 60_000 })
    // A connection that breaks while nobody uses it: the pool has dropped it already.
    pool.on('error', () => {})
    pool.on('connect', (client) => {
      client.on('error', () => {})
      parseValues(client)
      eras.set(client, era)
    })
    return pool
  }

  async function checkedOut(pool: Pool): Promise<PoolClient> {
    for (const since = monotonic(); ; ) {
      const client = await pool.connect().catch((error: unknown) => {
        // The server has none left for this node; of those that the node has one will be free in a moment.
        const isPatient = isCrowdedOut(error) && pool.totalCount > 0 && monotonic() - since < connectMilliseconds
        if (!isPatient) throw classified(error)
      })
      if (client === undefined) await pause(longestPause * (0.5 + fraction() / 2))
      else if (eras.get(client) === era) return client
      else client.release(true)
    }
  }

  async function withClient<Result>(work: (borrowed: Borrowed) => Promise<Result>): Promise<Result> {
    const { pool, pooled } = whenOpen()
    const client = await checkedOut(pool)
    try {
      return await work({ client, pooled })
    } finally {
      client.release(spoiled.has(client))
    }
  }

  function spoil({ client }: Borrowed): void {
    spoiled.add(client)
    era += 1
  }

  async function send(borrowed: Borrowed, query: QueryConfig<Value[]>): Promise<readonly Row[]> {
    try {
      return (await borrowed.client.query<Row>(query)).rows
    } catch (error) {
      if (spoilsConnection(error)) spoil(borrowed)
      throw classified(error)
    }
  }

  async function between<Result>(
    borrowed: Borrowed,
    work: (run: Run) => Promise<Result>,
    kind: TransactionKind,
  ): Promise<Result> {
    const milliseconds = kind.patient ? patientMilliseconds : statementMilliseconds
    try {
      // Of its statements BEGIN may have been done and a later one not: that, too, is rolled back.
      await send(borrowed, { text: beginning(kind, borrowed.pooled) })
      const result = await work((statement, values = []) =>
        send(borrowed, queryOf(statement, values, { borrowed, milliseconds })),
      )
      await send(borrowed, { text: 'COMMIT' })
      return result
    } catch (error) {
      if (!spoiled.has(borrowed.client)) {
        await send(borrowed, { text: 'ROLLBACK' }).catch(() => spoiled.add(borrowed.client))
      }
      throw error
    }
  }

  /** Two transactions that met were rolled back as a whole: nothing is lost, and nobody outside learns of it. */
  async function withoutConflict<Result>(work: () => Promise<Result>): Promise<Result> {
    const since = monotonic()
    for (let longest = shortestPause; ; longest = Math.min(2 * longest, longestPause)) {
      try {
        return await work()
      } catch (error) {
        if (!isConflict(error) || monotonic() - since >= conflictMilliseconds) throw error
      }
      await pause(longest * (0.5 + fraction() / 2))
    }
  }

  function alone(borrowed: Borrowed, statement: Statement, values: readonly Value[]): Promise<readonly Row[]> {
    return send(borrowed, queryOf(statement, values, { borrowed, milliseconds: statementMilliseconds }))
  }

  function change(statement: Statement, values: readonly Value[]): Promise<readonly Row[]> {
    return withoutConflict(() => withClient((borrowed) => alone(borrowed, statement, values)))
  }

  const now = (): number | null => clock?.() ?? null

  return {
    async open() {
      if (opened !== undefined) return
      const { client, startup, pooled } = await connectTo(location)
      try {
        await migrate(client, { schema, steps, monotonic })
        await refuseUnfinished(client, schema)
      } finally {
        await disconnect(client)
      }
      opened = { pool: createPool(startup), pooled }
    },
    isPooled: () => whenOpen().pooled,
    read(statement, values = [], { patient } = {}) {
      const all = [now(), ...values]
      return withoutConflict(() =>
        withClient(async (borrowed) => {
          const rows = patient
            ? await between(borrowed, (run) => run(statement, all), { patient })
            : await alone(borrowed, statement, all)
          const [first] = rows
          if (first === undefined) throw new Error('a read was answered without its instant')
          if (flag(first, 'on_standby')) {
            spoil(borrowed)
            throw standbyRefused()
          }
          return { now: integer(first, 'read_at'), rows: rows.filter((row) => row['is_row'] === true) }
        }),
      )
    },
    change,
    changeNow: (statement, values) => change(statement, [now(), ...values]),
    transaction: (work, kind = {}) =>
      inTurn(() => withoutConflict(() => withClient((borrowed) => between(borrowed, work, kind)))),
    async close() {
      if (opened === undefined) return
      const { pool } = opened
      opened = undefined
      await pool.end()
    },
  }
}
