import type { Session, SessionListener } from './session.ts'
import type { SignOutOptions, SignOutOutcome } from './sign-out.ts'

/** What every client can do with a session, however it began and wherever its tokens live. Its functions need no `this`. */
export interface SessionClient {
  /**
   * `fetch` with a session. A request to an allowed origin waits for a renewal if the access token is known to have
   * expired, and is sent once more if it is answered 401 because the access token is missing or no longer valid (RFC 6750
   * section 3.1). All other answers come back as they are, a second 401 included. Requests to other origins pass untouched.
   *
   * A body that is a stream is sent once, after a renewal unless the access token is known to be fresh.
   *
   * @throws ClientError before anything is sent: `body_not_replayable` or `disposed`; beside that, whatever `fetch` throws
   */
  readonly fetch: typeof globalThis.fetch
  /**
   * Signs out. The session is gone here before this function returns its promise, and no reply under way brings it back.
   * The promise tells within 20 seconds (30 with `everywhere`) whether the server has ended it, too.
   */
  readonly signOut: (options?: SignOutOptions) => Promise<SignOutOutcome>
  /**
   * Renews the access token now, together with whoever else is asking. Takes at most 20 seconds and never rejects: the
   * session tells what came of it. While the server asks to be left alone (`Retry-After`) nothing is sent.
   */
  readonly refresh: () => Promise<Session>
  /**
   * Who is signed in, from memory or, the first time, from where the session is kept. Never rejects. What it says of a
   * session that cannot be renewed now is `stale` or, without a network, `offline`; then it is asked for again in due time.
   */
  readonly session: () => Promise<Session>
  /** What is known this very moment; undefined before the first `session()` has come back. Looks at nothing else. */
  readonly current: () => Session | undefined
  /**
   * Calls the listener after each change of the session, never before this function has returned.
   *
   * @returns a function that ends it
   */
  readonly onChange: (listener: SessionListener) => () => void
  /** Ends the client: no refresh, no event and no request of its own any more. The session itself stays as it is. */
  readonly dispose: () => void
}
