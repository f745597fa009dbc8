import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ProcessEnd, runPawl } from '../running-server/started-process.ts'
import { alice } from '../running-server/started-server.ts'
import { type Fleet, startFleet } from './fleet.ts'

/** Nodes that share a PostgreSQL and the secrets, and nothing else. */
export interface PostgresFleet extends Fleet {
  /** What every node has in its environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Runs a command on the same database. */
  readonly pawl: (words: readonly string[], environment?: Readonly<Record<string, string>>) => Promise<ProcessEnd>
}

/** What such a fleet is started with. */
export interface PostgresFleetWishes {
  readonly count: number
  /** Where the nodes find the database; a pooler may stand there. */
  readonly url: string
  readonly environment?: Readonly<Record<string, string>>
}

/** A server secret as operators make them. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Makes the tables, the user that all tests know, and the nodes. */
export async function startPostgresFleet(wishes: PostgresFleetWishes): Promise<PostgresFleet> {
  const { count, url } = wishes
  // Nothing is kept there, but a node that did so would be seen to lose it.
  const path = await mkdtemp(join(tmpdir(), 'pawl-many-nodes-'))
  const environment = { PAWL_DATABASE_URL: url, PAWL_SECRETS: newSecret(), ...wishes.environment }
  const pawl: PostgresFleet['pawl'] = (words, more = {}) => runPawl(words, { PAWL_DATA: path, ...environment, ...more })
  const forget = () => rm(path, { recursive: true, force: true })
  const add = ['user', 'add', alice.username, '--password-stdin']
  let fleet: Fleet
  try {
    const added = await runPawl(add, { PAWL_DATA: path, ...environment }, alice.password)
    if (added.status !== 0) throw new Error(added.stderr)
    fleet = await startFleet({ count, path, environment })
  } catch (error) {
    await forget()
    throw error
  }
  return {
    ...fleet,
    environment,
    pawl,
    async [Symbol.asyncDispose]() {
      await fleet[Symbol.asyncDispose]()
      await forget()
    },
  }
}
