import type { AttemptStore } from './attempt-ids.ts'
import { type Environment, type EnvironmentOptions, readEnvironment } from './environment.ts'
import { indexedDbAttempts } from './indexed-db-attempts.ts'
import type { CookieAccess } from './state-cookie.ts'
import { openTabs, type Tabs } from './tabs.ts'
import type { WebStorage } from './web-storage.ts'

/** What a client can be told. All fields are optional in a page that the issuer itself serves. */
export interface ClientOptions extends EnvironmentOptions {
  /**
   * Where the access token lives. `cookie` (default): in an HttpOnly cookie, for APIs on the issuer's own host. `memory`:
   * in this page's memory, sent as `Authorization: Bearer` to the allowed origins and nowhere else. The refresh token is
   * in an HttpOnly cookie either way, and no script ever sees it.
   */
  readonly access?: 'cookie' | 'memory'
  /** Where attempt ids are kept, so that a lost reply can be fetched again. Default: IndexedDB, where there is one. */
  readonly attempts?: AttemptStore
  /** Default: `document.cookie`, in a page on the issuer's host. */
  readonly cookies?: CookieAccess
  /**
   * Whether tabs that find the access token expired at once let one of them refresh for all, which saves requests. Default
   * true; without it they refresh side by side, and the server gives all of them the same successor.
   */
  readonly coordinate?: boolean
  /** Where it is kept who was last signed in, so that a page can greet before it has asked. Default: `localStorage`. */
  readonly profiles?: WebStorage
}

/** Options with every default filled in. */
export interface ClientSettings extends Environment {
  readonly access: 'cookie' | 'memory'
  readonly attempts: AttemptStore | undefined
  readonly cookies: CookieAccess | undefined
  readonly profiles: () => WebStorage | undefined
  /** What clients that share the session have in common. */
  readonly name: string
  readonly openTabs: ((name: string) => Tabs) | undefined
  readonly credentials: RequestInit['credentials']
}

/** As much of a page as is used here. */
declare const document: { cookie: string }
declare const localStorage: WebStorage
declare const location: { readonly hostname: string } | undefined

/**
 * Fills in the defaults.
 *
 * @throws TypeError naming the option that cannot be right
 */
export function readOptions(options: ClientOptions): ClientSettings {
  const environment = readEnvironment(options)
  const { access = 'cookie' } = options
  // Cookies know hosts, not ports: only a page on the issuer's own host can read its cookies.
  const here = typeof location !== 'undefined' && location.hostname === environment.issuerUrl.hostname
  const cookies = here ? pageCookies : undefined
  const name = `pawl ${environment.issuer}`
  return {
    ...environment,
    access,
    name,
    attempts: options.attempts ?? indexedDbAttempts(name),
    cookies: options.cookies ?? cookies,
    // Reading the property may throw, where the user forbids storing anything.
    profiles: () => options.profiles ?? (cookies && localStorage),
    // Tabs that share no cookies share no session.
    openTabs: options.cookies === undefined && cookies !== undefined ? openTabs : undefined,
    credentials: access === 'cookie' ? 'include' : undefined,
  }
}

/** In a worker, which has no document, they throw; then nothing is known of the cookies. */
const pageCookies: CookieAccess = {
  read: () => document.cookie,
  write: (cookie) => {
    document.cookie = cookie
  },
}
