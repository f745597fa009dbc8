import { describe, expect, test, vi } from 'vitest'
import { isMissing } from '../../checks/machine-packages.ts'
import { startCluster } from '../postgres/cluster.ts'
import { expectRefusal } from '../running-server/expectations.ts'
import { tryRefresh } from '../running-server/first-party-calls.ts'
import { readRefreshToken } from '../running-server/refresh-token-form.ts'
import { expectNothingFailed, underLoad } from './exchange-nodes.ts'
import { newSecret, startPostgresFleet } from './fleet-on-postgres.ts'
import type { SharedStore } from './shared-store.ts'

/** A new refresh key is used a minute after it is known. */
const patience = { timeout: 180_000, interval: 500 }

describe.skipIf(isMissing('postgresql'))('a secret is exchanged for another under load (needs postgresql)', () => {
  test('node by node, until nobody needs the old one: no request fails, and a node that was forgotten says 503 (F5, T13.1)', {
    timeout: 600_000,
  }, async () => {
    await using cluster = await startCluster()
    await using fleet = await startPostgresFleet({ count: 4, url: cluster.url })
    const old = fleet.environment['PAWL_SECRETS'] ?? ''
    const next = newSecret()
    const both = { environment: { PAWL_SECRETS: `${next},${old}` } }
    const [forgotten, ...nodes] = fleet.nodes
    if (forgotten === undefined) throw new Error('there are no nodes')
    // Nobody is sent there; otherwise its 503 would be rightly counted as failures.
    const others = { ...fleet, nodes, addresses: () => nodes.map((node) => node.address()) }
    const run = await underLoad(others, async ({ stores, exchange }) => {
      const before = keysOf(stores)
      expect(before.size).toBe(1)
      for (const node of nodes) await exchange(node, both)
      await vi.waitFor(() => expect(keysOf(stores).isDisjointFrom(before)).toBe(true), patience)

      const [store] = stores
      const reply = await tryRefresh(forgotten.process(), store?.peek() ?? '')
      expectRefusal(reply, 'temporarily_unavailable', 'key_not_loaded')
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0)

      const { status, stderr } = await fleet.pawl(['key', 'reseal'], both.environment)
      expect(status, stderr).toBe(0)
      for (const node of nodes) await exchange(node, { environment: { PAWL_SECRETS: next } })
    })
    expectNothingFailed(run, others.log())
  })

  test('while new signing keys are asked for (T13.1)', { timeout: 600_000 }, async () => {
    await using cluster = await startCluster()
    await using fleet = await startPostgresFleet({ count: 3, url: cluster.url })
    const environment = { PAWL_SECRETS: `${newSecret()},${fleet.environment['PAWL_SECRETS']}` }
    const run = await underLoad(fleet, async ({ exchange }) => {
      for (const node of fleet.nodes) {
        expect((await fleet.pawl(['key', 'rotate'])).status).toBe(0)
        await exchange(node, { environment })
      }
    })
    expectNothingFailed(run, fleet.log())
    const { status, stdout } = await fleet.pawl(['doctor'], environment)
    expect(status, stdout).toBe(0)
  })
})

function keysOf(stores: readonly SharedStore[]): ReadonlySet<string> {
  return new Set(stores.map((store) => Buffer.from(readRefreshToken(store.peek()).keyId).toString('base64url')))
}
