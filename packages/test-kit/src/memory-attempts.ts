import type { AttemptStore } from '@pawl/client'

/** Attempt ids in the memory of one browser, shared by all its tabs, as IndexedDB would keep them. */
export function memoryAttempts(): AttemptStore {
  const sessions = new Map<string, Map<number, string>>()
  return {
    claim: async ({ sessionId, generation }, candidate) => {
      const attempts = sessions.get(sessionId) ?? new Map<number, string>()
      sessions.set(sessionId, attempts)
      const standing = attempts.get(generation) ?? candidate
      attempts.set(generation, standing)
      return standing
    },
    forget: async (sessionId) => {
      sessions.delete(sessionId)
    },
  }
}
