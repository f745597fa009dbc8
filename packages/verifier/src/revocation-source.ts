import type { AccessTokenClaims } from '@pawl/protocol'
import type { KeySetFetch } from './verifier-options.ts'

/** How a verifier stands with a revocation feed. */
export interface FeedReport {
  /**
   * `live`: whatever was revoked more than 15 s ago is known, and what is revoked now will be at once.
   * `stale`: not so. `off`: no feed was asked for.
   */
  readonly state: 'live' | 'stale' | 'off'
  /** Age of the last proof that nothing is missing; infinite before the first, 0 without a feed. */
  readonly lagMilliseconds: number
  /** Revocations that are held. */
  readonly entries: number
  /** About how much memory they take. */
  readonly bytesEstimate: number
  /** Why the last contact ended, while the feed is stale. */
  readonly problem?: string
}

/** The revocations of one issuer, kept up to date. */
export interface RevocationFeed {
  /** Why a token is not good any more, though it was issued and has not expired; undefined when it is. */
  judge(claims: AccessTokenClaims, keyId: string): 'revoked' | 'claims_stale' | undefined
  /** Sees to it that the issuer is asked where that is due; gives what an answer had better wait for. Never rejects. */
  catchUp(): Promise<void> | undefined
  /** What was begun beside requests and ends by itself. Never rejects. */
  settled(): Promise<void> | undefined
  report(): FeedReport
  /** When it is worth asking again, in seconds, at least 1. */
  retryAfterSeconds(): number
  /** Asks the issuer no more. */
  close(): void
}

/** What a source of revocations is given by the verifier. */
export interface RevocationSurroundings {
  readonly issuer: string
  /** @throws TypeError for an address that the verifier's options do not allow */
  readonly assertUrl: (name: string, url: string) => void
  readonly fetch: KeySetFetch
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Milliseconds that only ever grow. */
  readonly elapsed: () => number
  /** From 0 up to 1. */
  readonly random: () => number
  /** For how long an expired token is accepted. */
  readonly clockSkewSeconds: number
}

/** Where a verifier learns what its issuer has revoked; `revocationFeed()` makes one. Called once for each issuer. */
export type RevocationSource = (surroundings: RevocationSurroundings) => RevocationFeed
