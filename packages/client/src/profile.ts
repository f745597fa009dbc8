import type { UserDocument } from '@pawl/protocol'
import type { Session } from './session.ts'
import { readSessionHolder } from './token-reply.ts'
import type { WebStorage } from './web-storage.ts'

/** Who was last signed in, kept beside the cookies so that a page that loads can tell at once, also without a network. */
export interface Profile {
  /** The user of a session, if it is the one that was kept. */
  readonly read: (sessionId: string) => UserDocument | undefined
  /** Keeps who is signed in, or forgets who was. */
  readonly keep: (session: Session) => void
}

/** @param store may throw, for storing may be forbidden: then nothing is kept */
export function createProfile(key: string, store: () => WebStorage | undefined): Profile {
  return {
    read: (sessionId) => {
      try {
        const kept = readSessionHolder(JSON.parse(store()?.getItem(key) ?? ''))
        return kept?.sessionId === sessionId ? kept.user : undefined
      } catch {
        return undefined
      }
    },
    keep: (session) => {
      try {
        if (session.status === 'active')
          store()?.setItem(key, JSON.stringify({ session_id: session.sessionId, user: session.user }))
        else if (session.status === 'signed-out') store()?.removeItem(key)
      } catch {
        // Then the next page asks the server.
      }
    },
  }
}
