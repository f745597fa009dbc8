'use client'

import { createContext, createElement, type ReactNode, useCallback, useContext, useSyncExternalStore } from 'react'
import type { Session } from '../session.ts'
import type { SessionClient } from '../session-client.ts'

/** Nothing is known yet: the client is still being asked, or the page is being rendered on a server. */
export interface LoadingSession {
  readonly status: 'loading'
}

interface Provided {
  readonly client: SessionClient
  readonly initial: Session | LoadingSession
}

/** What a provider is given. */
export interface SessionProviderProperties {
  /** Made outside of components, once, and shared. Whoever made it disposes of it. */
  readonly client: SessionClient
  /** What a server that rendered the page knew already. Shown until the client knows better. Default: loading. */
  readonly initial?: Session
  readonly children?: ReactNode
}

const loading: LoadingSession = { status: 'loading' }
const Context = createContext<Provided | undefined>(undefined)

/**
 * Gives a client to all components below. It renews nothing and listens to nothing by itself, so it may mount as often as
 * React likes.
 *
 * @example
 * const client = createClient()
 * createRoot(element).render(<SessionProvider client={client}><App /></SessionProvider>)
 */
export function SessionProvider({ client, initial, children }: SessionProviderProperties): ReactNode {
  return createElement(Context.Provider, { value: { client, initial: initial ?? loading } }, children)
}

/**
 * Who is signed in. The component is rendered again whenever that changes, in whichever tab it did.
 *
 * @throws Error outside of a {@link SessionProvider}
 */
export function useSession(): Session | LoadingSession {
  const { client, initial } = useProvided()
  const subscribe = useCallback(
    (listener: () => void) => {
      const stop = client.onChange(listener)
      // Asks the first time only; mounted twice, as in StrictMode, both wait for the same answer.
      void client.session()
      return stop
    },
    [client],
  )
  return useSyncExternalStore(
    subscribe,
    () => client.current() ?? initial,
    () => initial,
  )
}

/**
 * The client itself, to sign in, sign out and fetch with.
 *
 * @throws Error outside of a {@link SessionProvider}
 */
export function useClient(): SessionClient {
  return useProvided().client
}

function useProvided(): Provided {
  const provided = useContext(Context)
  if (provided === undefined) throw new Error('useSession and useClient have to be called below a SessionProvider')
  return provided
}
