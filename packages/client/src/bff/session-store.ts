/** A session as a store holds it. Without the cookie of its browser nobody can read what is in it. */
export interface StoredSession {
  /** Derived from the session cookie, which the store never sees. */
  readonly id: string
  readonly version: number
  /** Encrypted under a key that only the session cookie gives. */
  readonly sealed: string
  /** Milliseconds since 1970. From then on the session may be dropped. */
  readonly endsAt: number
}

/**
 * A store for the sessions of a BFF: memory, a file, Redis, a table. Every function is one atomic step, also between the
 * processes that share the store; each may reject, and then the request is answered 503.
 */
export interface SessionStore {
  /**
   * Adds a session that has no attempt id yet.
   *
   * @param now milliseconds since 1970: a good moment to drop sessions that ended before
   */
  add(session: StoredSession, now: number): Promise<void>
  find(id: string): Promise<StoredSession | undefined>
  /**
   * Creates the attempt id of a version if it has none yet.
   *
   * @returns the one that stands; undefined when the session is not at that version any more
   */
  claimAttempt(id: string, version: number, candidate: string): Promise<string | undefined>
  /** Replaces a session of a lower version, and drops its attempt id. Does nothing when there is none of a lower version. */
  replace(session: StoredSession): Promise<void>
  remove(id: string): Promise<void>
}
