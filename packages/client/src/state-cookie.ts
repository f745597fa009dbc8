import { cookieNames, parseSessionState, type SessionState } from '@pawl/protocol'

/** The cookies that scripts may read, as `document.cookie` gives and takes them. */
export interface CookieAccess {
  /** All readable cookies: `name=value; name=value`. May throw. */
  read(): string
  /** Sets one cookie; takes what stands in a `Set-Cookie` line. May throw. */
  write(cookie: string): void
}

/**
 * What the readable cookie beside the refresh cookie says. `unknown`: it cannot be read from here, or it is damaged; that
 * is no proof of anything, so the server has to be asked.
 */
export type StateCookieReading =
  | { readonly kind: 'present'; readonly state: SessionState }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown' }

/** The cookie that tells scripts which session and generation the browser's jar holds. */
export interface StateCookie {
  readonly read: () => StateCookieReading
  /** Takes it away, which tells other tabs. The refresh cookie is out of a script's reach. */
  readonly drop: () => void
}

/**
 * @param cookies undefined where cookies of the issuer's host cannot be read
 * @param secure whether the issuer is https
 */
export function createStateCookie(cookies: CookieAccess | undefined, secure: boolean): StateCookie {
  const name = cookieNames(secure).state
  return {
    read: () => {
      try {
        if (cookies === undefined) return { kind: 'unknown' }
        const pair = cookies
          .read()
          .split('; ')
          .find((text) => text.startsWith(`${name}=`))
        if (pair === undefined) return { kind: 'absent' }
        const state = parseSessionState(pair.slice(name.length + 1))
        return state === undefined ? { kind: 'unknown' } : { kind: 'present', state }
      } catch {
        // Sandboxed frames and strict privacy settings make reading throw.
        return { kind: 'unknown' }
      }
    },
    drop: () => {
      try {
        cookies?.write(`${name}=; Path=/; Max-Age=0; SameSite=Lax${secure ? '; Secure' : ''}`)
      } catch {
        // Then the server's reply to the sign-out takes it away.
      }
    },
  }
}
