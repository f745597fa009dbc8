import pg from 'pg'
import postgres from 'postgres'

/** A statement with a name of its own, under which a server keeps it when it is prepared once. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** What the drivers take as parameters: numbers, bytes, and lists of either. */
export type Value = number | Buffer | readonly number[] | readonly Buffer[]

/** One driver in one mode, connected. */
export interface Driver {
  readonly query: (statement: Statement, values: readonly Value[]) => Promise<readonly object[]>
  readonly close: () => Promise<void>
}

/** bigint arrives as text in both; every number of ours is a safe integer. */
const bigint = 20

const byteLists = 1001

const numbers = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === bigint && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format ?? 'text'),
}

/** How to connect. */
interface Connecting {
  readonly connections: number
  /** Whether statements are sent by their names, so that the server keeps them prepared. */
  readonly named: boolean
}

/** A pool of `pg`: a connection carries one statement at a time. */
export async function pgPool(url: string, { connections, named }: Connecting): Promise<Driver> {
  const pool = new pg.Pool({ connectionString: url, max: connections, types: numbers })
  return {
    async query({ name, text }, values) {
      const { rows } = await pool.query<object>(
        named ? { name, text, values: [...values] } : { text, values: [...values] },
      )
      return rows
    },
    close: () => pool.end(),
  }
}

/** Connections of `pg` in pipeline mode: a statement is sent before the one ahead of it is answered. */
export async function pgPipeline(url: string, { connections, named }: Connecting): Promise<Driver> {
  const clients = Array.from(
    { length: connections },
    () => new pg.Client({ connectionString: url, pipeline: true, types: numbers }),
  )
  await Promise.all(clients.map((client) => client.connect()))
  let turn = 0
  return {
    async query({ name, text }, values) {
      turn = (turn + 1) % clients.length
      const query = named ? { name, text, values: [...values] } : { text, values: [...values] }
      const answer = await clients[turn]?.query<object>(query)
      return answer?.rows ?? []
    },
    async close() {
      await Promise.all(clients.map((client) => client.end()))
    },
  }
}

/** `postgres`: connections of its own choosing, each of which carries many statements at a time. */
export async function porsager(url: string, { connections, named }: Connecting): Promise<Driver> {
  const sql = postgres(url, {
    max: connections,
    prepare: named,
    types: { bigint: { to: bigint, from: [bigint], serialize: String, parse: Number } },
  })
  // It takes a list for its first element: bytes among them would be sent as one bytea.
  const typed = (value: Value) =>
    Array.isArray(value) && Buffer.isBuffer(value[0]) ? sql.typed(value, byteLists) : value
  return {
    query: async ({ text }, values) => sql.unsafe(text, values.map(typed), { prepare: named }),
    close: () => sql.end(),
  }
}
