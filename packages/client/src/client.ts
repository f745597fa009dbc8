import { createAuthorizedFetch } from './authorized-fetch.ts'
import { type ClientOptions, readOptions } from './client-options.ts'
import { createHeldSession } from './held-session.ts'
import { createAskIssuer } from './issuer-request.ts'
import { createRenewal } from './renewal.ts'
import type { Session } from './session.ts'
import type { SessionClient } from './session-client.ts'
import { type SignInCredentials, type SignInOutcome, signIn } from './sign-in.ts'
import { signOut } from './sign-out.ts'
import { createStateCookie } from './state-cookie.ts'

/** Holds a user's session in a page and keeps it fresh. */
export interface Client extends SessionClient {
  /**
   * Signs in with a password. Refusals and failures are values. It works whatever is stored from before. Takes at most
   * 30 seconds, from the end of a sign-out if one is under way.
   */
  readonly signIn: (credentials: SignInCredentials) => Promise<SignInOutcome>
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
    current: held.current,
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
