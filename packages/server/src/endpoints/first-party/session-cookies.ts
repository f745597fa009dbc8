import { cookieNames, formatSessionState } from '@pawl/protocol'
import { parseCookie, stringifySetCookie } from 'cookie'
import type { PlannedCookie } from '../../configuration/cookie-plan.ts'
import { parseRefreshToken } from '../../tokens/refresh-token.ts'
import { type SessionRecord, sessionEnd } from '../../tokens/session.ts'

/** What a reply puts into the jar. */
export interface CookieContents {
  readonly session: SessionRecord
  readonly refreshToken: string
  /** Undefined: the access token travels in the reply, and an access cookie of before is taken away. */
  readonly accessToken: string | undefined
  /** Seconds. */
  readonly accessMaxAge: number
  readonly refreshMaxAge: number
}

/** Our cookies as one request carries them. A name may come twice: from an older scope, or from another path. */
export interface RequestCookies {
  readonly access: readonly string[]
  readonly refresh: readonly string[]
  /** Whether any of them is there. */
  readonly any: boolean
  /**
   * At an https issuer: cookies under the names of an http one, from before it moved. Anyone on the network could have
   * planted them, so nobody is signed in by them; signing out takes them along.
   */
  readonly leftover: readonly { readonly name: string; readonly value: string }[]
}

/** Reads our cookies off a `Cookie` header, every value of a repeated name. */
export function readCookies(header: string | null | undefined, plan: readonly PlannedCookie[]): RequestCookies {
  // The library keeps one value of each name, so each pair is given to it on its own.
  const pairs = (header ?? '').split(';').map((pair) => parseCookie(pair))
  const values = (purpose: PlannedCookie['purpose']) => pairs.flatMap((pair) => pair[nameOf(plan, purpose)] || [])
  const [access, refresh, state] = [values('access'), values('refresh'), values('state')]
  const leftover = Object.values(cookieNames(false))
    .filter((name) => !plan.some((cookie) => cookie.name === name))
    .flatMap((name) => pairs.flatMap((pair) => (pair[name] ? [{ name, value: pair[name] }] : [])))
  return { access, refresh, any: access.length + refresh.length + state.length > 0, leftover }
}

/** `Set-Cookie` lines of a sign-in or refresh. */
export function cookiesFor(contents: CookieContents, plan: readonly PlannedCookie[]): readonly string[] {
  const { session, refreshToken, accessToken, accessMaxAge, refreshMaxAge } = contents
  const state = formatSessionState({
    sessionId: session.id,
    generation: session.generation,
    expiresAt: Math.floor(sessionEnd(session) / 1000),
  })
  return plan.map((cookie) => {
    if (cookie.purpose === 'refresh') return setCookie(cookie, refreshToken, refreshMaxAge)
    if (cookie.purpose === 'state') return setCookie(cookie, state, refreshMaxAge)
    return accessToken === undefined ? setCookie(cookie, '', 0) : setCookie(cookie, accessToken, accessMaxAge)
  })
}

/**
 * `Set-Cookie` lines that take all our cookies away: at every path whose cookies reach `/auth`, for an earlier
 * configuration may have set them at another one than this (T15.3).
 */
export function clearedCookies(
  plan: readonly PlannedCookie[],
  carried: Pick<RequestCookies, 'leftover'>,
): readonly string[] {
  const paths = pathsAbove(plan.find((cookie) => cookie.purpose === 'refresh')?.path ?? '/')
  const leftover = carried.leftover.map(({ name }) => ({
    name,
    path: '/',
    sameSite: 'Lax' as const,
    secure: true,
    httpOnly: true,
  }))
  // Browsers take a __Host- cookie for Path=/ only.
  const elsewhere = [...plan.filter(({ name }) => !name.startsWith('__Host-')), ...leftover].flatMap((cookie) =>
    paths.map((path) => ({ ...cookie, path })),
  )
  const lines = [...plan, ...elsewhere].map((cookie) => setCookie(cookie, '', 0))
  return [...new Set(lines)]
}

/** A path and all that it lies in: `/id/auth`, `/id` and `/`. */
function pathsAbove(path: string): readonly string[] {
  const segments = path.split('/').filter((segment) => segment !== '')
  return [...segments.map((_, index) => `/${segments.slice(0, segments.length - index).join('/')}`), '/']
}

/** Characters that our cookies take on a request beside the values of access and refresh token. */
export function cookieOverhead(plan: readonly PlannedCookie[]): number {
  const longestState = formatSessionState({
    sessionId: 'x'.repeat(22),
    generation: Number.MAX_SAFE_INTEGER,
    expiresAt: 10_000_000_000,
  })
  const names = plan.reduce((sum, cookie) => sum + cookie.name.length + '=; '.length, 0)
  return names + longestState.length
}

/** Whether a refresh cookie of the jar names this session (or names none at all): only then may it be cleared for it. */
export function jarHolds(cookies: RequestCookies, sessionId: string): boolean {
  return cookies.refresh.every((value) => {
    const token = parseRefreshToken(value)
    return token === undefined || token.sessionId === sessionId
  })
}

function nameOf(plan: readonly PlannedCookie[], purpose: PlannedCookie['purpose']): string {
  return plan.find((cookie) => cookie.purpose === purpose)?.name ?? ''
}

function setCookie(cookie: Omit<PlannedCookie, 'purpose'>, value: string, maxAge: number): string {
  return stringifySetCookie({
    name: cookie.name,
    value,
    path: cookie.path,
    maxAge,
    httpOnly: cookie.httpOnly,
    secure: cookie.secure,
    sameSite: cookie.sameSite === 'Strict' ? 'strict' : cookie.sameSite === 'Lax' ? 'lax' : 'none',
  })
}
