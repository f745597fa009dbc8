import {
  addUser,
  aMove,
  anEnding,
  anEvent,
  aPeek,
  aRefreshKey,
  aRepeat,
  aSession,
  openSession,
} from '@pawl/server/storage-contract/records'
import { isStorageUnavailable } from '@pawl/server/storage-unavailable'
import { postgresStorage } from '@pawl/storage-postgres'
import { describe, expect, test } from 'vitest'
import { isMissing } from '../../../checks/machine-packages.ts'
import { startForwarder } from '../../many-nodes/forwarder.ts'
import { eventually } from '../../running-server/eventually.ts'
import { startCluster } from '../cluster.ts'
import { rowsOf } from '../own-database.ts'

describe.skipIf(isMissing('postgresql'))('a standby (needs the package postgresql)', () => {
  test('T34.2 is not opened', async () => {
    await using primary = await startCluster()
    const node = postgresStorage({ url: primary.url })
    await node.open()
    await using standby = await primary.replica()
    const stray = postgresStorage({ url: standby.url })
    await expect(stray.open()).rejects.toSatisfy(isStorageUnavailable)
    await expect(stray.open()).rejects.toThrow(/it is a standby, or read-only/)
    await Promise.all([node.close(), stray.close()])
  })

  test('T34.2 decides nothing when the way leads to it, and the engine finds the primary again by itself', async () => {
    await using primary = await startCluster()
    await using way = await startForwarder(primary.url)
    const node = postgresStorage({ url: way.url, connections: 3 })
    await node.open()
    const user = await addUser(node, 'ada')
    const session = await openSession(node, 'tab', user, { idleExpiresAt: 1e14, absoluteExpiresAt: 1e14 })
    await using standby = await primary.replica()
    await eventually(async () => {
      expect(await rowsOf({ url: standby.url, schema: 'pawl' }, 'SELECT FROM sessions')).toHaveLength(1)
    })
    const now = await node.storeNow()

    way.pointAt(standby.url)
    const calls: readonly (() => Promise<unknown>)[] = [
      () => node.readSession(session.id),
      () => node.readSession(aSession('nobody', user, 1).id),
      () => node.moveSession(aMove(session, now)),
      () => node.countRepeat(aRepeat(session, now)),
      () => node.countPeek(aPeek(session, now)),
      () => node.endSession(anEnding(session, now)),
      () => node.openSession(aSession('late', user, now), anEvent('session_opened', now)),
      () => node.findUser(user.id),
      () => node.findUserByName('nobody'),
      () => node.listUsers(),
      () => node.findClient('nobody'),
      () => node.readKeys(),
      () => node.addRefreshKey(aRefreshKey('one'), 0, anEvent('refresh_key_added', now)),
      () => node.readFailures('nobody'),
      () => node.countFailures('nobody', 1, 1000),
      () => node.nextEvents(1),
      () => node.listSessions(1),
      () => node.storeNow(),
    ]
    for (const call of calls) await expect(call(), String(call)).rejects.toSatisfy(isStorageUnavailable)
    // What a node has seen of the keys a moment ago decides nothing by itself; it does not outlive the second.
    await eventually(() => expect(node.keysVersion()).rejects.toSatisfy(isStorageUnavailable))
    const seen = await rowsOf(
      { url: primary.url, schema: 'pawl' },
      'SELECT generation, repeats, peeks, revoked_at FROM sessions',
    )
    expect(seen).toEqual([{ generation: '0', repeats: '0', peeks: '0', revoked_at: null }])

    way.pointAt(primary.url)
    await eventually(async () => {
      expect((await node.readSession(session.id)).session?.generation).toBe(0)
    })
    expect(await node.moveSession(aMove(session, now))).toBe(true)

    // What the operator is told of a standby that follows without being waited for.
    expect((await node.diagnose?.())?.warnings).toContain(
      'synchronous_standby_names is empty while 1 follow: a failover can lose the last commits, ends of sessions among them',
    )
    await node.close()
  })

  test('T34.2 that was promoted is the store from then on', async () => {
    await using primary = await startCluster()
    await using way = await startForwarder(primary.url)
    const node = postgresStorage({ url: way.url, connections: 3 })
    await node.open()
    const session = await openSession(node, 'tab', await addUser(node, 'ada'), {
      idleExpiresAt: 1e14,
      absoluteExpiresAt: 1e14,
    })
    await using standby = await primary.replica()
    await eventually(async () => {
      expect(await rowsOf({ url: standby.url, schema: 'pawl' }, 'SELECT FROM sessions')).toHaveLength(1)
    })
    await primary.crash()
    way.pointAt(standby.url)
    await expect(node.readSession(session.id)).rejects.toSatisfy(isStorageUnavailable)
    await standby.promote()
    await eventually(async () => {
      expect((await node.readSession(session.id)).session?.id).toBe(session.id)
    })
    expect(await node.moveSession(aMove(session, await node.storeNow()))).toBe(true)
    await node.close()
  })
})
