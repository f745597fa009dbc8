import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { refresh, signIn } from './running-server/first-party-calls.ts'
import { startServer } from './running-server/started-server.ts'
import { startVerifier } from './running-server/started-verifier.ts'
import { headerOf, keyFetches, ofUnknownKeys, startThree } from './running-server/three-verifiers.ts'
import { startWire } from './running-server/wire.ts'

const timeout = 120_000
const day = 86_400

describe('three verifiers whose issuer answers', () => {
  test('T12.3 10,000 tokens of unknown keys at once make each of them fetch once, and again after a cool-down', {
    timeout,
  }, async () => {
    await using server = await startServer()
    const now = server.clock.now()
    await using three = await startThree({ issuer: server.issuer, feedAt: null, now })
    const { access_token: token } = await signIn(server)
    const fetched = async (at: number, count: number): Promise<number> => {
      const invented = ofUnknownKeys(token, count)
      await three.all(async (verifier) => {
        await verifier.setClock(at)
        const found = await verifier.verdicts([...invented, token])
        expect(found).toEqual([...invented.map(() => 'unknown_key'), 'accepted'])
      })
      return keyFetches(server)
    }
    expect(await fetched(now, 10_000)).toBe(3)
    expect(await fetched(now + 29_000, 100)).toBe(3)
    expect(await fetched(now + 30_000, 100)).toBe(6)
  })
})

describe('three verifiers whose issuer is out of reach', () => {
  const startApart = async () => {
    const server = await startServer({ configuration: { accessSeconds: day } })
    const wire = await startWire(Number(new URL(server.origin).port))
    const wishes = { issuer: server.issuer, feedAt: null, keysAt: wire.origin, now: server.clock.now() }
    return {
      server,
      wire,
      wishes,
      async [Symbol.asyncDispose]() {
        await wire[Symbol.asyncDispose]()
        await server[Symbol.asyncDispose]()
      },
    }
  }

  test('T12.2 refuse nobody for an hour, and say when known keys are too old', { timeout }, async () => {
    await using apart = await startApart()
    const { server, wire, wishes } = apart
    await using three = await startThree({ ...wishes, keysStaleIfErrorSeconds: 2 * 3600 })
    const { access_token: token } = await signIn(server)
    // Each time the same token, which is remembered, and one that was never met.
    const strange = async () => (await signIn(server)).access_token
    const verdicts = async (seconds: number) => {
      const tokens = [token, await strange()]
      return three.all(async (verifier) => {
        await verifier.setClock(wishes.now + seconds * 1000)
        return (await verifier.verdicts(tokens)).join()
      })
    }
    const everywhere = (verdict: string) => [verdict, verdict, verdict]
    expect(await verdicts(0)).toEqual(everywhere('accepted,accepted'))
    wire.cut()
    for (let minutes = 5; minutes <= 60; minutes += 5) {
      expect(await verdicts(60 * minutes)).toEqual(everywhere('accepted,accepted'))
    }
    // Nobody can say then that there is no such key.
    const [invented = ''] = ofUnknownKeys(token, 1)
    expect(await three.all(async (verifier) => (await verifier.verdicts([invented])).join())).toEqual(
      everywhere('keys_unavailable'),
    )
    expect(await verdicts(300 + 2 * 3600 - 60)).toEqual(everywhere('accepted,accepted'))
    expect(await verdicts(300 + 2 * 3600 + 60)).toEqual(everywhere('keys_unavailable,keys_unavailable'))
    wire.heal()
    expect(await verdicts(300 + 2 * 3600 + 120)).toEqual(everywhere('accepted,accepted'))
  })

  test('T12.4 start with pinned keys, and go on to those of the issuer once it answers', { timeout }, async () => {
    await using apart = await startApart()
    const { server, wire, wishes } = apart
    const keys = z.object({ keys: z.array(z.record(z.string(), z.unknown())) })
    const pinnedKeys = (await server.send('/oauth/jwks')).read(keys)
    const before = await signIn(server)
    wire.cut()
    await using three = await startThree({ ...wishes, pinnedKeys })
    await using unpinned = await startVerifier(wishes)
    const verdicts = (token: string) => three.all(async (verifier) => (await verifier.verdicts([token])).join())
    expect(await verdicts(before.access_token)).toEqual(['accepted', 'accepted', 'accepted'])
    expect(await unpinned.verdicts([before.access_token])).toEqual(['keys_unavailable'])
    await server.pawl.administration.killKey(headerOf(before.access_token).kid)
    const after = await refresh(server, before.refresh_token)
    expect(await verdicts(before.access_token)).toEqual(['accepted', 'accepted', 'accepted'])
    wire.heal()
    await three.all((verifier) => verifier.setClock(wishes.now + 60_000))
    expect(await verdicts(after.access_token)).toEqual(['accepted', 'accepted', 'accepted'])
    // The issuer has answered: the pinned key counts no more.
    expect(await verdicts(before.access_token)).toEqual(['unknown_key', 'unknown_key', 'unknown_key'])
  })
})
