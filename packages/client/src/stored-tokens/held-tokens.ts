import type { AccessStanding } from '../held-session.ts'
import type { SignedOutReason } from '../session.ts'
import { type ObservedSession, observeSession } from '../session-observers.ts'
import type { TransientFailure } from '../transient-failure.ts'
import type { StoredSession } from './stored-state.ts'

/** The newest tokens that this client has seen. The store has the last word; this is what can be told without asking it. */
export interface HeldTokens extends Pick<ObservedSession, 'current' | 'onChange' | 'dispose'> {
  readonly session: () => StoredSession | undefined
  readonly standing: () => AccessStanding
  /** The access token, where it has not expired. */
  readonly bearer: () => string | undefined
  /** Counts the access tokens seen, whoever got them: tells whether a 401 speaks of the newest. */
  readonly renewals: () => number
  /** Takes a session over, unless it is an earlier state of the one that is held. */
  readonly adopt: (session: StoredSession) => void
  /** Takes notice of the server's clock: how far it is ahead of the device's, in milliseconds. */
  readonly noteOffset: (offset: number) => void
  readonly goStale: (cause: TransientFailure) => void
  readonly end: (reason: SignedOutReason) => void
}

/** What the holder needs to know of its surroundings. */
export interface HeldTokensParts {
  readonly monotonic: () => number
  readonly now: () => number
  readonly online: () => boolean
}

export function holdTokens({ monotonic, now, online }: HeldTokensParts): HeldTokens {
  const observed = observeSession()
  let held: StoredSession | undefined
  /** By the monotonic clock. */
  let times = { expiresAt: 0, refreshAt: 0 }
  let renewals = 0
  let offset: number | undefined

  /** A stored instant, by the monotonic clock. */
  function instant(serverTime: number, { savedAt, clockOffset }: StoredSession): number {
    // A device whose clock was set back since cannot tell the age of what it stored.
    if (offset === undefined && now() < savedAt) return monotonic()
    return monotonic() + serverTime - (now() + (offset ?? clockOffset))
  }

  function isEarlier(session: StoredSession): boolean {
    if (session.sessionId !== held?.sessionId) return false
    if (session.generation !== held.generation) return session.generation < held.generation
    return session.accessToken === held.accessToken
  }

  return {
    current: observed.current,
    onChange: observed.onChange,
    dispose: observed.dispose,
    session: () => held,
    standing: () => {
      if (observed.current()?.status === 'signed-out') return 'none'
      if (held === undefined || monotonic() >= times.expiresAt) return 'expired'
      return monotonic() >= times.refreshAt ? 'due' : 'fresh'
    },
    bearer: () => (monotonic() < times.expiresAt ? held?.accessToken : undefined),
    renewals: () => renewals,
    adopt: (session) => {
      if (isEarlier(session)) return
      held = session
      renewals += 1
      times = { expiresAt: instant(session.expiresAt, session), refreshAt: instant(session.refreshAt, session) }
      const { user, sessionId, generation } = session
      const known = { user, sessionId, generation }
      if (online() || monotonic() < times.expiresAt) observed.change({ status: 'active', ...known })
      else observed.change({ status: 'offline', ...known, cause: { kind: 'network' } })
    },
    noteOffset: (measured) => {
      offset = measured
    },
    goStale: (cause) => {
      if (observed.current()?.status === 'signed-out') return
      observed.change({
        status: online() ? 'stale' : 'offline',
        user: held?.user,
        sessionId: held?.sessionId,
        generation: held?.generation,
        cause,
      })
    },
    end: (reason) => {
      held = undefined
      times = { expiresAt: 0, refreshAt: 0 }
      if (observed.current()?.status !== 'signed-out') observed.change({ status: 'signed-out', reason })
    },
  }
}
