import type { AccessTokenClaims, ClaimsOf } from '@pawl/protocol'
import type { ClaimsHook } from '@pawl/server'
import { createTestIssuer } from '@pawl/test-kit'
import type { Verifier } from '@pawl/verifier'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'

const schema = z.object({ plan: z.enum(['free', 'paid']), seats: z.number() })

type Plan = ClaimsOf<typeof schema>

describe('T26.1 one schema for who issues, who verifies and who tests', () => {
  test('T26.1 types all of them, without a cast, and is checked at run time', async () => {
    expectTypeOf<Plan>().toEqualTypeOf<{ plan: 'free' | 'paid'; seats: number }>()
    const issuing = ({ userId }: { readonly userId: string }): Plan => ({ plan: 'free', seats: userId.length })
    expectTypeOf(issuing).toExtend<ClaimsHook>()
    await using kit = await createTestIssuer({ claims: issuing })
    const verifier = kit.verifier({ claims: schema })
    expectTypeOf(verifier).toEqualTypeOf<Verifier<AccessTokenClaims & Plan>>()
    expectTypeOf(kit.verifier()).toEqualTypeOf<Verifier>()

    const claims = { plan: 'paid', seats: 3 } satisfies Plan
    const tokens = [await kit.accessToken('ada'), await kit.accessToken('grace', { claims })]
    const seen: Plan[] = []
    for (const token of tokens) {
      const verification = await verifier.verify(token)
      if (!verification.ok) throw new Error(verification.refusal.reason)
      const { plan, seats } = verification.claims
      seen.push({ plan, seats })
    }
    expect(seen).toEqual([{ plan: 'free', seats: 'user-ada'.length }, claims])

    // What is issued beside the schema, by somebody who does not use it, is refused.
    const other = await kit.accessToken('eve', { claims: { plan: 'gold' } })
    expect(await verifier.verify(other)).toMatchObject({
      ok: false,
      refusal: { reason: 'claims_rejected', detail: 'plan' },
    })
  })

  test('T26.1 what is not of the schema does not compile', () => {
    // @ts-expect-error no such plan
    expectTypeOf<{ plan: 'gold'; seats: number }>().toExtend<Plan>()
    // @ts-expect-error seats are missing
    expectTypeOf(() => ({ plan: 'free' }) as const).toExtend<() => Plan>()
  })
})
