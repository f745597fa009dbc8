import { join } from 'node:path'
import { memoryStorage, type Storage, sqliteStorage } from '@pawl/server'
import { postgresStorage } from '@pawl/storage-postgres'
import { type DatabaseSchema, ownSchema } from '../postgres/own-database.ts'

/** An engine that this repository has. */
export type StoreEngine = 'memory' | 'sqlite' | 'postgres'

/** Where a store keeps what it has, for tests that look past the server. Both undefined: in memory. */
export interface StorePlace {
  /** The SQLite file. */
  readonly databaseFile: string | undefined
  /** The schema in PostgreSQL. */
  readonly database: DatabaseSchema | undefined
}

/** The store of one node. Disposing removes what is left of it once it is closed. */
export interface OwnStore extends StorePlace, AsyncDisposable {
  readonly storage: Storage
  /** The same store for another node; it stays when that one ends. */
  readonly besides: () => OwnStore
}

/** What a store is made of. */
export interface StoreParts {
  readonly engine: StoreEngine
  /** For a file. */
  readonly folder: string
  /** The store's clock. */
  readonly clock: () => number
  /** For a schema; default: a database of the run's PostgreSQL that other tests use at the same time. */
  readonly databaseUrl?: string | undefined
}

/** Makes a store that only one test uses, not opened yet. */
export function ownStore({ engine, folder, clock, databaseUrl }: StoreParts): OwnStore {
  if (engine === 'memory') return sharedByNodes(memoryStorage({ clock }))
  if (engine === 'postgres') return storeInPostgres(clock, databaseUrl)
  const databaseFile = join(folder, 'pawl.db')
  return sharedByNodes(sqliteStorage({ clock, file: databaseFile }), databaseFile)
}

/** A store of which there is one in a process, however many nodes it plays. */
function sharedByNodes(storage: Storage, databaseFile?: string): OwnStore {
  const besides = () => sharedByNodes({ ...storage, open: async () => {}, close: async () => {} }, databaseFile)
  return { storage, databaseFile, database: undefined, besides, [Symbol.asyncDispose]: async () => {} }
}

/** Each node has connections of its own: a few, as the cluster has some hundred for all tests. */
function storeInPostgres(clock: () => number, databaseUrl?: string): OwnStore {
  const own = ownSchema(databaseUrl)
  const { url, schema } = own
  const node = (end: () => Promise<void>): OwnStore => ({
    storage: postgresStorage({ url, schema, clock, connections: 4 }),
    databaseFile: undefined,
    database: { url, schema },
    besides: () => node(async () => {}),
    [Symbol.asyncDispose]: end,
  })
  return node(async () => own[Symbol.asyncDispose]())
}
