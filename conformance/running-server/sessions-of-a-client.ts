import type { Storage } from '@pawl/server'

type SessionRecord = Parameters<Storage['openSession']>[0]

/**
 * Stands between a server and its store, so that every sign-in opens a session of another client than the first party, as
 * an authorization endpoint would.
 */
export function sessionsOf(
  clientId: string,
  more: Partial<SessionRecord> | (() => Partial<SessionRecord>) = {},
): (storage: Storage) => Storage {
  return (storage) => ({
    ...storage,
    openSession: (session, event) =>
      storage.openSession({ ...session, clientId, ...(typeof more === 'function' ? more() : more) }, event),
  })
}
