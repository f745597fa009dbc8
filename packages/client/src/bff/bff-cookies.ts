import { cookieNames, formatSessionState } from '@pawl/protocol'
import type { LiveBffSession } from './bff-session.ts'

/** How long a sign-in that was begun may take. */
const signInSeconds = 600

/** Browsers keep no cookie longer (standards CK-2). */
const longestSeconds = 400 * 24 * 60 * 60

/** The cookies of a BFF, as lines of `Set-Cookie`. */
export interface BffCookies {
  /** Reads the session cookie off a `Cookie` header. */
  readonly readSession: (header: string | null) => string | undefined
  readonly readSignIn: (header: string | null) => string | undefined
  /**
   * None where the browser shows that it has them as they should be.
   *
   * @param header the browser's `Cookie` header
   * @param now milliseconds since 1970
   */
  readonly forSession: (header: string | null, value: string, session: LiveBffSession, now: number) => readonly string[]
  readonly forSignIn: (value: string) => string
  readonly clearSession: () => readonly string[]
  readonly clearSignIn: () => string
  /** The `Cookie` header as the browser would send it with that session cookie in its jar. */
  readonly withSession: (header: string | null, value: string) => string
}

/**
 * @param secure whether the application is https; on a developer's http no browser would take the prefixes
 * @param sameSite of the session cookie
 */
export function bffCookies(secure: boolean, sameSite: 'Strict' | 'Lax'): BffCookies {
  const prefix = secure ? '__Host-' : ''
  const session = `${prefix}pawl_session`
  const signIn = `${prefix}pawl_sign_in`
  const { state } = cookieNames(secure)
  const line = (name: string, value: string, maxAge: number, attributes: string) =>
    `${name}=${value}; Path=/; Max-Age=${maxAge}; ${attributes}${secure ? '; Secure' : ''}`
  const hidden = `HttpOnly; SameSite=${sameSite}`
  return {
    readSession: (header) => readCookie(header, session),
    readSignIn: (header) => readCookie(header, signIn),
    forSession: (header, value, { sessionId, version, endsAt }, now) => {
      const shown = formatSessionState({ sessionId, generation: version, expiresAt: Math.floor(endsAt / 1000) })
      // Without the readable cookie the page is signing out; nothing may be put back that is about to go (T16.1).
      if (readCookie(header, session) === value && (readCookie(header, state) ?? shown) === shown) return []
      const seconds = Math.min(longestSeconds, Math.max(0, Math.floor((endsAt - now) / 1000)))
      return [line(session, value, seconds, hidden), line(state, shown, seconds, 'SameSite=Lax')]
    },
    // Lax, since it has to come along when the issuer sends the browser back (standards CK-3).
    forSignIn: (value) => line(signIn, value, signInSeconds, 'HttpOnly; SameSite=Lax'),
    clearSession: () => [line(session, '', 0, hidden), line(state, '', 0, 'SameSite=Lax')],
    clearSignIn: () => line(signIn, '', 0, 'HttpOnly; SameSite=Lax'),
    withSession: (header, value) => {
      const others = pairsOf(header).filter((pair) => !pair.startsWith(`${session}=`))
      return [...others, `${session}=${value}`].join('; ')
    },
  }
}

function readCookie(header: string | null, name: string): string | undefined {
  const pair = pairsOf(header).find((text) => text.startsWith(`${name}=`))
  return pair === undefined || pair.length === name.length + 1 ? undefined : pair.slice(name.length + 1)
}

function pairsOf(header: string | null): readonly string[] {
  return (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
}
