import { createAuthorizedFetch } from '../authorized-fetch.ts'
import type { Environment } from '../environment.ts'
import { onNetwork } from '../network-events.ts'
import type { Session } from '../session.ts'
import type { AnsweredSignIn, SignInOutcome } from '../sign-in.ts'
import { createEndings } from './endings.ts'
import { holdTokens } from './held-tokens.ts'
import { shareState } from './shared-state.ts'
import type { StoredTokensClient } from './token-client.ts'
import type { TokenIssuer } from './token-issuer.ts'
import { createTokenRenewal, storedFrom } from './token-renewal.ts'
import type { TokenStore } from './token-store.ts'

/** A client without its sign-in, which depends on the issuer, and what that sign-in needs. */
export interface StoredSessionClient {
  readonly client: StoredTokensClient
  /** Begins a session with the reply that `ask` gets; whatever is under way when it is called counts for nothing. */
  readonly begin: (ask: (signal: AbortSignal) => Promise<AnsweredSignIn>) => Promise<SignInOutcome>
}

/** Everything about a session whose tokens are kept in a store. */
export function holdStoredSession(
  environment: Environment,
  store: TokenStore,
  tokenIssuer: TokenIssuer,
): StoredSessionClient {
  const { now, timeout } = environment
  const held = holdTokens(environment)
  const shared = shareState(store, timeout)
  const endedHere = new Set<string>()
  let tenure = new AbortController()
  let disposed = false
  let clearing: Promise<unknown> = Promise.resolve()

  function beginTenure(): AbortSignal {
    tenure.abort()
    if (!disposed) tenure = new AbortController()
    return tenure.signal
  }

  const parts = { ...environment, held, store, shared, tokenIssuer, endedHere, tenure: () => tenure.signal }
  const renewal = createTokenRenewal(parts)
  const endings = createEndings(parts)
  const authorizedFetch = createAuthorizedFetch({
    ...environment,
    credentials: undefined,
    held,
    renewal,
    isDisposed: () => disposed,
  })

  /** Where no session is known, another process may have begun one since. */
  async function load(): Promise<void> {
    if (held.session() !== undefined || disposed) return
    // What is being signed out must not be found again.
    await clearing
    await renewal.load()
    void endings.flush()
  }

  const stopWatching = store.watch?.(() => void renewal.load())
  const stopListening = onNetwork(() => void endings.flush())

  return {
    begin: async (ask) => {
      // The sign-out has to take away what it found, not what begins now.
      await clearing
      const signal = beginTenure()
      const sentAt = now()
      const asked = await ask(signal)
      if (!asked.ok) return asked
      if (asked.serverTime !== undefined) held.noteOffset(asked.serverTime - sentAt)
      const session = storedFrom(asked.reply, { sentAt, serverTime: asked.serverTime, presented: undefined })
      await renewal.begin(session)
      void endings.flush()
      const { user, sessionId, generation } = session
      return { ok: true, session: { status: 'active', user, sessionId, generation } }
    },
    client: {
      fetch: async (input, init) => {
        await load()
        return authorizedFetch(input, init)
      },
      signOut: (options = {}) => {
        if (disposed) return Promise.resolve({ ok: false, cause: cancelled })
        beginTenure()
        const ending = endings.signOut(options)
        clearing = ending.cleared
        return ending.outcome
      },
      refresh: async () => {
        await renewal.renew(true)
        return current()
      },
      session: async () => {
        await load()
        const standing = held.standing()
        if (held.current()?.status === 'stale' || standing === 'expired' || standing === 'due') void renewal.renew()
        return current()
      },
      accessToken: async () => {
        await load()
        if (held.standing() === 'expired') await renewal.renew()
        else if (held.standing() === 'due') void renewal.renew()
        return held.bearer()
      },
      current: held.current,
      onChange: held.onChange,
      dispose: () => {
        disposed = true
        stopWatching?.()
        stopListening()
        held.dispose()
        beginTenure()
      },
    },
  }

  /** Unknown it stays only when the asking was cut short. */
  function current(): Session {
    const unknown = { user: undefined, sessionId: undefined, generation: undefined }
    return held.current() ?? { status: 'stale', ...unknown, cause: cancelled }
  }
}

const cancelled = { kind: 'cancelled' } as const
