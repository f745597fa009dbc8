import { describe, expect, test } from 'vitest'
import { isMissing } from '../../checks/machine-packages.ts'
import { type Cluster, startCluster } from '../postgres/cluster.ts'
import { rowsOf } from '../postgres/own-database.ts'
import { eventually } from '../running-server/eventually.ts'
import { expectRefusal } from '../running-server/expectations.ts'
import { refresh, signIn, tryRefresh } from '../running-server/first-party-calls.ts'
import { startProcess } from '../running-server/started-process.ts'
import { alice } from '../running-server/started-server.ts'
import { processesOf } from './fleet.ts'
import { startPostgresFleet } from './fleet-on-postgres.ts'
import { startForwarder } from './forwarder.ts'

describe.skipIf(isMissing('postgresql'))(
  'a node whose URL leads to a standby that lags by 5 seconds (needs postgresql)',
  () => {
    test('T34.2 decides nothing, touches nothing, and says 503; on the primary all is as without it', {
      timeout: 120_000,
    }, async () => {
      await using primary = await startCluster()
      await using forwarder = await startForwarder(primary.url)
      await using fleet = await startPostgresFleet({ count: 2, url: primary.url })
      await fleet.nodes[1]?.kill()
      await fleet.nodes[1]?.start({ environment: { PAWL_DATABASE_URL: forwarder.url } })
      const [right, wrong] = processesOf(fleet)
      const first = await signIn(wrong)
      const signedOut = await signIn(wrong)
      await using standby = await primary.replica({ recovery_min_apply_delay: '5s' })
      // The standby does not know of these yet.
      const second = await refresh(right, first.refresh_token)
      expect((await right.send('/auth/logout', { json: { refresh_token: signedOut.refresh_token } })).status).toBe(204)
      const unheardOf = await signIn(right)
      const before = await sessionsIn(primary)

      forwarder.pointAt(standby.url)
      await eventually(async () =>
        expectRefusal(await wrong.send('/health/ready'), 'temporarily_unavailable', 'storage_unavailable'),
      )
      for (const { refresh_token } of [first, second, signedOut, unheardOf]) {
        const form = { grant_type: 'refresh_token', client_id: 'first-party', refresh_token }
        const replies = [
          await tryRefresh(wrong, refresh_token),
          await wrong.send('/oauth/token', { form }),
          await wrong.send('/auth/logout', { json: { refresh_token } }),
          await wrong.send('/oauth/revoke', { form: { client_id: 'first-party', token: refresh_token } }),
        ]
        for (const reply of replies) {
          expectRefusal(reply, 'temporarily_unavailable', 'storage_unavailable')
          expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)
        }
      }
      for (const { access_token } of [second, signedOut, unheardOf]) {
        expectRefusal(
          await wrong.send('/auth/session', { bearer: access_token }),
          'temporarily_unavailable',
          'storage_unavailable',
        )
      }
      expectRefusal(
        await wrong.send('/auth/login', { json: { ...alice, delivery: 'body' } }),
        'temporarily_unavailable',
        'storage_unavailable',
      )
      expect(await sessionsIn(primary)).toEqual(before)

      const third = await refresh(right, second.refresh_token)
      expectRefusal(await tryRefresh(right, signedOut.refresh_token), 'invalid_grant', 'logout')
      forwarder.pointAt(primary.url)
      await eventually(async () => expect((await wrong.send('/health/ready')).status).toBe(200))
      await refresh(wrong, third.refresh_token)
      await refresh(wrong, unheardOf.refresh_token)
      expectRefusal(await tryRefresh(wrong, signedOut.refresh_token), 'invalid_grant', 'logout')
      expect(fleet.log()).not.toMatch(/"type":"session_(replayed|superseded_use|rolled_forward)"/)
    })

    test('T34.2 does not even start, and doctor says why', { timeout: 120_000 }, async () => {
      await using primary = await startCluster()
      await using fleet = await startPostgresFleet({ count: 1, url: primary.url })
      await using standby = await primary.replica()
      const environment = { ...fleet.environment, PAWL_DATABASE_URL: standby.url }
      const { password } = new URL(standby.url)
      const starting = await startProcess({ path: '/nowhere' }, environment).catch(String)
      expect(starting).toMatch(/standby/)
      expect(starting).not.toContain(password)
      const { status, stdout } = await fleet.pawl(['doctor'], environment)
      expect(status).toBe(1)
      expect(stdout).toMatch(/PROBLEM +store .*standby/)
      expect(stdout).not.toContain(password)
    })
  },
)

async function sessionsIn({ url }: Cluster): Promise<unknown> {
  return rowsOf(url, 'SELECT sessions::text FROM pawl.sessions ORDER BY id')
}
