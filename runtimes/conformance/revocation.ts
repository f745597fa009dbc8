import { createVerifier } from '@pawl/verifier'
import { revocationFeed } from '@pawl/verifier/revocation-feed'
import { expectEqual, expectSoon, reasonOf } from './expectations.ts'
import { signInByBody, signOutByToken } from './signed-in.ts'
import type { Test } from './suite.ts'

/** Access tokens of a real server, and taking them back. */
export const revocationTests: readonly Test[] = [
  {
    name: 'a token of a real server is accepted, by the keys that it publishes',
    async run(surroundings) {
      const { audience, issuer } = surroundings
      const verifier = createVerifier({ issuer, audience })
      const { accessToken, sessionId } = await signInByBody(surroundings)
      const verification = await verifier.verify(accessToken)
      if (!verification.ok) throw new Error(verification.refusal.reason)
      expectEqual([verification.claims.sid, verifier.feed.state], [sessionId, 'off'])
    },
  },
  {
    name: 'T6.1 the feed as a stream: a session that ends ends its token, and no other',
    async run(surroundings) {
      const { audience, issuer } = surroundings
      const verifier = createVerifier({ issuer, audience, revocations: revocationFeed(), whenStale: 'refuse' })
      try {
        const [ended, other] = [await signInByBody(surroundings), await signInByBody(surroundings)]
        for (const { accessToken } of [ended, other]) expectEqual(await reasonOf(verifier, accessToken), 'accepted')
        expectEqual(verifier.feed.state, 'live')
        expectEqual(await signOutByToken(surroundings, ended), 204)
        await expectSoon(() => reasonOf(verifier, ended.accessToken), 'revoked')
        expectEqual(await reasonOf(verifier, other.accessToken), 'accepted')
      } finally {
        verifier.close()
      }
    },
  },
  {
    name: 'T6.1 the feed on demand, for runtimes that do nothing between requests',
    async run(surroundings) {
      const { audience, issuer } = surroundings
      let ahead = 0
      const verifier = createVerifier({
        issuer,
        audience,
        clock: () => Date.now() + ahead,
        revocations: revocationFeed({ contact: 'on-demand' }),
        whenStale: 'refuse',
      })
      const session = await signInByBody(surroundings)
      expectEqual(await reasonOf(verifier, session.accessToken), 'accepted')
      await signOutByToken(surroundings, session)
      // What is known is older than 5 s now: this request has it asked for, and the next one knows.
      ahead = 6_000
      await reasonOf(verifier, session.accessToken)
      await verifier.settled()
      expectEqual(await reasonOf(verifier, session.accessToken), 'revoked')
      verifier.close()
    },
  },
  {
    name: 'T6.2 a feed that cannot be read: what the policy says',
    async run(surroundings) {
      const { audience, issuer } = surroundings
      const cut: typeof fetch = (input, init) => {
        const url = String(input instanceof Request ? input.url : input)
        return url.endsWith('/revocations') ? Promise.reject(new TypeError('cut')) : fetch(input, init)
      }
      const verifier = createVerifier({ issuer, audience, revocations: revocationFeed(), fetch: cut })
      try {
        const { accessToken } = await signInByBody(surroundings)
        expectEqual(await reasonOf(verifier, accessToken), 'accepted')
        const refused = await verifier.verify(accessToken, { whenStale: 'refuse' })
        if (refused.ok) throw new Error('accepted')
        expectEqual([refused.refusal.reason, refused.refusal.status], ['revocation_unknown', 503])
        expectEqual(verifier.feed.problem, 'unreachable')
      } finally {
        verifier.close()
      }
    },
  },
]
