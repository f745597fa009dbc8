import { type RevocationKind, revocationEntryLimits } from '@pawl/protocol'

/** The longest that settings and registrations let an access token live, in milliseconds: one day. */
export const longestAccessMilliseconds = 86_400_000

/** Verifiers may be told to accept a token for so long after its expiry. */
const verifierSkewMilliseconds = 60_000

/** The longest that may go by from when an entry is written to its commit; until then tokens are still issued. */
const commitMilliseconds = 30_000

/** Servers declare once a minute how long their tokens live; one that is late by some of those still counts. */
const declaredMilliseconds = 600_000

/** How long access tokens of some server or client live, and until when such tokens can be under way. */
export interface AccessLifetime {
  readonly milliseconds: number
  /** Milliseconds since 1970. */
  readonly until: number
}

/** Says at `now` that from now on tokens of that lifetime are issued, and for some minutes more. */
export function accessLifetime(milliseconds: number, now: number): AccessLifetime {
  return { milliseconds, until: now + declaredMilliseconds + milliseconds }
}

/**
 * When an entry may be forgotten, in milliseconds since 1970: once the last token that it covers has expired everywhere.
 *
 * @param at the instant at which the entry is written
 * @param longest the longest declared lifetime of tokens that can be under way; undefined: nobody has declared any
 */
export function entryUntil(kind: RevocationKind, at: number, longest: number | undefined): number {
  // Whoever holds the private half of a killed key chooses the expiry himself. An entry outlasts the key sets that
  // verifiers keep, and they keep no key that the feed has named.
  if (kind === 'key') return at + revocationEntryLimits.keptMilliseconds
  return at + (longest ?? longestAccessMilliseconds) + commitMilliseconds + verifierSkewMilliseconds
}
