import type { SessionKeepingChoice } from './session-keeping.ts'
import type { SessionStore, StoredSession } from './session-store.ts'
import { storedSessions } from './stored-sessions.ts'

/** Keeps sessions in the memory of this process: for development, and where a restart may sign everybody out. */
export function memorySessions(): SessionKeepingChoice {
  return storedSessions(memorySessionStore())
}

function memorySessionStore(): SessionStore {
  const kept = new Map<string, { readonly session: StoredSession; attempt: string | undefined }>()
  return {
    add: async (session, now) => {
      for (const [id, entry] of kept) if (entry.session.endsAt <= now) kept.delete(id)
      kept.set(session.id, { session, attempt: undefined })
    },
    find: async (id) => kept.get(id)?.session,
    claimAttempt: async (id, version, candidate) => {
      const entry = kept.get(id)
      if (entry === undefined || entry.session.version !== version) return undefined
      entry.attempt ??= candidate
      return entry.attempt
    },
    replace: async (session) => {
      const entry = kept.get(session.id)
      if (entry === undefined || entry.session.version >= session.version) return
      kept.set(session.id, { session, attempt: undefined })
    },
    remove: async (id) => {
      kept.delete(id)
    },
  }
}
