import type { UserRecord } from '../../users/user.ts'
import type { UserStore } from '../../users/user-store.ts'
import { storableText } from '../stored-columns.ts'
import { revokedSessions } from '../stored-revocations.ts'
import { writeRevocations } from './revocations.ts'
import { endSessions } from './sessions.ts'
import { detached, type MemoryState, writeEvent } from './state.ts'

/** Users in memory. */
export function memoryUsers(state: MemoryState): UserStore {
  function named(usernameKey: string): UserRecord[] {
    return [...state.users.values()].filter((entry) => entry.usernameKey === usernameKey).map((entry) => entry.user)
  }

  function change(id: string, changed: Partial<UserRecord>): void {
    const entry = state.users.get(id)
    if (entry !== undefined) state.users.set(id, { ...entry, user: { ...entry.user, ...changed } })
  }

  return {
    async findUserByName(usernameKey) {
      const users = named(usernameKey)
      return detached(users.find((user) => user.passwordHash !== null) ?? users[0])
    },

    async findUser(id) {
      return detached(state.users.get(id)?.user)
    },

    async listUsers() {
      return [...state.users.values()].map((entry) => detached(entry.user))
    },

    async addUser(user, usernameKey, event) {
      for (const text of [user.id, user.username, usernameKey]) storableText(text)
      if (state.users.has(user.id) || named(usernameKey).some((other) => other.passwordHash !== null)) return false
      state.users.set(user.id, { user: detached(user), usernameKey })
      writeEvent(state, event)
      return true
    },

    async recordExternalUser(user, usernameKey) {
      for (const text of [user.id, user.username, usernameKey]) storableText(text)
      const known = state.users.get(user.id)?.user
      if (known !== undefined && known.passwordHash !== null) return
      const recorded = { ...(known ?? user), username: user.username, roles: user.roles, passwordHash: null }
      state.users.set(user.id, { user: detached(recorded), usernameKey })
    },

    async replacePasswordHash(id, from, to) {
      if (state.users.get(id)?.user.passwordHash !== from) return false
      change(id, { passwordHash: to })
      return true
    },

    async changePassword({ id, passwordHash, keepSession, now, event }) {
      const user = state.users.get(id)?.user
      if (user === undefined || user.passwordHash === null) return false
      change(id, { passwordHash })
      const endedSessions = endSessions(
        state,
        (session) => session.userId === id && session.id !== keepSession,
        now,
        'password_changed',
      )
      writeRevocations(state, revokedSessions(endedSessions), now)
      writeEvent(state, { ...event, endedSessions })
      return true
    },

    async disableUser(id, now, event) {
      if (state.users.get(id)?.user.disabledAt !== null) return false
      change(id, { disabledAt: now })
      const endedSessions = endSessions(state, (session) => session.userId === id, now, 'user_disabled')
      writeRevocations(state, [...revokedSessions(endedSessions), { kind: 'user', id }], now)
      writeEvent(state, { ...event, endedSessions })
      return true
    },

    async setRoles({ id, roles, applyNow, now, event }) {
      const user = state.users.get(id)?.user
      if (user === undefined || user.passwordHash === null) return false
      change(id, { roles: [...roles] })
      if (applyNow) writeRevocations(state, [{ kind: 'claims', id }], now)
      writeEvent(state, event)
      return true
    },
  }
}
