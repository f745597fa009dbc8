import { memoryAttempts } from './memory-attempts.ts'
import type { TokenStore } from './token-store.ts'

/**
 * Tokens in memory: gone with the page or process. Clients that share a session share the store.
 *
 * @param stored what is in it at first: what another store's `read` gave
 */
export function memoryStore(stored?: string): TokenStore {
  let text = stored
  return {
    read: async () => text,
    update: async (change) => {
      text = change(text)
      return text
    },
    attempts: memoryAttempts(),
  }
}
