import { claimFor } from '../attempt-ids.ts'
import { createBackoff } from '../backoff.ts'
import { withSignal } from '../deadline.ts'
import type { Environment } from '../environment.ts'
import { outcomeOf, type SignOutOptions, type SignOutOutcome } from '../sign-out.ts'
import { singleFlight } from '../single-flight.ts'
import type { HeldTokens } from './held-tokens.ts'
import type { SharedState } from './shared-state.ts'
import type { StoredSession } from './stored-state.ts'
import type { TokenIssuer } from './token-issuer.ts'
import type { TokenStore } from './token-store.ts'

/** What signing out works with. */
export interface EndingsParts extends Pick<Environment, 'monotonic' | 'timeout' | 'random' | 'online'> {
  readonly held: HeldTokens
  readonly store: TokenStore
  readonly shared: SharedState
  readonly tokenIssuer: TokenIssuer
  readonly endedHere: Set<string>
}

/** A sign-out under way. */
export interface Ending {
  /** The store holds the session no longer, or cannot be told. */
  readonly cleared: Promise<unknown>
  readonly outcome: Promise<SignOutOutcome>
}

/** Signing out, and telling the server of it when it can be reached. */
export interface Endings {
  /** What is known here is gone when this returns. */
  readonly signOut: (options: SignOutOptions) => Ending
  /** Tells the server of sessions that were signed out while it could not be told, if there is something to tell. */
  readonly flush: () => Promise<void>
}

const longestMilliseconds = 10_000
/** Only housekeeping: a program that ends after its sign-out waits for so long. */
const longestForgettingMilliseconds = 1_000
/** More than anybody signs out of without a network; what is older has expired before it is told. */
const mostEndings = 16

export function createEndings(parts: EndingsParts): Endings {
  const { held, store, shared, tokenIssuer, endedHere, monotonic, timeout, random, online } = parts
  const backoff = createBackoff(monotonic, random)
  /** What an earlier client left behind is not known yet. */
  let pending = true

  async function endOne(refreshToken: string): Promise<SignOutOutcome> {
    if (!online()) return { ok: false, cause: { kind: 'network' } }
    const outcome = outcomeOf(await tokenIssuer.end(refreshToken, timeout(longestMilliseconds)))
    if (outcome.ok) {
      backoff.reset()
      await shared.update((state) => ({ ...state, endings: state.endings.filter((each) => each !== refreshToken) }))
    } else {
      backoff.fail(outcome.cause)
    }
    return outcome
  }

  const flushing = singleFlight(
    async () => {
      const state = await shared.read()
      if (state === 'locked') return
      pending = state.endings.length > 0
      for (const ending of state.endings) if (!(await endOne(ending)).ok) return
      pending = false
    },
    () => new AbortController().signal,
  )

  /** Takes the session out of the store and leaves a note of what the server has still to be told. */
  async function takeOut(known: StoredSession | undefined): Promise<StoredSession | undefined> {
    let taken = known
    pending = true
    await shared.update((stored) => {
      const { session, endings } = stored
      // Somebody signed in anew meanwhile: that session is not the one that was meant (T16.3).
      if (session === undefined || (known !== undefined && session.sessionId !== known.sessionId)) return stored
      taken = session
      return { session: undefined, endings: [...endings, session.refreshToken].slice(-mostEndings) }
    })
    if (taken !== undefined) endedHere.add(taken.sessionId)
    return taken
  }

  async function forget(sessionId: string): Promise<void> {
    const { attempts } = store
    if (attempts === undefined) return
    await withSignal(attempts.forget(sessionId), timeout(longestForgettingMilliseconds)).catch(() => undefined)
  }

  async function endAll(session: StoredSession, bearer: string | undefined): Promise<SignOutOutcome> {
    const { endAll: askEnd } = tokenIssuer
    if (askEnd === undefined) return endOne(session.refreshToken)
    const signal = timeout(longestMilliseconds)
    let answer = await askEnd(bearer, signal)
    if (answer.status === 401) {
      // Who asks for so much has to show an access token, and this one has expired.
      const attemptId = await claimFor(session, { ...parts, attempts: store.attempts })
      const { verdict } = await tokenIssuer.refresh(session, attemptId, signal)
      if (verdict.kind === 'renewed') answer = await askEnd(verdict.reply.accessToken, signal)
    }
    const outcome = outcomeOf(answer)
    // If not all of them, then at least this one; and where all have ended, the note can go.
    await endOne(session.refreshToken)
    return outcome
  }

  return {
    flush: async () => {
      if (pending && online() && backoff.mayTry(false)) await flushing.join()
    },
    signOut: ({ everywhere = false }) => {
      const known = held.session()
      const bearer = held.bearer()
      if (known !== undefined) endedHere.add(known.sessionId)
      held.end('logout')
      const cleared = takeOut(known)
      const end = async (): Promise<SignOutOutcome> => {
        const session = await cleared
        if (session === undefined) return { ok: true }
        const outcome = everywhere ? await endAll(session, bearer) : await endOne(session.refreshToken)
        await forget(session.sessionId)
        return outcome
      }
      return { cleared, outcome: end() }
    },
  }
}
