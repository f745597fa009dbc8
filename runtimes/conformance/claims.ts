import type { StandardSchema } from '@pawl/protocol'
import { createVerifier } from '@pawl/verifier'
import { protect } from '@pawl/verifier/fetch-handler'
import { expectEqual, reasonOf } from './expectations.ts'
import type { Test } from './suite.ts'
import type { TokenVectors } from './vectors.ts'

/** A schema by hand: no library is part of what is tested here. */
const planSchema: StandardSchema<{ readonly plan: string }> = {
  '~standard': {
    version: 1,
    vendor: 'pawl',
    validate: (value) => {
      const plan: unknown = typeof value === 'object' && value !== null && 'plan' in value ? value.plan : undefined
      return typeof plan === 'string' ? { value: { plan } } : { issues: [{ message: 'no plan', path: ['plan'] }] }
    },
  },
}

function createPlanVerifier({ audience, issuer, keys, now }: TokenVectors) {
  return createVerifier({
    issuer,
    audience,
    algorithms: ['ES256', 'Ed25519', 'RS256'],
    claims: planSchema,
    clock: () => now,
    fetch: async () => Response.json({ keys }),
  })
}

const named = ({ tokens }: TokenVectors, name: string): string => {
  const vector = tokens.find((each) => each.name === name)
  if (vector === undefined) throw new Error(`no vector ${name}`)
  return vector.token
}

/** The application's own claims, and what a route asks for. */
export const claimsTests: readonly Test[] = [
  {
    name: 'T26.1 a schema types the own claims and checks them at run time',
    async run({ vectors }) {
      const verifier = createPlanVerifier(vectors)
      const verification = await verifier.verify(named(vectors, 'a token with a claim of the application'))
      if (!verification.ok) throw new Error(verification.refusal.reason)
      const { plan }: { readonly plan: string } = verification.claims
      expectEqual(plan, 'free')
      const other = await verifier.verify(named(vectors, 'a good token, ES256'))
      if (other.ok) throw new Error('accepted')
      expectEqual([other.refusal.reason, other.refusal.detail], ['claims_rejected', 'plan'])
    },
  },
  {
    name: 'a handler behind protect() is called with the claims, and for good tokens only',
    async run({ vectors }) {
      const { audience, issuer, keys, now } = vectors
      const verifier = createVerifier({
        issuer,
        audience,
        clock: () => now,
        fetch: async () => Response.json({ keys }),
      })
      const handler = protect(verifier, (_, claims) => Response.json({ owner: claims.sub }), {
        require: { scope: ['notes:read'] },
      })
      const ask = (token?: string) =>
        handler(new Request(audience, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }))
      const reply = await ask(named(vectors, 'a good token, ES256'))
      expectEqual([reply.status, await reply.text()], [200, '{"owner":"user-1"}'])
      expectEqual([(await ask()).status, (await ask('x')).status], [401, 401])
      expectEqual((await ask(named(vectors, 'a token without scopes'))).status, 403)
    },
  },
  {
    name: 'options that cannot be right are a TypeError that names the option',
    async run({ vectors }) {
      const { audience, issuer } = vectors
      const messageFor = (options: object): string => {
        try {
          createVerifier({ issuer, audience, ...options })
        } catch (error) {
          return error instanceof TypeError ? error.message : 'no TypeError'
        }
        return 'no error'
      }
      for (const [option, value] of Object.entries({
        issuer: 'x',
        audience: [],
        algorithms: ['none'],
        clockSkewSeconds: -1,
      })) {
        expectEqual(messageFor({ [option]: value }).startsWith(option), true, option)
      }
      expectEqual(await reasonOf(createVerifier({ issuer, audience }), 'x'), 'malformed')
    },
  },
]
