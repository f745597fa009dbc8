import type { AttemptStore } from './attempt-ids.ts'
import { openEntries } from './indexed-db.ts'
import { isRecord } from './token-reply.ts'

/** The server remembers this many rotations; ids of earlier ones explain nothing any more. */
const rememberedRotations = 8

/**
 * Attempt ids in IndexedDB, shared by all tabs of an origin. Undefined where there is no IndexedDB.
 *
 * @param name of the database; clients that share a session must share it
 */
export function indexedDbAttempts(name: string): AttemptStore | undefined {
  const entries = openEntries(name)
  return (
    entries && {
      claim: async ({ sessionId, generation }, candidate) => {
        const ids = await entries(`attempts ${sessionId}`, (stored) => {
          const kept = Object.entries(isRecord(stored) ? stored : {}).filter(
            ([earlier]) => Number(earlier) >= generation - rememberedRotations,
          )
          return { [generation]: candidate, ...Object.fromEntries(kept) }
        })
        const id = isRecord(ids) ? ids[generation] : undefined
        return typeof id === 'string' ? id : undefined
      },
      forget: async (sessionId) => {
        await entries(`attempts ${sessionId}`, () => undefined)
      },
    }
  )
}
