import type { BffSession, LiveBffSession } from './bff-session.ts'

/**
 * Where the sessions of browsers are kept. A browser shows the value of its session cookie, which says nothing to anybody
 * but the keeping that made it.
 */
export interface SessionKeeping {
  /**
   * Keeps a session that begins.
   *
   * @returns the value for the session cookie
   */
  add(session: LiveBffSession): Promise<string>
  /** Undefined: unknown, forged, or over. Rejects when the store cannot be asked. */
  find(value: string): Promise<BffSession | undefined>
  /**
   * The attempt id of the session's next renewal: random, one for each version, the same for everybody who shows the
   * cookie. Undefined when that is not certain; then none is sent.
   */
  attemptFor(value: string, version: number): Promise<string | undefined>
  /**
   * Keeps a session that was renewed or has ended; never in place of one of the same or a higher version.
   *
   * @returns the value for the session cookie from now on
   */
  replace(value: string, session: BffSession): Promise<string>
  /** Forgets a session. */
  remove(value: string): Promise<void>
}

/** What a keeping is made with. */
export interface KeepingSurroundings {
  /** That many unguessable bytes. */
  readonly random: (bytes: number) => Uint8Array
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** How sessions shall be kept: what `memorySessions`, `sqliteSessions`, `storedSessions` and `sealedSessions` give. */
export type SessionKeepingChoice = (surroundings: KeepingSurroundings) => SessionKeeping
