import { openTabs } from '../tabs.ts'
import type { WebStorage } from '../web-storage.ts'
import type { TokenStore } from './token-store.ts'

declare const localStorage: WebStorage

/** What whoever keeps a refresh token in `localStorage` has to say. */
export interface DangerouslyReadable {
  /** Any script that ever runs in the origin can read the refresh token, and send it elsewhere. */
  readonly dangerouslyLetEveryScriptReadTheRefreshToken: true
}

/**
 * Tokens in `localStorage`, for where nothing better is to be had. It can create nothing atomically, so there are no
 * attempt ids: a lost reply is fetched again within the server's race window only. Prefer `createClient`, whose tokens no
 * script can read, or {@link indexedDbStore}.
 *
 * @throws TypeError without the option that says what it means
 */
export function localStorageStore(key: string, options: DangerouslyReadable): TokenStore {
  if (!options?.dangerouslyLetEveryScriptReadTheRefreshToken)
    throw new TypeError('localStorageStore lets every script read the refresh token: say so, or choose another store')
  const tabs = openTabs(key)
  const read = () => localStorage.getItem(key) ?? undefined
  return {
    read: async () => read(),
    update: async (change) => {
      const stored = read()
      const next = change(stored)
      if (next === stored) return stored
      if (next === undefined) localStorage.removeItem(key)
      else localStorage.setItem(key, next)
      tabs.tell()
      return next
    },
    ...(tabs.alone !== undefined && { alone: tabs.alone }),
    watch: tabs.hear,
  }
}
