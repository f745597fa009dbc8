import type { FailureStore } from '../../throttling/failure-store.ts'
import type { MemoryState } from './state.ts'

/** Counted failures in memory. */
export function memoryFailures(state: MemoryState): FailureStore {
  return {
    async readFailures(key) {
      const found = state.failures.get(key)
      const now = state.clock()
      return found === undefined || found.endsAt <= now ? undefined : { ...found, now }
    },

    async countFailures(key, by, lastsMilliseconds) {
      const found = state.failures.get(key)
      const now = state.clock()
      const counted =
        found === undefined || found.endsAt <= now
          ? { count: by, endsAt: now + lastsMilliseconds }
          : { count: found.count + by, endsAt: found.endsAt }
      state.failures.set(key, counted)
      return { ...counted, now }
    },

    async replaceFailures(key, count, lastsMilliseconds) {
      const now = state.clock()
      const replaced = { count, endsAt: now + lastsMilliseconds }
      state.failures.set(key, replaced)
      return { ...replaced, now }
    },

    async forgetFailures(key) {
      const found = state.failures.get(key)
      return found !== undefined && found.endsAt > state.clock() && state.failures.delete(key)
    },

    async removeEndedFailures(limit) {
      const now = state.clock()
      const ended = [...state.failures].filter(([, { endsAt }]) => endsAt <= now).slice(0, limit)
      for (const [key] of ended) state.failures.delete(key)
      return ended.length
    },
  }
}
