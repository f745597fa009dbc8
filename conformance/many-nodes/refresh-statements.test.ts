import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMissing } from '../../checks/machine-packages.ts'
import { type Cluster, startCluster } from '../postgres/cluster.ts'
import { freezeFamily } from '../postgres/process-family.ts'
import { eventually } from '../running-server/eventually.ts'
import { expectRefusal } from '../running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from '../running-server/first-party-calls.ts'
import { bodyReply } from '../running-server/replies.ts'
import { processesOf } from './fleet.ts'
import { type PostgresFleet, startPostgresFleet } from './fleet-on-postgres.ts'
import { generationOf } from './history.ts'
import { plantErrors, plantedErrorsLeft } from './planted-errors.ts'
import { lockSession, showingWholeStatements } from './row-lock.ts'
import { loggingEverything, sessionWrites, statementsDuring } from './statement-log.ts'

describe.skipIf(isMissing('postgresql'))('what a refresh asks of PostgreSQL (needs postgresql)', () => {
  let cluster: Cluster
  let fleet: PostgresFleet

  beforeAll(async () => {
    cluster = await startCluster({ ...loggingEverything, ...showingWholeStatements })
    fleet = await startPostgresFleet({ count: 3, url: cluster.url })
  })

  afterAll(async () => {
    await fleet[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })

  test('T10.2 is one conditional UPDATE, in no transaction with another, its rows locked in the order of their ids (F9)', async () => {
    const [node] = processesOf(fleet)
    const sessions = await Promise.all(Array.from({ length: 20 }, () => signIn(node)))
    const { refresh_token: first } = await signIn(node)

    const one = await statementsDuring(cluster, async () => {
      let token = first
      for (let times = 0; times < 20; times += 1) token = (await refresh(node, token)).refresh_token
    })
    // One refresh after the other: nothing could be gathered.
    expect(sessionWrites(one)).toHaveLength(20)

    const many = await statementsDuring(cluster, async () => {
      const calls = sessions.flatMap(({ refresh_token: token }) =>
        Array.from({ length: 5 }, () => tryRefresh(node, token)),
      )
      for (const reply of await Promise.all(calls)) expect(reply.status, reply.text).toBe(200)
    })
    // Refreshes that arrive together share a statement, and a session is in it only once.
    expect(sessionWrites(many).length).toBeLessThan(100)
    expect(sessionWrites(many).length).toBeGreaterThanOrEqual(5)

    for (const { text, inTransaction } of sessionWrites([...one, ...many])) {
      expect(inTransaction).toBe(false)
      expect(text.match(/\bUPDATE "pawl"\.sessions\b/g)).toHaveLength(1)
      expect(text).toMatch(/ORDER BY sessions\.id FOR NO KEY UPDATE OF sessions SKIP LOCKED/)
      expect(text).toMatch(/WHERE sessions\.id = \S+ AND sessions\.generation = /)
    }
  })

  test('T10.3 deadlocks and serialization failures for a while: the clients see nothing of them', async () => {
    const nodes = processesOf(fleet)
    const opened = await Promise.all(Array.from({ length: 12 }, () => signIn(nodes[0])))
    for (const code of ['40001', '40P01']) {
      await plantErrors(cluster, code, 40)
      const calls = opened.flatMap(({ refresh_token: token }, index) =>
        [0, 1, 2].map((offset) => tryRefresh(nodes[(index + offset) % 3] ?? nodes[0], token)),
      )
      for (const reply of await Promise.all(calls)) expect(reply.status, reply.text).toBe(200)
      expect(await plantedErrorsLeft(cluster)).toBe(0)
      for (const [index, session] of opened.entries())
        opened[index] = await refresh(nodes[index % 3] ?? nodes[0], session.refresh_token)
    }
    expect(fleet.log()).not.toMatch(/"type":"session_(replayed|superseded_use|rolled_forward|ended)"/)
  })

  test('T10.3 without end: 503 with Retry-After, nothing is decided, and the same token is good afterwards', async () => {
    const [node] = processesOf(fleet)
    const session = await signIn(node)
    await plantErrors(cluster, '40P01', 1_000_000)
    const reply = await tryRefresh(node, session.refresh_token)
    expectRefusal(reply, 'temporarily_unavailable', 'storage_unavailable')
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
    await plantErrors(cluster, '40P01', 0)
    const next = await refresh(node, session.refresh_token)
    expect(generationOf(next.refresh_token)).toBe(1)
  })

  test('a node that stood still between its read and its write changes nothing, and answers what the others have made (B4, F9)', async () => {
    const [slow, quick] = processesOf(fleet)
    const { refresh_token: first, session_id } = await signIn(quick)
    await using row = await lockSession(cluster, session_id)
    const late = tryRefresh(slow, first)
    await eventually(async () => expect(await row.writersSeen()).toBeGreaterThan(0))
    await freezeFamily(slow.pid)
    await eventually(async () => expect(await row.writersAtWork()).toBe(0))
    await row[Symbol.asyncDispose]()
    const second = await refresh(quick, first)
    const third = await refresh(quick, second.refresh_token)
    slow.signal('SIGCONT')
    const reply = await late
    expect(reply.status, reply.text).toBe(200)
    expect(reply.read(bodyReply).refresh_token).toBe(third.refresh_token)
    expect(generationOf((await refresh(slow, third.refresh_token)).refresh_token)).toBe(3)
    expect(fleet.log()).not.toMatch(/"type":"session_(replayed|rolled_forward)"/)
  })
})
