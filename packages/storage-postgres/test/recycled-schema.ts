import type { Row } from '@pawl/server/stored-columns'
import { text } from '@pawl/server/stored-columns'
import { Client } from 'pg'
import { urlForTest } from './postgres-fixture.ts'

/** What a schema held when it was new, table by table, as JSON. */
interface NewSchema {
  readonly schema: string
  readonly tables: ReadonlyMap<string, string>
}

/** Schemas that are used again and again: to make one takes longer than most tests. */
export interface RecycledSchemas {
  /** One that is as good as new; undefined: none is free, and one must be made. */
  readonly take: () => string | undefined
  /** Notes what one that was just made holds. */
  readonly made: (schema: string) => Promise<void>
  /** Gives one back, as it was when it was new. */
  readonly giveBack: (schema: string) => Promise<void>
  /** Drops them all. */
  readonly dropAll: () => Promise<void>
}

async function withClient<Result>(work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: urlForTest() })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Schemas for tests that change no table, only what is in it. */
export function recycledSchemas(): RecycledSchemas {
  const all = new Map<string, NewSchema>()
  const free: string[] = []

  return {
    take: () => free.pop(),

    async made(schema) {
      await withClient(async (client) => {
        const names = await client.query<Row>('SELECT tablename FROM pg_tables WHERE schemaname = $1', [schema])
        const tables = new Map<string, string>()
        for (const row of names.rows) {
          const name = text(row, 'tablename')
          const rows = await client.query<Row>(
            `SELECT coalesce(json_agg(held), '[]')::text AS rows FROM "${schema}"."${name}" AS held`,
          )
          tables.set(name, text(rows.rows[0] ?? {}, 'rows'))
        }
        all.set(schema, { schema, tables })
      })
    },

    async giveBack(schema) {
      const known = all.get(schema)
      if (known === undefined) throw new Error('this schema was never new')
      const emptied = [...known.tables.keys()].map((name) => `DELETE FROM "${schema}"."${name}"`)
      const filled = [...known.tables]
        .filter(([, rows]) => rows !== '[]')
        .map(([name, rows]) => {
          const table = `"${schema}"."${name}"`
          return `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, '${rows.replaceAll("'", "''")}')`
        })
      // Without regard to references: the order of the tables is nobody's concern here.
      const statements = ['SET session_replication_role = replica', 'BEGIN', ...emptied, ...filled, 'COMMIT']
      await withClient((client) => client.query(statements.join(';')))
      free.push(schema)
    },

    async dropAll() {
      await withClient(async (client) => {
        for (const schema of all.keys()) await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
      })
    },
  }
}
