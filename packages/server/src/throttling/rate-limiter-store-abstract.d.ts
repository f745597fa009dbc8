/**
 * The base class that rate-limiter-flexible's documentation names for limiters with a store of one's own. The package
 * offers it by this path alone, and describes of it only what users of a finished limiter see.
 */
declare module 'rate-limiter-flexible/lib/RateLimiterStoreAbstract.js' {
  /** How a key stands: its points, and the time until they are forgotten. */
  interface LimiterStanding {
    readonly consumedPoints: number
    readonly msBeforeNext: number
  }

  /** What a store answers with is of no concern to the library. */
  abstract class RateLimiterStoreAbstract<Stored> {
    constructor(options: { readonly keyPrefix: string; readonly points: number; readonly duration: number })

    /** Adds a point without asking whether it exceeds the limit. */
    penalty(key: string): Promise<LimiterStanding>
    /** Sets the key above its limit for so many seconds. */
    block(key: string, seconds: number): Promise<LimiterStanding>
    get(key: string): Promise<LimiterStanding | null>
    delete(key: string): Promise<boolean>

    protected abstract _get(key: string): Promise<Stored | null>
    protected abstract _upsert(key: string, points: number, milliseconds: number, replaces: boolean): Promise<Stored>
    protected abstract _delete(key: string): Promise<boolean>
    protected abstract _getRateLimiterRes(key: string, changedPoints: number, stored: Stored): LimiterStanding
  }

  export = RateLimiterStoreAbstract
}
