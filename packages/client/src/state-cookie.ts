import {
  attemptCookieName,
  cookieNames,
  formatMirroredAttempt,
  parseSessionState,
  type SessionState,
} from '@pawl/protocol'

/** The cookies that scripts may read, as `document.cookie` gives and takes them. */
export interface CookieAccess {
  /** All readable cookies: `name=value; name=value`. May throw. */
  read(): string
  /** Sets one cookie; takes what stands in a `Set-Cookie` line. May throw. */
  write(cookie: string): void
}

/**
 * What the readable cookie beside the refresh cookie says. `unknown`: it cannot be read from here, or it is damaged; that
 * is no proof of anything, so the server has to be asked. `owed`: somebody signed out here, and the server has still to be
 * told.
 */
export type StateCookieReading = SessionState | 'absent' | 'unknown' | 'owed'

/** The cookies that tell scripts, and server code, which session and generation the browser's jar holds. */
export interface StateCookie {
  readonly read: () => StateCookieReading
  /** Replaces it by a note that the server is owed a sign-out, which tells other tabs. The refresh cookie is out of reach. */
  readonly owe: () => void
  /** Takes it away. */
  readonly drop: () => void
  /** Shows server code with the same jar the attempt id of a generation, so that both present the same. */
  readonly mirror: (state: SessionState, attemptId: string) => void
}

const owedMark = '-'
/** As long as a session can live by default: after that there is nothing to sign out of. */
const longestSeconds = 7_776_000

/**
 * @param cookies undefined where cookies of the issuer's host cannot be read
 * @param secure whether the issuer is https
 */
export function createStateCookie(cookies: CookieAccess | undefined, secure: boolean): StateCookie {
  const name = cookieNames(secure).state
  const attemptName = attemptCookieName(secure)

  function write(pair: string): void {
    try {
      cookies?.write(`${pair}; Path=/; SameSite=Lax${secure ? '; Secure' : ''}`)
    } catch {
      // Sandboxed frames and strict privacy settings make it throw. Then the server's reply takes the cookies away.
    }
  }

  function dropAttempt(): void {
    write(`${attemptName}=; Max-Age=0`)
  }

  return {
    read: () => {
      try {
        if (cookies === undefined) return 'unknown'
        const pair = cookies
          .read()
          .split('; ')
          .find((text) => text.startsWith(`${name}=`))
        if (pair === undefined) return 'absent'
        const value = pair.slice(name.length + 1)
        return value === owedMark ? 'owed' : (parseSessionState(value) ?? 'unknown')
      } catch {
        return 'unknown'
      }
    },
    owe: () => {
      write(`${name}=${owedMark}; Max-Age=${longestSeconds}`)
      dropAttempt()
    },
    drop: () => {
      write(`${name}=; Max-Age=0`)
      dropAttempt()
    },
    mirror: ({ sessionId, generation, expiresAt }, attemptId) => {
      const expires = new Date(expiresAt * 1000).toUTCString()
      write(`${attemptName}=${formatMirroredAttempt({ sessionId, generation, attemptId })}; Expires=${expires}`)
    },
  }
}
