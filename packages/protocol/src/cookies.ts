/** Names of the cookies that a Pawl server sets. On an http issuer they carry no prefix, for browsers would refuse it. */
export interface CookieNames {
  /** HttpOnly, Path=/, SameSite=Lax: the access token. */
  readonly access: string
  /** HttpOnly, Path=<issuer path>/auth, SameSite=Strict: the refresh token. */
  readonly refresh: string
  /** Readable, not secret, Path=/: session id, generation and expiry. */
  readonly state: string
}

/**
 * The cookie names for an issuer (RFC 6265bis section 4.1.3, standards CK-1).
 *
 * @param secure whether the issuer is https
 */
export function cookieNames(secure: boolean): CookieNames {
  const [host, site] = secure ? ['__Host-', '__Secure-'] : ['', '']
  return { access: `${host}pawl_access`, refresh: `${site}pawl_refresh`, state: `${site}pawl_state` }
}

/**
 * Name of the readable cookie in which a client mirrors the attempt id of the generation that it is about to refresh, so
 * that server code with the same jar presents the same one. The server neither sets nor reads it.
 *
 * @param secure whether the issuer is https
 */
export function attemptCookieName(secure: boolean): string {
  return secure ? '__Secure-pawl_attempt' : 'pawl_attempt'
}

/** What the mirrored attempt id is good for: one generation of one session, and no other. */
export interface MirroredAttempt {
  readonly sessionId: string
  readonly generation: number
  readonly attemptId: string
}

/** Writes a {@link MirroredAttempt} as a cookie value: `<session id>.<generation>.<attempt id>`. */
export function formatMirroredAttempt({ sessionId, generation, attemptId }: MirroredAttempt): string {
  return `${sessionId}.${generation}.${attemptId}`
}

/** Reads a mirrored attempt id; undefined when it is none. */
export function parseMirroredAttempt(value: string): MirroredAttempt | undefined {
  const match = /^([A-Za-z0-9_-]{22})\.(0|[1-9][0-9]{0,15})\.([A-Za-z0-9_-]{22,86})$/.exec(value)
  if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) return undefined
  const generation = Number(match[2])
  return Number.isSafeInteger(generation) ? { sessionId: match[1], generation, attemptId: match[3] } : undefined
}

/** What the readable state cookie tells a client about the refresh cookie beside it. */
export interface SessionState {
  readonly sessionId: string
  readonly generation: number
  /** When the session ends if nothing is used before: whole seconds since 1970. */
  readonly expiresAt: number
}

/** Writes a {@link SessionState} as a cookie value: `<session id>.<generation>.<expiry>`. */
export function formatSessionState(state: SessionState): string {
  return `${state.sessionId}.${state.generation}.${state.expiresAt}`
}

/** Reads a state cookie; undefined when it is not one of ours. */
export function parseSessionState(value: string): SessionState | undefined {
  const match = /^([A-Za-z0-9_-]{22})\.(0|[1-9][0-9]{0,15})\.([1-9][0-9]{0,11})$/.exec(value)
  if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) return undefined
  const generation = Number(match[2])
  return Number.isSafeInteger(generation) ? { sessionId: match[1], generation, expiresAt: Number(match[3]) } : undefined
}
