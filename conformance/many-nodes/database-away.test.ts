import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMissing } from '../../checks/machine-packages.ts'
import { type Cluster, startCluster } from '../postgres/cluster.ts'
import { eventually } from '../running-server/eventually.ts'
import { expectRefusal } from '../running-server/expectations.ts'
import { refresh, sessionStatus, signIn, tryRefresh } from '../running-server/first-party-calls.ts'
import type { Reply } from '../running-server/http-request.ts'
import type { StartedProcess } from '../running-server/started-process.ts'
import { alice } from '../running-server/started-server.ts'
import { processesOf } from './fleet.ts'
import { type PostgresFleet, startPostgresFleet } from './fleet-on-postgres.ts'

/** After this a client has given up (design: a refresh is decided within 10 s of arriving, or answered 503 undecided). */
const patienceMilliseconds = 10_000

describe.skipIf(isMissing('postgresql'))('a database that is away (needs postgresql)', () => {
  let cluster: Cluster
  let fleet: PostgresFleet

  beforeAll(async () => {
    cluster = await startCluster()
    fleet = await startPostgresFleet({ count: 2, url: cluster.url })
  })

  afterAll(async () => {
    await fleet[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })

  test('crashed: 503 with Retry-After wherever something is decided, alive but not ready, and all is well once it is back (T5.1)', async () => {
    const [node, other] = processesOf(fleet)
    const session = await signIn(node)
    await cluster.crash()
    await expectAway(node, session)
    await cluster.start()
    for (const each of [node, other]) {
      await eventually(async () => expect((await each.send('/health/ready')).status).toBe(200))
      expect(await sessionStatus(each, session.access_token)).toBe(200)
    }
    const next = await refresh(other, session.refresh_token)
    expect((await refresh(node, next.refresh_token)).session_id).toBe(session.session_id)
    expect((await signIn(node)).session_id).not.toBe(session.session_id)
  })

  test('frozen: nobody waits for more than 10 seconds, and all is well once it goes on (F18)', async () => {
    const [node, other] = processesOf(fleet)
    const sessions = await Promise.all(Array.from({ length: 20 }, (_, index) => signIn(index % 2 === 0 ? node : other)))
    const [session] = sessions
    if (session === undefined) throw new Error('there is no session')
    // Some are in the middle of it, at whatever point.
    const caught = sessions
      .slice(1)
      .map(({ refresh_token }, index) => answered(tryRefresh(index % 2 ? node : other, refresh_token)))
    await cluster.freeze()
    for (const reply of await Promise.all(caught)) {
      if (reply.status !== 200) expectRefusal(reply, 'temporarily_unavailable', 'storage_unavailable')
    }
    await Promise.all([expectAway(node, session), expectAway(other, session)])
    cluster.thaw()
    for (const each of [node, other])
      await eventually(async () => expect((await each.send('/health/ready')).status).toBe(200))
    for (const { refresh_token } of sessions) await refresh(node, refresh_token)
    expect(fleet.log()).not.toMatch(/"type":"session_(replayed|superseded_use|rolled_forward|ended)"/)
  })
})

/** Nothing is decided, nobody is told that a credential is bad, and the process itself is alive. */
async function expectAway(
  node: StartedProcess,
  { access_token, refresh_token }: { readonly access_token: string; readonly refresh_token: string },
): Promise<void> {
  const form = { grant_type: 'refresh_token', client_id: 'first-party', refresh_token }
  const replies = await Promise.all(
    [
      tryRefresh(node, refresh_token),
      node.send('/oauth/token', { form }),
      node.send('/oauth/revoke', { form: { client_id: 'first-party', token: refresh_token } }),
      node.send('/auth/login', { json: { ...alice, delivery: 'body' } }),
      node.send('/auth/logout', { json: { refresh_token } }),
      node.send('/auth/session', { bearer: access_token }),
      node.send('/auth/sessions', { bearer: access_token }),
      node.send('/health/ready'),
    ].map(answered),
  )
  for (const reply of replies) {
    expectRefusal(reply, 'temporarily_unavailable', 'storage_unavailable')
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
  }
  expect((await answered(node.send('/health/live'))).status).toBe(200)
}

async function answered(reply: Promise<Reply>): Promise<Reply> {
  const left = new AbortController()
  const late = pause(patienceMilliseconds, undefined, { signal: left.signal }).then(() => {
    throw new Error('the client has given up: there was no answer within 10 seconds')
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([reply, late])
  } finally {
    left.abort()
  }
}
