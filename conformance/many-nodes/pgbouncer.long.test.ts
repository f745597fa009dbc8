import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isMissing } from '../../checks/machine-packages.ts'
import { type Cluster, startCluster } from '../postgres/cluster.ts'
import { ownDatabase, rowsOf } from '../postgres/own-database.ts'
import { type PgBouncer, startPgBouncer } from '../postgres/pgbouncer.ts'
import { eventually } from '../running-server/eventually.ts'
import { sessionStatus, signIn, tryRefresh } from '../running-server/first-party-calls.ts'
import { bodyReply } from '../running-server/replies.ts'
import { type StartedProcess, startProcess } from '../running-server/started-process.ts'
import { processesOf } from './fleet.ts'
import { newSecret, type PostgresFleet, startPostgresFleet } from './fleet-on-postgres.ts'

const missing = isMissing('postgresql') || isMissing('pgbouncer')
const keySet = z.looseObject({ keys: z.array(z.looseObject({ kid: z.string() })) })
const added = z.looseObject({ kid: z.string() })
const killed = z.looseObject({ replacement: z.string() })

describe.skipIf(missing)('three nodes behind a PgBouncer in transaction mode (needs postgresql and pgbouncer)', () => {
  let cluster: Cluster
  let bouncer: PgBouncer
  let fleet: PostgresFleet

  beforeAll(async () => {
    cluster = await startCluster()
    bouncer = await startPgBouncer(cluster.url)
    fleet = await startPostgresFleet({ count: 3, url: bouncer.url })
  })

  afterAll(async () => {
    await fleet[Symbol.asyncDispose]()
    await bouncer[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })

  /** A database of its own: where it is, and how it is reached through the pooler. */
  async function bothWays(): Promise<AsyncDisposable & { readonly direct: string; readonly pooled: string }> {
    const database = await ownDatabase(cluster.url)
    const pooled = new URL(bouncer.url)
    pooled.pathname = new URL(database.url).pathname
    return { direct: database.url, pooled: pooled.href, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
  }

  test('T1.1 of 50 parallel refreshes of one token all are answered, with one successor, and no alarm is raised', async () => {
    const nodes = processesOf(fleet)
    let { refresh_token: token } = await signIn(nodes[0])
    for (let generation = 1; generation <= 3; generation += 1) {
      const calls = Array.from({ length: 50 }, (_, index) => tryRefresh(nodes[index % 3] ?? nodes[0], token))
      const replies = await Promise.all(calls)
      expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200))
      const successors = new Set(replies.map((reply) => reply.read(bodyReply).refresh_token))
      expect(successors.size).toBe(1)
      const rows = await rowsOf(cluster.url, 'SELECT generation, repeats, revoked_reason AS revoked FROM pawl.sessions')
      expect(rows).toEqual([{ generation: String(generation), repeats: '49', revoked: null }])
      const [successor = ''] = successors
      token = successor
    }
    expect(fleet.log()).not.toMatch(/"type":"session_(replayed|superseded_use|rolled_forward|ended)"/)
    for (const node of nodes) expect(node.stderr()).toContain('"outcome":"repeat"')
  })

  test('start all at once on an empty database: one makes the tables, each finds the keys that another was faster to make', async () => {
    await using database = await bothWays()
    const environment = { PAWL_DATABASE_URL: database.pooled, PAWL_SECRETS: newSecret() }
    const starting = Array.from({ length: 6 }, () => startProcess({ path: '/nowhere' }, environment))
    const started = await Promise.allSettled(starting)
    for (const node of started) if (node.status === 'fulfilled') await node.value.stop('SIGKILL')
    expect(started.filter(({ status }) => status === 'rejected')).toEqual([])
  })

  test('hear of each other by reading every 100 ms: doctor says so, and a key that is rotated or killed on one node is so on all', async () => {
    const { stdout } = await fleet.pawl(['doctor'])
    expect(stdout).toContain('a pooler shares the connections')
    expect(stdout).toContain('looked for every 100 ms')
    await expectKeysFollowed(fleet)
  })

  test('hear of each other by LISTEN on the direct URL: doctor says so, and a key that is rotated or killed on one node is so on all', async () => {
    await using database = await bothWays()
    const { pooled: url, direct } = database
    await using listening = await startPostgresFleet({
      count: 3,
      url,
      environment: { PAWL_DATABASE_DIRECT_URL: direct },
    })
    const { stdout } = await listening.pawl(['doctor'])
    expect(stdout).toContain('a pooler shares the connections')
    expect(stdout).toContain('(LISTEN)')
    await expectKeysFollowed(listening)
  })
})

async function expectKeysFollowed(fleet: PostgresFleet): Promise<void> {
  const nodes = processesOf(fleet)
  const { access_token } = await signIn(nodes[0])
  const [signing = ''] = await kidsOf(nodes[1])
  const rotated = added.parse(JSON.parse((await fleet.pawl(['key', 'rotate', '--json'])).stdout))
  await onAll(nodes, async (node) => expect(await kidsOf(node)).toContain(rotated.kid))
  for (const node of nodes) expect(await sessionStatus(node, access_token)).toBe(200)

  const { replacement } = killed.parse(JSON.parse((await fleet.pawl(['key', 'kill', signing, '--json'])).stdout))
  await onAll(nodes, async (node) => {
    expect(await kidsOf(node)).not.toContain(signing)
    expect(await kidsOf(node)).toContain(replacement)
    expect(await sessionStatus(node, access_token)).toBe(401)
  })
  for (const node of nodes) expect(await sessionStatus(node, (await signIn(nodes[1])).access_token)).toBe(200)
}

async function kidsOf(node: StartedProcess): Promise<readonly string[]> {
  return (await node.send('/oauth/jwks')).read(keySet).keys.map(({ kid }) => kid)
}

async function onAll(nodes: readonly StartedProcess[], check: (node: StartedProcess) => Promise<void>): Promise<void> {
  await Promise.all(nodes.map((node) => eventually(() => check(node))))
}
