import type { AccessTokenClaims, StandardSchema } from '@pawl/protocol'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { claimsOf, createVerifier, type Verification, type Verifier, type VerifierOptions } from '../src/index.ts'
import { protect as protectWorker } from '../src/middleware/cloudflare.ts'
import { protect as protectHandler } from '../src/middleware/fetch-handler.ts'
import { protect as protectHono } from '../src/middleware/hono.ts'
import { protect as protectNext } from '../src/middleware/next.ts'
import { audience, createIssuer, issuer } from './issuer-fixture.ts'

const schema = z.object({
  plan: z.enum(['free', 'paid']),
  seats: z.number().int().default(1),
  roles: z.array(z.enum(['author', 'reader'])).optional(),
})

type Typed = AccessTokenClaims & z.infer<typeof schema>

/** A verifier with a schema, on the clock and keys of an issuer. */
function createTyped() {
  const fixture = createIssuer()
  const verifier = createVerifier({
    issuer,
    audience,
    claims: schema,
    clock: () => fixture.now,
    fetch: async () => Response.json({ keys: fixture.keys }),
  })
  return { fixture, verifier }
}

describe('T26.1 one schema of the own claims', () => {
  test('types what comes out, without a cast', async () => {
    const { fixture, verifier } = createTyped()
    expectTypeOf(verifier).toEqualTypeOf<Verifier<Typed>>()
    const verification = await verifier.verify(await fixture.token({ claims: { plan: 'paid' } }))
    expectTypeOf(verification).toEqualTypeOf<Verification<Typed>>()
    if (!verification.ok) throw new Error(verification.refusal.reason)
    expectTypeOf(verification.claims.plan).toEqualTypeOf<'free' | 'paid'>()
    expectTypeOf(verification.claims.seats).toEqualTypeOf<number>()
    expectTypeOf(verification.claims.sub).toEqualTypeOf<string>()
    const { plan, seats, sub } = verification.claims
    expect([plan, seats, sub]).toEqual(['paid', 1, 'user-1'])
  })

  test('without one, the own claims are unknown, and never any', () => {
    const verifier = createVerifier({ issuer, audience })
    expectTypeOf(verifier).toEqualTypeOf<Verifier>()
    expectTypeOf<AccessTokenClaims['plan']>().toBeUnknown()
    expectTypeOf<AccessTokenClaims['plan']>().not.toBeAny()
    expectTypeOf(createVerifier).parameter(0).not.toBeAny()
    // @ts-expect-error a schema of something that is no object
    expectTypeOf<VerifierOptions<string>>().not.toBeAny()
  })

  test('types what the adapters hand on', async () => {
    const { fixture, verifier } = createTyped()
    const headers = { authorization: `Bearer ${await fixture.token({ claims: { plan: 'free' } })}` }
    const request = () => new Request(audience, { headers })
    const seen: string[] = []
    const take = (_: Request, claims: Typed) => {
      seen.push(claims.plan)
      return new Response()
    }
    await protectHandler(verifier, (_, claims) => {
      expectTypeOf(claims).toEqualTypeOf<Typed>()
      seen.push(claims.plan)
      return new Response()
    })(request())
    await protectNext(verifier, take)(request())
    await protectWorker(verifier, take)(request(), {}, { waitUntil: () => undefined })
    const context = { req: { raw: request() } }
    await protectHono(verifier)(context, async () => {
      expectTypeOf(claimsOf(context, verifier)).toEqualTypeOf<Typed>()
      expectTypeOf(claimsOf(context)).toEqualTypeOf<AccessTokenClaims>()
      seen.push(claimsOf(context, verifier).plan)
      expect(claimsOf(context)).toBe(claimsOf(context, verifier))
      expect(() => claimsOf(context, createTyped().verifier)).toThrow(/another verifier/)
    })
    expect(seen).toEqual(['free', 'free', 'free', 'free'])
  })

  test.each([
    [{}, 'plan'],
    [{ plan: 'gold' }, 'plan'],
    [{ plan: 'free', seats: '7' }, 'seats'],
    [{ plan: 'free', roles: ['admin'] }, 'roles.0'],
  ])('is checked at run time: %j is claims_rejected, with the place for the log', async (claims, detail) => {
    const { fixture, verifier } = createTyped()
    const verification = await verifier.verify(await fixture.token({ claims }))
    expect(verification).toMatchObject({
      ok: false,
      refusal: { reason: 'claims_rejected', error: 'invalid_token', status: 401, detail },
    })
    if (verification.ok) throw new Error('not refused')
    expect(JSON.stringify(verification)).not.toContain('gold')
  })

  test('is given the own claims and roles, and what it leaves out is gone', async () => {
    const seen: unknown[] = []
    const spy: StandardSchema<{ readonly note: string }> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => {
          seen.push(value)
          return { value: { note: 'made', sub: 'admin', exp: 9_999_999_999 } }
        },
      },
    }
    const { claims, createVerifier: make, token } = createIssuer()
    const verifier = make({ claims: spy })
    const verification = await verifier.verify(await token({ claims: { plan: 'free', iat_ms: 5, acr: 'mfa', nbf: 1 } }))
    expect(seen).toEqual([{ plan: 'free', roles: ['author', 'reader'] }])
    // It cannot say who the user is: those claims are the issuer's.
    expect(verification).toEqual({ ok: true, claims: { ...claims, note: 'made', iat_ms: 5, acr: 'mfa', nbf: 1 } })
  })

  test('runs once for a token that is in the cache, and not for one that is refused anyway', async () => {
    let runs = 0
    const counting = z.looseObject({}).refine(() => {
      runs += 1
      return true
    })
    const { createVerifier: make, token } = createIssuer()
    const verifier = make({ claims: counting })
    const good = await token()
    for (let count = 0; count < 3; count += 1) expect(await verifier.verify(good)).toMatchObject({ ok: true })
    expect(runs).toBe(1)
    await verifier.verify(await token({ claims: { exp: 1 } }))
    await verifier.verify(await token({ claims: { cnf: { jkt: 'x' } } }))
    expect(runs).toBe(1)
  })

  test('a schema that answers later is a mistake in the code, whatever it would answer', async () => {
    const { createVerifier: make, token } = createIssuer()
    const rejecting: StandardSchema<object> = {
      '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(new Error('later')) },
    }
    for (const late of [z.object({}).refine(async () => true), rejecting]) {
      await expect(make({ claims: late }).verify(await token())).rejects.toThrow(TypeError)
    }
  })

  test('what a schema makes of claims may be anything; a date stays one', async () => {
    const { createVerifier: make, token } = createIssuer()
    const dated = z.object({ since: z.string().transform((text) => new Date(text)) })
    const verifier = make({ claims: dated })
    const verification = await verifier.verify(await token({ claims: { since: '2026-11-21' } }))
    if (!verification.ok) throw new Error(verification.refusal.reason)
    expect(verification.claims['since']).toEqual(new Date('2026-11-21'))
  })
})
