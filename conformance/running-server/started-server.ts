import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPawl, listen, type Pawl, type PawlConfiguration, type Storage } from '@pawl/server'
import { pino } from 'pino'
import { z } from 'zod'
import { findFreePort } from './free-port.ts'
import { type Reply, type RequestLine, sendTo } from './http-request.ts'
import { type MovingClock, movingClock } from './moving-clock.ts'
import { type OwnStore, ownStore, type StoreEngine } from './own-store.ts'

/** An engine that a server can be started on. */
export type Engine = StoreEngine

const everythingOnPostgres = process.env['PAWL_TEST_ENGINE'] === 'postgres'

/**
 * What concerns storage runs on each of these. Every engine of this repository has its turn: with
 * `PAWL_TEST_ENGINE=postgres`, which is the Vitest project `conformance-postgres`, all tests run on that one.
 */
export const engines: readonly Engine[] = everythingOnPostgres ? ['postgres'] : ['memory', 'sqlite']

/** An engine whose data outlives the process, for tests that need one. */
export const lastingEngine: Engine = everythingOnPostgres ? 'postgres' : 'sqlite'

/** The user every started server knows. */
export const alice = { username: 'alice@example.com', password: 'violet-harbour-seventeen' } as const

/** A server in this process that listens on a loopback port. */
export interface StartedServer extends AsyncDisposable {
  readonly issuer: string
  readonly origin: string
  readonly clock: MovingClock
  readonly pawl: Pawl
  readonly storage: Storage
  /** Where {@link StartedServer.storage} keeps what it has. */
  readonly store: OwnStore
  /** Log lines as they were written. */
  readonly log: readonly string[]
  /** Sends a request to a path below the issuer. */
  readonly send: (path: string, request?: RequestLine) => Promise<Reply>
  readonly addUser: (username: string, password: string, roles?: readonly string[]) => Promise<void>
}

/** What a test wants otherwise. */
export interface ServerWishes {
  /** Default: the first of {@link engines}. */
  readonly engine?: Engine
  /** For PostgreSQL: a database that no other test uses. */
  readonly databaseUrl?: string | undefined
  /** Path of the issuer, such as `/id`. Default none. */
  readonly basePath?: string
  /** Scheme and host of the issuer where it shall not be the address it listens on. */
  readonly issuer?: string
  readonly configuration?: PawlConfiguration
  /** Another node of that server: the same store, clock and users, and the store stays open when this one ends. */
  readonly besides?: StartedServer
  /** What shall stand between the server and its store; `storage` of the started server is the store itself. */
  readonly through?: (storage: Storage) => Storage
  /** Whether the test provokes faults of the server's own; otherwise one in the log fails it. */
  readonly faultsExpected?: boolean
}

/** Starts a server with a clock that the test moves, and with {@link alice}. */
export async function startServer(wishes: ServerWishes = {}): Promise<StartedServer> {
  const { engine = engines[0] ?? 'memory', basePath = '', configuration = {}, besides } = wishes
  const clock = besides?.clock ?? movingClock()
  const data = await mkdtemp(join(tmpdir(), 'pawl-conformance-'))
  const store =
    besides?.store.besides() ?? ownStore({ engine, folder: data, clock: clock.now, databaseUrl: wishes.databaseUrl })
  const { storage } = store
  const port = await findFreePort()
  const origin = `http://localhost:${port}`
  const issuer = wishes.issuer ?? origin + basePath
  const log: string[] = []
  const pawl = createPawl({
    data,
    issuer,
    storage: wishes.through?.(storage) ?? storage,
    clock: clock.now,
    logger: pino({ level: 'info' }, { write: (line: string) => log.push(line) }),
    ...configuration,
  })
  const addUser: StartedServer['addUser'] = async (username, password, roles = []) => {
    const added = await pawl.administration.addUser({ username, password, roles })
    if (added.outcome !== 'added') throw new Error(`the user was not added: ${added.outcome}`)
  }
  if (besides === undefined) await addUser(alice.username, alice.password, ['admin'])
  await pawl.ready()
  const listener = await listen({ fetch: pawl.fetch, host: '127.0.0.1', port })
  return {
    issuer,
    origin,
    clock,
    pawl,
    storage,
    store,
    log,
    addUser,
    send: (path, request) => sendTo(`http://127.0.0.1:${port}${basePath}${path}`, request),
    async [Symbol.asyncDispose]() {
      await listener.close({ drainMilliseconds: 0 })
      await pawl.close()
      await store[Symbol.asyncDispose]()
      await rm(data, { recursive: true, force: true })
      const faults = wishes.faultsExpected === true ? [] : faultsIn(log)
      // Thrown rather than expected: a server may also end in a hook, where there is no test to fail.
      if (faults.length > 0) throw new Error(`the server logged faults:\n${faults.join('\n')}`)
    },
  }
}

/** Lines of level `error` and above: a request may be refused, but the server itself has nothing to complain of. */
export function faultsIn(log: readonly string[]): readonly string[] {
  return log.filter((line) => logLine.parse(JSON.parse(line)).level >= 50)
}

const logLine = z.looseObject({ level: z.number() })
