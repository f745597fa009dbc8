import type { AttemptStore } from './attempt-ids.ts'
import { type Environment, type EnvironmentOptions, readEnvironment } from './environment.ts'
import { indexedDbAttempts } from './indexed-db-attempts.ts'
import type { CookieAccess } from './state-cookie.ts'

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
}

/** Options with every default filled in. */
export interface ClientSettings extends Environment {
  readonly access: 'cookie' | 'memory'
  readonly attempts: AttemptStore | undefined
  readonly cookies: CookieAccess | undefined
  readonly credentials: RequestInit['credentials']
}

/** As much of a page as is used here. */
declare const document: { cookie: string } | undefined
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
  return {
    ...environment,
    access,
    attempts: options.attempts ?? indexedDbAttempts(`pawl ${environment.issuer}`),
    cookies: options.cookies ?? (here ? pageCookies() : undefined),
    credentials: access === 'cookie' ? 'include' : undefined,
  }
}

function pageCookies(): CookieAccess | undefined {
  if (typeof document === 'undefined') return undefined
  const page = document
  return {
    read: () => page.cookie,
    write: (cookie) => {
      page.cookie = cookie
    },
  }
}
