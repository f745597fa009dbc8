import { withSignal } from '../deadline.ts'
import { readState, type StoredSession, type StoredState, writeState } from './stored-state.ts'
import type { TokenStore } from './token-store.ts'

/** The store, read and written in terms of sessions. A store that fails or hangs is `locked`; it is never taken for empty. */
export interface SharedState {
  readonly read: () => Promise<StoredState | 'locked'>
  /** @returns what is stored now */
  readonly update: (change: (state: StoredState) => StoredState) => Promise<StoredState | 'locked'>
}

/** A store that takes longer is locked: nobody waits for a keychain that asks for a password. */
const longestMilliseconds = 3_000

export function shareState(store: TokenStore, timeout: (milliseconds: number) => AbortSignal): SharedState {
  async function unlessLocked(access: () => Promise<string | undefined>): Promise<StoredState | 'locked'> {
    try {
      return readState(await withSignal(access(), timeout(longestMilliseconds)))
    } catch {
      return 'locked'
    }
  }
  return {
    read: () => unlessLocked(() => store.read()),
    update: (change) =>
      unlessLocked(() =>
        store.update((text) => {
          const state = readState(text)
          const next = change(state)
          return next === state ? text : writeState(next)
        }),
      ),
  }
}

/** Puts a newer state of a session in, and never an older one over a newer, nor back what was signed out. */
export function advanceTo(next: StoredSession): (state: StoredState) => StoredState {
  return (state) => {
    const { session } = state
    const isNewer = session?.sessionId === next.sessionId && session.generation <= next.generation
    return isNewer ? { ...state, session: next } : state
  }
}

/** Takes a session out, if what is stored is still what was presented. */
export function removePresented(presented: StoredSession): (state: StoredState) => StoredState {
  return (state) => (state.session?.refreshToken === presented.refreshToken ? { ...state, session: undefined } : state)
}
