import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { refresh, signIn } from './running-server/first-party-calls.ts'
import type { BodyReply } from './running-server/replies.ts'
import { lastingEngine, startServer } from './running-server/started-server.ts'
import { headerOf, keyFetches, ofUnknownKeys, startThree } from './running-server/three-verifiers.ts'

const timeout = 120_000
const day = 86_400

describe('three verifiers while the signing key is exchanged twice', () => {
  test('T12.1 T12.3 accept every token all the time, though strangers use up every fetch that the cool-down allows', {
    timeout,
  }, async () => {
    const work: (() => Promise<void> | undefined)[] = []
    const configuration = {
      repeat: (_: number, task: () => Promise<void> | undefined) => {
        work.push(task)
        return () => undefined
      },
    }
    await using server = await startServer({ engine: lastingEngine, configuration })
    const { clock, issuer } = server
    await using three = await startThree({ issuer, now: clock.now() })
    const sessions: BodyReply[] = [await signIn(server), await signIn(server), await signIn(server)]
    const living: { readonly token: string; readonly until: number }[] = []
    const verdicts: Record<string, number> = {}
    const strangers: Record<string, number> = {}
    const kids = new Set<string>()
    const count = (counts: Record<string, number>, found: readonly string[]) => {
      for (const verdict of found) counts[verdict] = (counts[verdict] ?? 0) + 1
    }

    /** Lets time pass; then everybody does something at once, strangers first. */
    const pass = async (seconds: number, attacks: number) => {
      clock.advanceSeconds(seconds)
      await three.all((verifier) => verifier.setClock(clock.now()))
      while ((living[0]?.until ?? Number.POSITIVE_INFINITY) <= clock.now()) living.shift()
      const invented = ofUnknownKeys(sessions[0]?.access_token ?? '', attacks)
      const held = living.map(({ token }) => token)
      await Promise.all([
        ...work.map((task) => task()),
        three.all(async (verifier) => count(strangers, await verifier.verdicts(invented))),
        three.all(async (verifier) => count(verdicts, await verifier.verdicts(held))),
        ...sessions.map(async ({ refresh_token }, index) => {
          const next = await refresh(server, refresh_token)
          sessions[index] = next
          kids.add(headerOf(next.access_token).kid)
          living.push({ token: next.access_token, until: clock.now() + next.expires_in * 1000 })
          await three.all(async (verifier) => count(verdicts, await verifier.verdicts([next.access_token])))
        }),
      ])
    }

    const attacks = 225
    let ticks = 0
    const passAll = async (until: number) => {
      for (let passed = 0; passed < until; passed += 20, ticks += 1) await pass(20, attacks)
    }
    await passAll(60)
    await server.pawl.administration.rotateKey()
    await passAll(420)
    await server.pawl.administration.rotateKey()
    await passAll(420)
    expect(kids.size).toBe(3)

    // As soon as the old keys leave the key set: no token of theirs can be alive then.
    const published = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) })
    const keySet = async () => (await server.send('/oauth/jwks')).read(published).keys.map(({ kid }) => kid)
    expect(await keySet()).toHaveLength(3)
    for (let passed = 0; passed < day; passed += 3600) await pass(3600, 0)
    expect(await keySet()).toEqual([headerOf(sessions[0]?.access_token ?? '').kid])

    expect(verdicts).toEqual({ accepted: verdicts['accepted'] })
    expect(verdicts['accepted']).toBeGreaterThan(8000)
    expect(strangers).toEqual({ unknown_key: ticks * attacks * 3 })
    expect(ticks * attacks).toBeGreaterThan(10_000)
    // Every 20 s somebody would like to fetch, every 40 s one may; at the end all are older than their greatest age.
    const allowed = ticks / 2 + 1 + day / 3600
    expect(await keyFetches(server)).toBeLessThanOrEqual(3 * allowed + 2)
  })
})
