import { openEntries } from '../indexed-db.ts'
import { indexedDbAttempts } from '../indexed-db-attempts.ts'
import { openTabs } from '../tabs.ts'
import type { TokenStore } from './token-store.ts'

const key = 'tokens'

/**
 * Tokens in IndexedDB, shared by all tabs of an origin; for pages and extensions that cannot use the issuer's cookies. Any
 * script of the origin can read them: where the cookies are to be had, they are the better place.
 *
 * @param name of the database; clients that share a session must share it
 * @throws TypeError where there is no IndexedDB
 */
export function indexedDbStore(name: string): TokenStore {
  const [entries, attempts] = [openEntries(name), indexedDbAttempts(name)]
  if (entries === undefined || attempts === undefined) throw new TypeError('there is no IndexedDB here')
  const tabs = openTabs(name)
  const textOf = (stored: unknown) => (typeof stored === 'string' ? stored : undefined)
  return {
    read: async () => textOf(await entries(key, (stored) => stored)),
    update: async (change) => {
      let changed = false
      const stored = await entries(key, (before) => {
        const next = change(textOf(before))
        changed = next !== before
        return next
      })
      if (changed) tabs.tell()
      return textOf(stored)
    },
    attempts,
    ...(tabs.alone !== undefined && { alone: tabs.alone }),
    watch: tabs.hear,
  }
}
