import type { SessionState } from '@pawl/protocol'
import type { ActiveSession, Session, SessionListener, SignedOutReason } from './session.ts'
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
export interface HeldSession {
  /** Undefined: not known yet. */
  readonly current: () => Session | undefined
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
  readonly adoptHolder: (holder: Pick<TokenReply, 'sessionId' | 'user'>) => void
  readonly goStale: (cause: TransientFailure) => void
  readonly end: (reason: SignedOutReason) => void
  readonly onChange: (listener: SessionListener) => () => void
  readonly dispose: () => void
}

interface Access {
  readonly token: string | undefined
  readonly expiresAt: number
  readonly refreshAt: number
}

/** @param memory whether the access token has to be held here, so that without one there is nothing to send */
export function createHeldSession(cookie: StateCookie, monotonic: () => number, memory: boolean): HeldSession {
  let session: Session | undefined
  let access: Access | undefined
  let renewals = 0
  /** The highest generation that the jar has shown of the session. */
  let highest: SessionState | undefined
  let turnedBack = false
  /** A generation that the jar still showed after a renewal from it had succeeded: another would not move it either. */
  let beyondHealing: number | undefined
  /** A late reply can put the cookies of a session back that was ended here. */
  let endedSessionId: string | undefined
  const listeners = new Set<SessionListener>()

  function change(next: Session): Session {
    if (isSame(session, next)) return next
    session = next
    for (const listener of listeners) {
      // Not called from here: a listener may call the client, and what it throws is its own affair.
      queueMicrotask(() => {
        if (listeners.has(listener)) listener(next)
      })
    }
    return next
  }

  function end(reason: SignedOutReason): void {
    if (session?.status === 'signed-out') return
    endedSessionId = highest?.sessionId ?? session?.sessionId ?? endedSessionId
    access = undefined
    highest = undefined
    turnedBack = false
    change({ status: 'signed-out', reason })
  }

  /** What the jar holds, without what this client knows to be over. */
  function readJar(): SessionState | 'absent' | 'unknown' {
    const reading = cookie.read()
    if (reading.kind !== 'present') return reading.kind
    return reading.state.sessionId === endedSessionId ? 'absent' : reading.state
  }

  /** Takes notice of what happened to the jar since: other tabs, and server code, change it at any time. */
  function observe(): void {
    const jar = readJar()
    turnedBack = false
    if (jar === 'absent') noteAbsence()
    if (typeof jar === 'string') return
    const moved = highest === undefined ? 0 : jar.generation - highest.generation
    if (jar.sessionId !== (highest?.sessionId ?? heldSessionId())) {
      // Somebody signed in elsewhere in this browser. Who, only the server knows.
      session = undefined
      access = undefined
      renewals += 1
    } else if (moved < 0) {
      turnedBack = jar.generation !== beyondHealing
      return
    } else if (moved > 0) {
      noteForeignRenewal()
    }
    highest = jar
    beyondHealing = undefined
    if (session !== undefined && session.status !== 'signed-out') change({ ...session, generation: jar.generation })
  }

  /** Proof of a sign-out only if the cookie was there before: some browsers show a new one late, and some settings never. */
  function noteAbsence(): void {
    if (highest !== undefined) end('cookies_gone')
    else if (session === undefined) end('not_signed_in')
  }

  /** Another tab renewed. If it got a cookie, that is here, too, and good until who knows when. */
  function noteForeignRenewal(): void {
    renewals += 1
    if (!memory) access = undefined
    if (session?.status !== 'stale' || session.user === undefined || session.sessionId === undefined) return
    const { user, sessionId, generation } = session
    session = { status: 'active', user, sessionId, generation }
  }

  function heldSessionId(): string | undefined {
    return session === undefined || session.status === 'signed-out' ? undefined : session.sessionId
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
    current: () => session,
    sessionId: () => {
      const jar = readJar()
      return typeof jar === 'object' ? jar.sessionId : heldSessionId()
    },
    standing: () => {
      observe()
      if (session?.status === 'signed-out') return 'none'
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
      const known = session === undefined || session.status === 'signed-out' ? undefined : session
      change({
        status: 'stale',
        user: known?.user,
        sessionId: known?.sessionId ?? highest?.sessionId,
        generation: known?.generation ?? highest?.generation,
        cause,
      })
    },
    end,
    onChange: (listener) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    dispose: () => listeners.clear(),
  }
}

/** Whether nobody needs to be told of the difference. */
function isSame(one: Session | undefined, other: Session): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
