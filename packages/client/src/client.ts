import { createAuthorizedFetch } from './authorized-fetch.ts'
import { type ClientOptions, readOptions } from './client-options.ts'
import { createHeldSession } from './held-session.ts'
import { createAskIssuer } from './issuer-request.ts'
import { onNetwork } from './network-events.ts'
import { createProfile } from './profile.ts'
import { createRenewal } from './renewal.ts'
import type { Session } from './session.ts'
import type { SessionClient } from './session-client.ts'
import { type SignInCredentials, type SignInOutcome, signIn } from './sign-in.ts'
import { endOwed, type SignOutOutcome, signOut } from './sign-out.ts'
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
  const { issuer, monotonic, online, name } = settings
  const memory = settings.access === 'memory'
  const cookie = createStateCookie(settings.cookies, issuer.startsWith('https:'))
  const ask = createAskIssuer(issuer, settings.fetch)
  const held = createHeldSession({ cookie, monotonic, online, memory })
  const profile = createProfile(name, settings.profiles)
  let tenure = new AbortController()
  let disposed = false
  let signingOut: Promise<unknown> | undefined

  function beginTenure(): AbortSignal {
    tenure.abort()
    if (!disposed) tenure = new AbortController()
    return tenure.signal
  }

  /** Another tab has changed the jar. Whoever is there now, listeners want to know. */
  function look(): void {
    held.standing()
    if (held.current() === undefined) void renewal.load()
  }

  /** A sign-out that the server could not be told of is told as soon as it can be. */
  function settle(): void {
    if (cookie.read() === 'owed' && signingOut === undefined && online() && !disposed) noteSignOut(endOwed(parts))
  }

  function noteSignOut(outcome: Promise<SignOutOutcome>): void {
    const settled = outcome.finally(() => {
      if (signingOut === settled) signingOut = undefined
    })
    signingOut = settled
  }

  const tabs = settings.openTabs?.(name)
  const parts = {
    ...settings,
    held,
    cookie,
    ask,
    memory,
    alone: options.coordinate === false ? undefined : tabs?.alone,
    beginTenure,
  }
  const renewal = createRenewal({ ...parts, tenure: () => tenure.signal })
  const stopHearing = tabs?.hear(look)
  const stopListening = onNetwork(settle)
  held.onChange((session) => {
    profile.keep(session)
    tabs?.tell()
  })

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
      beginTenure()
      const outcome = signOut(signOutOptions, parts)
      noteSignOut(outcome)
      return outcome
    },
    refresh: async () => {
      if (held.standing() !== 'none') await renewal.renew(true)
      return current()
    },
    session: async () => {
      held.standing()
      settle()
      const known = held.current()
      const sessionId = held.sessionId()
      if (known === undefined) {
        const user = sessionId && profile.read(sessionId)
        if (sessionId && user) held.adoptHolder({ sessionId, user })
        if (!online()) held.goStale({ kind: 'network' })
        const loaded = renewal.load()
        if (!user) await loaded
      } else if (known.status === 'stale' || known.status === 'offline') void renewal.renew()
      return current()
    },
    current: held.current,
    onChange: held.onChange,
    dispose: () => {
      disposed = true
      held.dispose()
      stopHearing?.()
      stopListening()
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
