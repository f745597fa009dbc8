/** Source of unguessable bytes. An argument wherever it is used, so that tests and the simulation can seed it. */
export type Random = (bytes: number) => Uint8Array

/** The instant in milliseconds since 1970, by whatever clock the caller was given. */
export type Clock = () => number

/**
 * A source that asks another one for many bytes at a time, where each question costs more than the bytes. What was handed
 * out does not stay in the pool.
 *
 * @param fill fills all of an array with random bytes
 */
export function pooledRandom(fill: (pool: Uint8Array) => void): Random {
  const pool = new Uint8Array(4096)
  let next = pool.length
  return (bytes) => {
    if (bytes > pool.length) throw new RangeError(`at most ${pool.length} random bytes at a time`)
    if (next + bytes > pool.length) {
      fill(pool)
      next = 0
    }
    const drawn = pool.slice(next, next + bytes)
    pool.fill(0, next, next + bytes)
    next += bytes
    return drawn
  }
}
