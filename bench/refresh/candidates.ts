import { startServer, user } from '../capacity/started-server.ts'
import { type Chains, chainsFrom, type RefreshForm } from '../load/chains.ts'
import { pawlForms } from '../load/pawl-forms.ts'
import { signInOften } from '../load/signed-in.ts'
import { hasGlewlwyd, startGlewlwyd } from './glewlwyd.ts'
import { startProgram } from './started-program.ts'

/** One row of the table: a server, and one way to ask it. */
export interface Candidate {
  readonly name: string
  /** What it does for each refresh, besides HTTP. */
  readonly does: string
  /** Process id of the server. */
  readonly pid: number
  readonly chains: Chains
  readonly form: RefreshForm
}

/** Names of the rows from which figures are made. */
export const names = {
  sqlite: 'Pawl on SQLite, /oauth/token',
  sqliteFirstParty: 'Pawl on SQLite, /auth/refresh',
  postgres: 'Pawl on PostgreSQL, /oauth/token',
  postgresFirstParty: 'Pawl on PostgreSQL, /auth/refresh',
  betterAuth: 'better-auth on SQLite',
  glewlwyd: 'glewlwyd on SQLite',
  oidcProvider: 'oidc-provider in memory',
  jmondi: '@jmondi/oauth2-server in memory',
  nodeOauth: '@node-oauth/oauth2-server and jose, in memory',
  nodeOauthOpaque: '@node-oauth/oauth2-server in memory, opaque',
  constant: 'floor: the HTTP stack, a constant',
  signing: 'floor: and one signature',
  durable: 'floor: and a durable, grouped update',
} as const

/** Those that sign and keep all in memory. */
export const signingPeers: readonly string[] = [names.oidcProvider, names.jmondi, names.nodeOauth]

/** A running Pawl with open sessions. */
export interface StartedPawl {
  readonly pid: number
  readonly chains: Chains
}

/** Starts a Pawl as in production, and signs in so often. */
export async function startPawl(
  resources: AsyncDisposableStack,
  sessions: number,
  where: { readonly database?: string; readonly workers?: number },
): Promise<StartedPawl> {
  const settings = { PAWL_MODE: 'production', PAWL_WORKERS: String(where.workers ?? 1) }
  const server = resources.use(await startServer(where.database, { settings }))
  const chains = chainsFrom(server.port, await signInOften(server.port, user, sessions))
  resources.defer(chains.close)
  return { pid: server.pid, chains }
}

/** Starts everybody, with so many open sessions each. */
export async function startCandidates(
  resources: AsyncDisposableStack,
  sessions: number,
  database: string,
): Promise<readonly Candidate[]> {
  const program = async (file: string, words: readonly string[]) => {
    const { pid, port, form, tokens } = resources.use(await startProgram(file, sessions, words))
    const chains = chainsFrom(port, tokens)
    resources.defer(chains.close)
    return { pid, chains, form }
  }
  const pawl = async (engine: 'sqlite' | 'postgres'): Promise<readonly Candidate[]> => {
    const started = await startPawl(resources, sessions, engine === 'sqlite' ? {} : { database })
    const does = 'signs, durable'
    return [
      { ...started, name: names[engine], does, form: pawlForms.oauth },
      { ...started, name: names[`${engine}FirstParty`], does, form: pawlForms.firstParty },
    ]
  }
  const row = async (name: string, does: string, file: string, words: readonly string[] = []) => [
    { name, does, ...(await program(file, words)) },
  ]
  const started = await Promise.all([
    pawl('sqlite'),
    pawl('postgres'),
    row(names.betterAuth, 'signs, durable', 'better-auth'),
    glewlwyd(resources, sessions),
    row(names.oidcProvider, 'signs', 'oidc-provider'),
    row(names.jmondi, 'signs', 'jmondi'),
    row(names.nodeOauth, 'signs', 'node-oauth', ['jwt']),
    row(names.nodeOauthOpaque, '–', 'node-oauth', ['opaque']),
    row(names.constant, '–', 'floor', ['constant']),
    row(names.signing, 'signs', 'floor', ['signing']),
    row(names.durable, 'signs, durable', 'floor', ['durable']),
  ])
  return started.flat()
}

async function glewlwyd(resources: AsyncDisposableStack, sessions: number): Promise<readonly Candidate[]> {
  if (!hasGlewlwyd()) return []
  const { pid, port, form, tokens } = resources.use(await startGlewlwyd(sessions))
  const chains = chainsFrom(port, tokens)
  resources.defer(chains.close)
  return [{ name: names.glewlwyd, does: 'signs, durable', pid, chains, form }]
}
