// What an application writes, with the types that it may count on. Compiled against the packed packages, never run.
import { type Client, createClient, type Session } from '@pawl/client'
import type { accessTokenRefusalReasons } from '@pawl/protocol'
import {
  type AccessTokenClaims,
  type AccessTokenRefusal,
  type AccessTokenRefusalReason,
  type ClaimsOf,
  claimsOf,
  createVerifier,
  refusalResponse,
  type StandardSchema,
  type Verification,
  type Verifier,
} from '@pawl/verifier'
import { protect as protectWorker } from '@pawl/verifier/cloudflare'
import { protect as protectExpress } from '@pawl/verifier/express'
import { protect as protectFastify } from '@pawl/verifier/fastify'
import { protect } from '@pawl/verifier/fetch-handler'
import { protect as protectHono } from '@pawl/verifier/hono'
import { guard, protect as protectNext } from '@pawl/verifier/next'
import { protectedResourceMetadata } from '@pawl/verifier/resource-metadata'
import { revocationFeed } from '@pawl/verifier/revocation-feed'

/** Whether two types are the same, `any` being the same as itself alone. */
type Same<One, Other> =
  (<Probe>() => Probe extends One ? 1 : 2) extends <Probe>() => Probe extends Other ? 1 : 2 ? true : false

/** Does not compile unless its argument holds. */
declare function holds<_Claim extends true>(): void

declare const schema: StandardSchema<{ readonly plan: 'free' | 'paid'; readonly seats: number }>

const issuer = 'https://id.example'
const audience = 'https://api.example'
const resourceMetadata = protectedResourceMetadata({ resource: audience, issuers: [issuer] })
const plain = createVerifier({ issuer, audience, revocations: revocationFeed(), resourceMetadata, whenStale: 'refuse' })
const typed = createVerifier({ issuer, audience, claims: schema })

holds<Same<ClaimsOf<typeof schema>, { readonly plan: 'free' | 'paid'; readonly seats: number }>>()
holds<Same<typeof plain, Verifier>>()
holds<Same<typeof plain, Verifier<AccessTokenClaims>>>()

export async function plainClaims(request: Request): Promise<Response> {
  const verification = await plain.verify(request, { require: { scope: ['notes:read'], maxAgeSeconds: 60 } })
  holds<Same<typeof verification, Verification>>()
  if (!verification.ok) {
    holds<Same<typeof verification.refusal, AccessTokenRefusal>>()
    holds<Same<typeof verification.refusal.reason, AccessTokenRefusalReason>>()
    holds<Same<AccessTokenRefusalReason, keyof typeof accessTokenRefusalReasons>>()
    return refusalResponse(verification.refusal)
  }
  const { claims } = verification
  holds<Same<typeof claims.sub, string>>()
  holds<Same<typeof claims.roles, readonly string[] | undefined>>()
  // What nobody has vouched for is unknown, and never any.
  holds<Same<(typeof claims)['plan'], unknown>>()
  // @ts-expect-error claims are read, not written
  claims.sub = 'x'
  return Response.json({ owner: claims.sub })
}

export async function typedClaims(token: string): Promise<'free' | 'paid' | undefined> {
  const verification = await typed.verify(token)
  if (!verification.ok) return undefined
  holds<Same<typeof verification.claims.plan, 'free' | 'paid'>>()
  holds<Same<typeof verification.claims.seats, number>>()
  holds<Same<typeof verification.claims.sid, string | undefined>>()
  // @ts-expect-error the schema knows no such plan
  if (verification.claims.plan === 'gold') return undefined
  return verification.claims.plan
}

export const handlers = [
  protect(typed, (_, claims) => Response.json({ seats: claims.seats.toFixed() })),
  protectNext(typed, (_, claims) => new Response(claims.plan)),
  protectWorker(typed, (_, claims) => new Response(claims.plan)),
  guard(typed),
  protectExpress(plain),
  protectFastify(plain),
  protectHono(plain),
]
export const seats = (request: object): number => claimsOf(request, typed).seats

// @ts-expect-error no audience
createVerifier({ issuer })
// @ts-expect-error an algorithm that nobody should use
createVerifier({ issuer, audience, algorithms: ['none'] })
// @ts-expect-error a policy that is none
createVerifier({ issuer, audience, whenStale: 'perhaps' })

export async function client(): Promise<string> {
  const made: Client = createClient({ issuer, access: 'memory' })
  const outcome = await made.signIn({ username: 'ada', password: 'a long walk by the sea' })
  if (!outcome.ok) return outcome.code
  const session: Session = await made.session()
  switch (session.status) {
    case 'active':
      holds<Same<typeof session.user.roles, readonly string[]>>()
      return session.user.username
    case 'stale':
    case 'offline':
      return session.cause.kind
    case 'signed-out':
      return session.reason
  }
}
