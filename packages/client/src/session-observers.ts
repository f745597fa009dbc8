import type { Session, SessionListener } from './session.ts'

/** The session as far as it is known, and whoever wants to hear of its changes. */
export interface ObservedSession {
  readonly current: () => Session | undefined
  /** Sets it, and tells of it if anything is different. Undefined: it is not known any more. */
  readonly change: (next: Session | undefined) => void
  readonly onChange: (listener: SessionListener) => () => void
  readonly dispose: () => void
}

export function observeSession(): ObservedSession {
  let session: Session | undefined
  const listeners = new Set<SessionListener>()
  return {
    current: () => session,
    change: (next) => {
      const same = JSON.stringify(session) === JSON.stringify(next)
      if (same) return
      session = next
      if (next === undefined) return
      for (const listener of listeners) {
        // Not called from here: a listener may call the client, and what it throws is its own affair.
        queueMicrotask(() => {
          if (listeners.has(listener)) listener(next)
        })
      }
    },
    onChange: (listener) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    dispose: () => listeners.clear(),
  }
}
