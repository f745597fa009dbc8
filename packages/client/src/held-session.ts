import type { SessionState } from '@pawl/protocol'
import type { ActiveSession, SignedOutReason } from './session.ts'
import { type ObservedSession, observeSession } from './session-observers.ts'
import type { StateCookie } from './state-cookie.ts'
import type { TokenReply } from './token-reply.ts'
import type { TransientFailure } from './transient-failure.ts'

/**
 * What is known of the access token before a request is sent.
 * - `none`: nobody is signed in, there is nothing to send or renew
 * - `unknown`: there may be a cookie; only the API can tell
 * - `due`: good, yet it had better be renewed
 */
export type AccessStanding = 'none' | 'unknown' | 'fresh' | 'due' | 'expired'

/** The one place that knows who is signed in and with which access token. Times are those of the monotonic clock. */
export interface HeldSession extends Pick<ObservedSession, 'current' | 'onChange' | 'dispose'> {
  /** Id of the session that the jar shows; where it shows none, of the one that is held. */
  readonly sessionId: () => string | undefined
  /** Looks at the jar first. */
  readonly standing: () => AccessStanding
  /** The access token, where it is held here and has not expired. */
  readonly bearer: () => string | undefined
  /** Counts the access tokens seen, whoever got them: tells whether a 401 speaks of the newest. */
  readonly renewals: () => number
  /** Takes over a reply with tokens to a request that was sent at `sentAt`, when the jar showed `presented`. */
  readonly adoptTokens: (reply: TokenReply, sentAt: number, presented?: SessionState) => ActiveSession
  /** Takes over the news that the access cookie is good, for how long is not said. */
  readonly adoptHolder: (holder: Pick<TokenReply, 'sessionId' | 'user'>) => ActiveSession
  /** The server could not be asked, or had no answer. */
  readonly goStale: (cause: TransientFailure) => void
  readonly end: (reason: SignedOutReason) => void
}

interface Access {
  readonly token: string | undefined
  readonly expiresAt: number
  readonly refreshAt: number
}

/** What the holder needs to know of its surroundings. */
export interface HeldSessionParts {
  readonly cookie: StateCookie
  readonly monotonic: () => number
  readonly online: () => boolean
  /** Whether the access token has to be held here, so that without one there is nothing to send. */
  readonly memory: boolean
}

export function createHeldSession({ cookie, monotonic, online, memory }: HeldSessionParts): HeldSession {
  const { current, change, onChange, dispose } = observeSession()
  let access: Access | undefined
  let renewals = 0
  /** The highest generation that the jar has shown of the session. */
  let highest: SessionState | undefined
  let turnedBack = false
  /** A generation that the jar still showed after a renewal from it had succeeded: another would not move it either. */
  let beyondHealing: number | undefined
  /** A late reply can put the cookies of a session back that was ended here. */
  let endedSessionId: string | undefined

  /** The session that is known, if anybody is signed in. */
  function known() {
    const session = current()
    return session?.status === 'signed-out' ? undefined : session
  }

  function end(reason: SignedOutReason): void {
    if (current()?.status === 'signed-out') return
    endedSessionId = highest?.sessionId ?? known()?.sessionId ?? endedSessionId
    access = highest = undefined
    turnedBack = false
    change({ status: 'signed-out', reason })
  }

  /** What the jar holds, without what this client knows to be over. */
  function readJar(): SessionState | 'absent' | 'unknown' {
    const jar = cookie.read()
    const over = jar === 'owed' || (typeof jar === 'object' && jar.sessionId === endedSessionId)
    return over ? 'absent' : jar
  }

  /** Takes notice of what happened to the jar since: other tabs, and server code, change it at any time. */
  function observe(): void {
    const jar = readJar()
    turnedBack = false
    // Absence proves a sign-out only if the cookie was there before: some browsers show a new one late, and some never.
    if (jar === 'absent' && (highest !== undefined || current() === undefined))
      end(highest === undefined ? 'not_signed_in' : 'cookies_gone')
    if (typeof jar !== 'string') compare(jar)
  }

  function compare(jar: SessionState): void {
    const { sessionId, generation } = jar
    const another = sessionId !== (highest ?? known())?.sessionId
    const moved = another ? Number.POSITIVE_INFINITY : generation - (highest ?? jar).generation
    turnedBack = moved < 0 && generation !== beyondHealing
    if (moved < 0) return
    highest = jar
    beyondHealing = undefined
    if (moved > 0) {
      renewals += 1
      // The cookie that another tab got is here, too, and good until who knows when. Its access token is not.
      if (another || !memory) access = undefined
    }
    const session = known()
    // Somebody signed in elsewhere in this browser: who, only the server knows.
    if (another) change(undefined)
    else if (moved > 0 && session?.user) change({ status: 'active', user: session.user, sessionId, generation })
    else if (session) change({ ...session, generation })
  }

  /** Takes over whose session it is; its generation is what the jar shows of it. */
  function adopt({ sessionId, user }: Pick<TokenReply, 'sessionId' | 'user'>): ActiveSession {
    const jar = readJar()
    const shown = typeof jar === 'object' && jar.sessionId === sessionId ? jar : undefined
    if (highest?.sessionId !== sessionId) highest = undefined
    if (shown !== undefined && shown.generation >= (highest?.generation ?? 0)) highest = shown
    const next: ActiveSession = { status: 'active', user, sessionId, generation: shown?.generation }
    change(next)
    return next
  }

  return {
    current,
    onChange,
    dispose,
    end,
    sessionId: () => {
      const jar = readJar()
      return (typeof jar === 'object' ? jar : known())?.sessionId
    },
    standing: () => {
      observe()
      if (current()?.status === 'signed-out') return 'none'
      if (access === undefined) return memory ? 'expired' : turnedBack ? 'due' : 'unknown'
      const now = monotonic()
      if (now >= access.expiresAt) return 'expired'
      return turnedBack || now >= access.refreshAt ? 'due' : 'fresh'
    },
    bearer: () => (access !== undefined && monotonic() < access.expiresAt ? access.token : undefined),
    renewals: () => renewals,
    adoptTokens: (reply, sentAt, presented) => {
      endedSessionId = undefined
      renewals += 1
      // From the sending on, not from the arrival: so it never counts as fresher than it is.
      access = {
        token: reply.accessToken,
        expiresAt: sentAt + reply.expiresIn * 1000,
        refreshAt: sentAt + reply.refreshIn * 1000,
      }
      const adopted = adopt(reply)
      if (presented?.generation === adopted.generation) beyondHealing = adopted.generation
      return adopted
    },
    adoptHolder: adopt,
    goStale: (cause) => {
      const session = known()
      change({
        status: online() ? 'stale' : 'offline',
        user: session?.user,
        sessionId: (session ?? highest)?.sessionId,
        generation: (session ?? highest)?.generation,
        cause,
      })
    },
  }
}
