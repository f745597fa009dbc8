import { createVerifier, refusalResponse } from '@pawl/verifier'
import { expectEqual, reasonOf } from './expectations.ts'
import type { Test } from './suite.ts'
import { createVectorVerifier, type TokenVectors } from './vectors.ts'

const good = ({ tokens }: TokenVectors) => tokens.filter(({ expected }) => expected === 'accepted')

/** Where keys come from, and what is remembered of tokens. */
export const keyTests: readonly Test[] = [
  {
    name: 'JW-8 one fetch of the keys does for all tokens, shown twice and at once',
    async run({ vectors }) {
      let fetches = 0
      const verifier = createVectorVerifier(vectors, () => {
        fetches += 1
      })
      const tokens = good(vectors).map(({ token }) => token)
      const reasons = await Promise.all([...tokens, ...tokens].map((token) => reasonOf(verifier, token)))
      expectEqual([...new Set(reasons)], ['accepted'])
      expectEqual(fetches, 1, 'the number of fetches')
    },
  },
  {
    name: 'a token that was accepted is remembered, frozen, and refused once it has expired',
    async run({ vectors }) {
      let { now } = vectors
      const { audience, issuer, keys } = vectors
      const fetch = async () => Response.json({ keys })
      const verifier = createVerifier({
        issuer,
        audience,
        algorithms: ['ES256', 'Ed25519', 'RS256'],
        clock: () => now,
        fetch,
      })
      for (const { token } of good(vectors)) {
        now = vectors.now
        const [first, second] = [await verifier.verify(token), await verifier.verify(token)]
        if (!first.ok || !second.ok) throw new Error('refused')
        expectEqual(first.claims === second.claims && Object.isFrozen(first.claims), true)
        now = vectors.now + 86_400_000
        expectEqual(await reasonOf(verifier, token), 'expired')
      }
    },
  },
  {
    name: 'T12.4 pinned keys let a verifier start with the issuer down',
    async run({ vectors }) {
      const { audience, issuer, keys, now } = vectors
      const fetch = () => Promise.reject(new TypeError('no network'))
      const options = { issuer, audience, algorithms: ['ES256', 'Ed25519', 'RS256'], clock: () => now, fetch } as const
      const pinned = createVerifier({ ...options, pinnedKeys: { keys } })
      const bare = createVerifier(options)
      for (const { token } of good(vectors)) {
        expectEqual(await reasonOf(pinned, token), 'accepted')
        expectEqual(await reasonOf(bare, token), 'keys_unavailable')
      }
    },
  },
  {
    name: 'T23.1 a refusal becomes a reply with status, challenge and body',
    async run({ vectors }) {
      const verification = await createVectorVerifier(vectors).verify('x')
      if (verification.ok) throw new Error('accepted')
      const reply = refusalResponse(verification.refusal)
      const challenge = reply.headers.get('www-authenticate') ?? ''
      expectEqual([reply.status, challenge.includes('reason="malformed"')], [401, true])
      const description = 'The access token is no JWT.'
      expectEqual(await reply.json(), { error: 'invalid_token', error_description: description, reason: 'malformed' })
    },
  },
  {
    name: 'T12.3 an unknown key id costs the issuer nothing beyond the first fetch',
    async run({ vectors }) {
      let fetches = 0
      const verifier = createVectorVerifier(vectors, () => {
        fetches += 1
      })
      const stranger = vectors.tokens.find(({ expected }) => expected === 'unknown_key')
      if (stranger === undefined) throw new Error('no such vector')
      for (let count = 0; count < 100; count += 1) expectEqual(await reasonOf(verifier, stranger.token), 'unknown_key')
      expectEqual(fetches, 1, 'the number of fetches')
    },
  },
]
