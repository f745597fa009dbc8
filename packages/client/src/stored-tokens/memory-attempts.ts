import type { AttemptStore } from '../attempt-ids.ts'

/** Attempt ids in memory, for clients that live and die together. */
export function memoryAttempts(): AttemptStore {
  const sessions = new Map<string, Map<number, string>>()
  return {
    claim: async ({ sessionId, generation }, candidate) => {
      const attempts = sessions.get(sessionId) ?? new Map<number, string>()
      sessions.set(sessionId, attempts)
      const standing = attempts.get(generation) ?? candidate
      attempts.set(generation, standing)
      for (const earlier of attempts.keys()) if (earlier < generation - rememberedRotations) attempts.delete(earlier)
      return standing
    },
    forget: async (sessionId) => {
      sessions.delete(sessionId)
    },
  }
}

/** The server remembers this many rotations; ids of earlier ones explain nothing any more. */
const rememberedRotations = 8
