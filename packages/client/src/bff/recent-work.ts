/** Work that is done once for all who ask for it under one key, at the same time or a little later. */
export interface RecentWork<Outcome> {
  /**
   * Joins the work that runs under the key; takes the outcome of work that ended lately, if it will do; begins otherwise.
   *
   * @param willDo whether an outcome of before is still of use
   */
  readonly share: (key: string, work: () => Promise<Outcome>, willDo: (outcome: Outcome) => boolean) => Promise<Outcome>
}

/** How long an outcome is kept: as long as browsers may still show the cookie that it replaced. */
const keptMilliseconds = 60_000

/** @param now milliseconds since 1970 */
export function recentWork<Outcome>(now: () => number): RecentWork<Outcome> {
  const entries = new Map<string, { readonly promise: Promise<Outcome>; outcome?: Outcome; readonly until: number }>()

  /** They stand in the order in which they began, so the oldest come first. */
  function dropOld(): void {
    for (const [key, entry] of entries) {
      if (entry.until > now()) return
      entries.delete(key)
    }
  }

  return {
    share: (key, work, willDo) => {
      dropOld()
      const found = entries.get(key)
      if (found !== undefined && (found.outcome === undefined || willDo(found.outcome))) return found.promise
      entries.delete(key)
      const promise = Promise.resolve().then(work)
      const entry: { readonly promise: Promise<Outcome>; outcome?: Outcome; readonly until: number } = {
        promise,
        until: now() + keptMilliseconds,
      }
      entries.set(key, entry)
      promise.then(
        (outcome) => {
          entry.outcome = outcome
        },
        () => {
          if (entries.get(key) === entry) entries.delete(key)
        },
      )
      return promise
    },
  }
}
