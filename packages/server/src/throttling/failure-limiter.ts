// Programs that load this source without the whole folder need to be told.
/// <reference path="./rate-limiter-store-abstract.d.ts" />
import RateLimiterStoreAbstract from 'rate-limiter-flexible/lib/RateLimiterStoreAbstract.js'
import type { FailureCount, FailureStore } from './failure-store.ts'

/** The library's limiter over a {@link FailureStore}. All four methods are those that it asks of a store. */
class FailureLimiter extends RateLimiterStoreAbstract<FailureCount> {
  readonly #store: FailureStore

  constructor(store: FailureStore, rule: LimiterRule) {
    super({ keyPrefix: rule.name, points: rule.failures, duration: rule.seconds })
    this.#store = store
  }

  protected override async _get(key: string): Promise<FailureCount | null> {
    return (await this.#store.readFailures(key)) ?? null
  }

  protected override _upsert(
    key: string,
    points: number,
    milliseconds: number,
    replaces: boolean,
  ): Promise<FailureCount> {
    return replaces
      ? this.#store.replaceFailures(key, points, milliseconds)
      : this.#store.countFailures(key, points, milliseconds)
  }

  protected override _delete(key: string): Promise<boolean> {
    return this.#store.forgetFailures(key)
  }

  protected override _getRateLimiterRes(
    _key: string,
    _changedPoints: number,
    stored: FailureCount,
  ): { readonly consumedPoints: number; readonly msBeforeNext: number } {
    // The store's clock on both sides; the library's own stores ask the process for the time.
    return { consumedPoints: stored.count, msBeforeNext: Math.max(0, stored.endsAt - stored.now) }
  }
}

/** What a limiter counts by. */
export interface LimiterRule {
  /** Goes before each key, so that several limiters can share a store. */
  readonly name: string
  /** How many failures a key may have. */
  readonly failures: number
  /** How long a count lasts from its first failure on. */
  readonly seconds: number
}

/** Counts failures by key. */
export interface Limiter {
  /** How many failures a key has and for how long they are remembered; undefined: none. */
  readonly standing: (
    key: string,
  ) => Promise<{ readonly failures: number; readonly lastsMilliseconds: number } | undefined>
  /** Counts one more, and tells how many it are now. */
  readonly count: (key: string) => Promise<number>
  /** Puts a key above its limit for so many seconds; then it begins anew. */
  readonly block: (key: string, seconds: number) => Promise<void>
  readonly forget: (key: string) => Promise<void>
}

/** Makes a limiter that keeps its counts in a store. */
export function createLimiter(store: FailureStore, rule: LimiterRule): Limiter {
  const limiter = new FailureLimiter(store, rule)
  return {
    standing: async (key) => {
      const found = await limiter.get(key)
      return found === null ? undefined : { failures: found.consumedPoints, lastsMilliseconds: found.msBeforeNext }
    },
    count: async (key) => (await limiter.penalty(key)).consumedPoints,
    block: async (key, seconds) => {
      await limiter.block(key, seconds)
    },
    forget: async (key) => {
      await limiter.delete(key)
    },
  }
}
