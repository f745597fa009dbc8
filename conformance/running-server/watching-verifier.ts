import { createVerifier, type VerifyOptions } from '@pawl/verifier'
import { revocationFeed } from '@pawl/verifier/revocation-feed'
import { eventually } from './eventually.ts'

/** A resource server's verifier with the revocation feed, and what it did with the network. */
export interface WatchingVerifier extends Disposable {
  readonly feed: ReturnType<typeof createVerifier>['feed']
  /** `accepted`, or the reason of the refusal. */
  readonly verdict: (token: string, options?: VerifyOptions) => Promise<string>
  /** Status of the refusal; 200 where there is none. */
  readonly status: (token: string, options?: VerifyOptions) => Promise<number>
  /** Waits until a token is met with a verdict. */
  readonly comesTo: (token: string, verdict: string) => Promise<void>
  /** Waits until the feed is as it says. */
  readonly isFeed: (state: 'live' | 'stale') => Promise<void>
  /** How many requests it has sent. */
  readonly fetches: () => number
}

/**
 * Makes a verifier that reads the feed of an issuer.
 *
 * @param more.feedAt where the feed is read, if not at the issuer: its origin
 * @param more.clock the verifier's own; default the system's
 */
export function watchingVerifier(
  issuer: string,
  more: { readonly feedAt?: string; readonly clock?: () => number; readonly audience?: string } = {},
): WatchingVerifier {
  const { feedAt = issuer, clock, audience = issuer } = more
  let fetches = 0
  const verifier = createVerifier({
    issuer,
    audience,
    revocations: revocationFeed({ uri: `${feedAt}/revocations` }),
    ...(clock !== undefined && { clock }),
    fetch: (url, init) => {
      fetches += 1
      return fetch(url, init)
    },
  })
  const verdict: WatchingVerifier['verdict'] = async (token, options) => {
    const verification = await verifier.verify(token, options)
    return verification.ok ? 'accepted' : verification.refusal.reason
  }
  const expectSoon = async (look: () => unknown, expected: unknown) => {
    await eventually(async () => {
      const found = await look()
      if (found !== expected) throw new Error(`${found} instead of ${expected}`)
    })
  }
  return {
    get feed() {
      return verifier.feed
    },
    verdict,
    status: async (token, options) => {
      const verification = await verifier.verify(token, options)
      return verification.ok ? 200 : verification.refusal.status
    },
    comesTo: (token, expected) => expectSoon(() => verdict(token), expected),
    isFeed: (state) => expectSoon(() => verifier.feed.state, state),
    fetches: () => fetches,
    [Symbol.dispose]: () => verifier.close(),
  }
}
