import { fetchTimeoutMilliseconds, type KeySetReading } from './key-set.ts'
import type { Finding } from './refusal.ts'
import type { VerificationKey } from './verification-key.ts'

/** A key of the issuer, or why there is none. */
export type KeyLookup = { readonly key: VerificationKey } | Finding

/** Where the keys of one issuer come from. */
export interface KeySource {
  /** Finds the key with that id: at once, unless it has to be fetched first. Never throws, never rejects. */
  find(kid: string): KeyLookup | Promise<KeyLookup>
  /** The fetch under way, whoever waits for it. Never rejects. */
  settled(): Promise<void> | undefined
}

/** Least time between two fetches: what tokens with invented key ids can cost the issuer. */
const coolDownMilliseconds = 30_000

/** A fetch that is older than this was abandoned with the request that began it, as some runtimes do. */
const abandonedMilliseconds = 2 * fetchTimeoutMilliseconds

/**
 * Keeps the keys of an issuer (standards JW-8). They are fetched when first needed and for an unknown key id, one fetch
 * at a time and at most every 30 s (sooner only while there are no keys at all: after 1, 2, 4 … s).
 *
 * Keys older than `maxAge` are fetched again beside the request that noticed; older than twice that, before it is
 * answered, unless the issuer is known to be out of reach. If it is, known keys serve for `staleIfError` longer, then all
 * tokens are `keys_unavailable`. A key that a new answer no longer holds is dropped at once; one that it still holds stays
 * the same object.
 *
 * Pinned keys serve until the issuer has answered once, without limit, and never again.
 */
export function createKeySource(options: {
  readonly load: () => Promise<KeySetReading>
  /** Imports the pinned keys. Never rejects. */
  readonly loadPinned?: (() => Promise<ReadonlyMap<string, VerificationKey>>) | undefined
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly keysMaxAgeSeconds: number
  readonly keysStaleIfErrorSeconds: number
}): KeySource {
  const { load, loadPinned, clock } = options
  const maxAge = options.keysMaxAgeSeconds * 1_000
  const staleIfError = options.keysStaleIfErrorSeconds * 1_000
  let pinned: ReadonlyMap<string, VerificationKey> | undefined
  let pinning: Promise<ReadonlyMap<string, VerificationKey>> | undefined
  let loaded: { readonly keys: ReadonlyMap<string, VerificationKey>; readonly at: number } | undefined
  let flight: { readonly done: Promise<void>; readonly startedAt: number } | undefined
  let attemptedAt: number | undefined
  let failures = 0
  let failure = 'not fetched'

  /** How long ago, where a clock that was set back counts as very long. */
  const since = (instant: number): number => {
    const age = clock() - instant
    return age >= 0 ? age : Number.POSITIVE_INFINITY
  }

  const keysAtHand = () => {
    if (loaded === undefined) return pinned
    // Without the set-back rule: a step of the clock alone must not take the keys away.
    return clock() - loaded.at < maxAge + staleIfError ? loaded.keys : undefined
  }

  const waitMilliseconds = () =>
    keysAtHand() === undefined && failures > 0
      ? Math.min(1_000 * 2 ** (failures - 1), coolDownMilliseconds)
      : coolDownMilliseconds

  /** Joins the fetch under way, or begins one if the cool-down allows it. */
  const refresh = (): Promise<void> | undefined => {
    if (flight !== undefined && since(flight.startedAt) < abandonedMilliseconds) return flight.done
    if (attemptedAt !== undefined && since(attemptedAt) < waitMilliseconds()) return undefined
    const startedAt = clock()
    const take = async () => {
      const reading = await load()
      // A fetch given up as abandoned may come back after a newer one.
      if (flight !== mine) return
      flight = undefined
      if (reading.ok) {
        loaded = { keys: keepKnown(reading.keys, loaded?.keys ?? pinned), at: startedAt }
        failures = 0
      } else {
        failure = reading.detail
        failures += 1
      }
    }
    attemptedAt = startedAt
    const mine = { done: Promise.resolve().then(take), startedAt }
    flight = mine
    return mine.done
  }

  const lookUp = (kid: string): KeyLookup => {
    const keys = keysAtHand()
    const key = keys?.get(kid)
    if (key !== undefined) return { key }
    // While the issuer does not answer nobody can say that it has no such key.
    if (keys !== undefined && failures === 0) return { reason: 'unknown_key' }
    const elapsed = attemptedAt === undefined ? 0 : Math.max(clock() - attemptedAt, 0)
    const retryAfterSeconds = Math.max(Math.ceil((waitMilliseconds() - elapsed) / 1_000), 1)
    return { reason: 'keys_unavailable', retryAfterSeconds, detail: failure }
  }

  const findAmongFetched = (kid: string): KeyLookup | Promise<KeyLookup> => {
    const age = loaded === undefined ? Number.POSITIVE_INFINITY : since(loaded.at)
    const fresh = age < maxAge ? loaded?.keys.get(kid) : undefined
    if (fresh !== undefined) return { key: fresh }
    const known = lookUp(kid)
    const fetching = refresh()
    if (fetching === undefined) return known
    if ('key' in known && (loaded === undefined || age < 2 * maxAge || failures > 0)) return known
    return fetching.then(() => lookUp(kid))
  }

  return {
    find(kid) {
      if (pinned !== undefined || loadPinned === undefined) return findAmongFetched(kid)
      pinning ??= loadPinned()
      return pinning.then((keys) => {
        pinned = keys
        return findAmongFetched(kid)
      })
    },
    settled: () => flight?.done,
  }
}

/** The new keys, but with the objects known before for those that did not change: what hangs on them stays valid. */
function keepKnown(
  keys: ReadonlyMap<string, VerificationKey>,
  known: ReadonlyMap<string, VerificationKey> | undefined,
): ReadonlyMap<string, VerificationKey> {
  const kept = [...keys].map(([kid, key]): [string, VerificationKey] => {
    const before = known?.get(kid)
    return [kid, before?.identity === key.identity ? before : key]
  })
  return new Map(kept)
}
