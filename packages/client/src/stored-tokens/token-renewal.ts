import { readRefreshTokenGeneration } from '@pawl/protocol'
import { claimFor } from '../attempt-ids.ts'
import { createBackoff } from '../backoff.ts'
import type { Environment } from '../environment.ts'
import { runAlone } from '../run-alone.ts'
import { singleFlight } from '../single-flight.ts'
import type { TokenReply } from '../token-reply.ts'
import type { TransientFailure } from '../transient-failure.ts'
import type { HeldTokens } from './held-tokens.ts'
import { advanceTo, removePresented, type SharedState } from './shared-state.ts'
import type { StoredSession, StoredState } from './stored-state.ts'
import type { TokenIssuer } from './token-issuer.ts'
import type { TokenStore } from './token-store.ts'

/** What a renewal works with. */
export interface TokenRenewalParts extends Environment {
  readonly held: HeldTokens
  readonly store: TokenStore
  readonly shared: SharedState
  readonly tokenIssuer: TokenIssuer
  /** Sessions that were signed out here: a store that could not be told so far may still hold one. */
  readonly endedHere: ReadonlySet<string>
  /** Fires when what is under way no longer counts: the user signed in or out, or the client was disposed of. */
  readonly tenure: () => AbortSignal
}

/** Getting access tokens. What came of it is found in the {@link HeldTokens}; nothing here rejects. */
export interface TokenRenewal {
  /** Renews, or joins the renewal under way; does nothing while it is too early after a failure, or without a network. */
  readonly renew: (insist?: boolean) => Promise<void>
  /** Looks into the store, and asks nobody. */
  readonly load: () => Promise<void>
  /** Takes a session over that has just begun; the one before it in the store is noted as over. Never fails. */
  readonly begin: (session: StoredSession) => Promise<void>
}

/** A lock is waited for so long, and then done without. */
const patienceMilliseconds = 3_000
/** A refresh is decided within 10 s of arriving or not at all, so nothing is to be gained by waiting longer. */
const longestMilliseconds = 10_000
const mostRounds = 3

export function createTokenRenewal(parts: TokenRenewalParts): TokenRenewal {
  const { held, store, shared, tokenIssuer, endedHere, monotonic, now, timeout, random, online, tenure } = parts
  const backoff = createBackoff(monotonic, random)
  /** A session that began while the store was locked. Nobody else can know of it. */
  let unsaved: StoredSession | undefined

  /** Takes over what the store holds. */
  function catchUp(state: StoredState): StoredSession | undefined {
    const { session } = state
    if (session === undefined || endedHere.has(session.sessionId)) {
      held.end(held.session() === undefined ? 'not_signed_in' : 'store_emptied')
      return undefined
    }
    held.adopt(session)
    return session
  }

  async function read(): Promise<StoredState | 'locked'> {
    if (unsaved === undefined) return shared.read()
    const session = unsaved
    // Signed out meanwhile.
    if (held.session()?.sessionId !== session.sessionId) unsaved = undefined
    else await storeBeginning(session)
    return unsaved === undefined ? shared.read() : { session: unsaved, endings: [] }
  }

  async function storeBeginning(session: StoredSession): Promise<void> {
    const state = await shared.update(({ session: earlier, endings }) => ({
      session,
      endings:
        earlier === undefined || earlier.sessionId === session.sessionId ? endings : [...endings, earlier.refreshToken],
    }))
    unsaved = state === 'locked' ? session : undefined
  }

  async function load(signal: AbortSignal): Promise<void> {
    const state = await read()
    if (signal.aborted) return
    if (state === 'locked') held.goStale({ kind: 'locked' })
    else catchUp(state)
  }

  async function refresh(signal: AbortSignal): Promise<void> {
    const before = held.renewals()
    const limit = AbortSignal.any([signal, timeout(longestMilliseconds + patienceMilliseconds)])
    await runAlone(
      store.alone && ((work, patience) => store.alone?.(work, patience) ?? Promise.resolve()),
      () => refreshInTurn(before, signal, limit),
      AbortSignal.any([signal, timeout(patienceMilliseconds)]),
    )
  }

  async function refreshInTurn(before: number, signal: AbortSignal, limit: AbortSignal): Promise<void> {
    for (let round = 0; round < mostRounds; round += 1) {
      const state = await read()
      if (signal.aborted) return
      if (state === 'locked') return fail({ kind: 'locked' })
      const session = catchUp(state)
      if (session === undefined) return
      // Somebody else who shares the store has renewed meanwhile: one refresh is enough for all (T3.1).
      if (held.renewals() > before && held.standing() === 'fresh') return backoff.reset()
      if ((await present(session, signal, limit)) === 'done') return
    }
    fail({ kind: 'superseded' })
  }

  /** One request; `again` when the store by now holds something else to present. */
  async function present(session: StoredSession, signal: AbortSignal, limit: AbortSignal): Promise<'done' | 'again'> {
    const attemptId = store.attempts && (await claimFor(session, { attempts: store.attempts, timeout, random }))
    const sentAt = now()
    const { verdict, serverTime } = await tokenIssuer.refresh(session, attemptId, limit)
    // A reply that arrives after a sign-out must not bring the session back (T16.1).
    if (signal.aborted) return 'done'
    if (serverTime !== undefined) held.noteOffset(serverTime - sentAt)
    switch (verdict.kind) {
      case 'renewed':
        await save(storedFrom(verdict.reply, { sentAt, serverTime, presented: session }), signal)
        backoff.reset()
        return 'done'
      case 'ended':
        return endUnlessNewer(session, verdict.reason, signal)
      case 'failed':
        if (verdict.failure.kind === 'superseded' && (await isNewer(session))) return 'again'
        if (!signal.aborted) fail(verdict.failure)
        return 'done'
    }
  }

  async function save(next: StoredSession, signal: AbortSignal): Promise<void> {
    if (unsaved !== undefined) unsaved = next
    const state = unsaved === undefined ? await shared.update(advanceTo(next)) : 'locked'
    if (signal.aborted) return
    // What could not be stored is fetched again, by the attempt id that is stored beside the token presented (T3.3).
    if (state === 'locked') held.adopt(next)
    else catchUp(state)
  }

  /** Another process may have renewed what was refused here: then that is adopted, and nothing is deleted (T3.2). */
  async function endUnlessNewer(
    presented: StoredSession,
    reason: string,
    signal: AbortSignal,
  ): Promise<'done' | 'again'> {
    const state = await shared.update(removePresented(presented))
    if (signal.aborted) return 'done'
    if (state !== 'locked' && state.session !== undefined) return 'again'
    held.end(reason)
    store.attempts?.forget(presented.sessionId).catch(() => undefined)
    return 'done'
  }

  async function isNewer(presented: StoredSession): Promise<boolean> {
    const state = await shared.read()
    return state !== 'locked' && state.session?.refreshToken !== presented.refreshToken
  }

  function fail(failure: TransientFailure): void {
    backoff.fail(failure)
    held.goStale(failure)
  }

  const refreshing = singleFlight(refresh, tenure)
  const loading = singleFlight(load, tenure)

  return {
    renew: async (insist = false) => {
      if (held.session() === undefined) await loading.join()
      if (held.session() === undefined) return
      if (!online()) return held.goStale({ kind: 'network' })
      if (refreshing.running() || backoff.mayTry(insist)) await refreshing.join()
    },
    load: loading.join,
    begin: async (session) => {
      await storeBeginning(session)
      backoff.reset()
      held.adopt(session)
    },
  }
}

/** What a reply makes of a session. */
export function storedFrom(
  reply: TokenReply,
  request: {
    /** By the device's clock. */
    readonly sentAt: number
    readonly serverTime: number | undefined
    /** Undefined: the session begins with this reply. */
    readonly presented: StoredSession | undefined
  },
): StoredSession {
  const { sentAt, presented } = request
  // From the sending on, not from the arrival: so it never counts as fresher than it is.
  const begin = request.serverTime ?? sentAt
  const refreshToken = reply.refreshToken ?? presented?.refreshToken ?? ''
  const moved = refreshToken !== presented?.refreshToken
  const counted = presented === undefined ? 0 : presented.generation + (moved ? 1 : 0)
  return {
    sessionId: reply.sessionId,
    generation: readRefreshTokenGeneration(refreshToken) ?? counted,
    refreshToken,
    user: reply.user,
    accessToken: reply.accessToken ?? '',
    expiresAt: begin + reply.expiresIn * 1000,
    refreshAt: begin + reply.refreshIn * 1000,
    savedAt: sentAt,
    clockOffset: begin - sentAt,
  }
}
