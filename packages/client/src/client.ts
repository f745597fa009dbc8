import { createAuthorizedFetch } from './authorized-fetch.ts'
import { type ClientOptions, readOptions } from './client-options.ts'
import { createHeldSession } from './held-session.ts'
import { createAskIssuer } from './issuer-request.ts'
import { createRenewal } from './renewal.ts'
import type { Session, SessionListener } from './session.ts'
import { type SignInCredentials, type SignInOutcome, signIn } from './sign-in.ts'
import { type SignOutOptions, type SignOutOutcome, signOut } from './sign-out.ts'
import { createStateCookie } from './state-cookie.ts'

/** Holds a user's session in a page and keeps it fresh. Its functions need no `this`. */
export interface Client {
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
   * Signs in with a password. Refusals and failures are values. It works whatever is stored from before. Takes at most
   * 30 seconds, from the end of a sign-out if one is under way.
   */
  readonly signIn: (credentials: SignInCredentials) => Promise<SignInOutcome>
  /**
   * Signs out. The session is gone here before this function returns its promise, and no reply under way brings it back.
   * The promise tells within 10 seconds (20 with `everywhere`) whether the server has ended it, too.
   */
  readonly signOut: (options?: SignOutOptions) => Promise<SignOutOutcome>
  /**
   * Renews the access token now, together with whoever else is asking. Takes at most 10 seconds and never rejects: the
   * session tells what came of it. While the server asks to be left alone (`Retry-After`) nothing is sent.
   */
  readonly refresh: () => Promise<Session>
  /**
   * Who is signed in. The first call in a page may ask the server, which takes at most 20 seconds; later ones answer from
   * memory. Never rejects.
   */
  readonly session: () => Promise<Session>
  /**
   * Calls the listener after each change of the session, never before this function has returned.
   *
   * @returns a function that ends it
   */
  readonly onChange: (listener: SessionListener) => () => void
  /** Ends the client: no refresh, no event and no request of its own any more. The session itself stays as it is. */
  readonly dispose: () => void
}

/**
 * Makes a client for a page. Make one and share it.
 *
 * @throws TypeError if the options cannot be right; the message names the option
 * @example
 * const client = createClient()
 * const outcome = await client.signIn({ username, password })
 * if (outcome.ok) greet(outcome.session.user)
 * const notes = await client.fetch('/api/notes')
 */
export function createClient(options: ClientOptions = {}): Client {
  const settings = readOptions(options)
  const { issuer, fetch, attempts, monotonic, timeout, random, clientId } = settings
  const memory = settings.access === 'memory'
  const cookie = createStateCookie(settings.cookies, issuer.startsWith('https:'))
  const ask = createAskIssuer(issuer, fetch)
  const held = createHeldSession(cookie, monotonic, memory)
  let tenure = new AbortController()
  let disposed = false
  let signingOut: Promise<unknown> = Promise.resolve()

  function beginTenure(): AbortSignal {
    tenure.abort()
    if (!disposed) tenure = new AbortController()
    return tenure.signal
  }

  const parts = { held, cookie, ask, attempts, memory, monotonic, timeout, random, clientId, beginTenure }
  const renewal = createRenewal({ ...parts, tenure: () => tenure.signal })

  return {
    fetch: createAuthorizedFetch({ ...settings, held, renewal, isDisposed: () => disposed }),
    signIn: async (credentials) => {
      // The reply to a sign-out clears the cookies; it must not meet those of the session that begins now.
      await signingOut
      const outcome = await signIn(credentials, parts)
      if (outcome.ok) renewal.resetBackoff()
      return outcome
    },
    signOut: (signOutOptions = {}) => {
      if (disposed) return Promise.resolve({ ok: false, cause: cancelled })
      const outcome = signOut(signOutOptions, parts)
      signingOut = outcome
      return outcome
    },
    refresh: async () => {
      if (held.standing() !== 'none') await renewal.renew(true)
      return current()
    },
    session: async () => {
      held.standing()
      const known = held.current()
      if (known === undefined) await renewal.load()
      else if (known.status === 'stale') void renewal.renew()
      return current()
    },
    onChange: held.onChange,
    dispose: () => {
      disposed = true
      held.dispose()
      beginTenure()
    },
  }

  /** Unknown it stays only when the asking was cut short. */
  function current(): Session {
    const unknown = { user: undefined, sessionId: undefined, generation: undefined }
    return held.current() ?? { status: 'stale', ...unknown, cause: cancelled }
  }
}

const cancelled = { kind: 'cancelled' } as const
