import type { UserRecord } from '../../users/user.ts'
import type { UserStore } from '../../users/user-store.ts'
import { storableText } from '../stored-columns.ts'
import { userRecord } from '../stored-records.ts'
import { revokedSessions } from '../stored-revocations.ts'
import type { Database, Values } from './database.ts'
import { writeEvent } from './events.ts'
import type { SqliteRevocations } from './revocations.ts'
import { endSessionsOfUser } from './sessions.ts'
import { userColumns } from './user-rows.ts'

const findById = `SELECT ${userColumns} FROM users WHERE id = :id`
const findWithPassword = `
  SELECT ${userColumns} FROM users WHERE username_key = :usernameKey AND password_hash IS NOT NULL`
const findWithoutPassword = `
  SELECT ${userColumns} FROM users WHERE username_key = :usernameKey AND password_hash IS NULL ORDER BY number LIMIT 1`
const list = `SELECT ${userColumns} FROM users ORDER BY number`

const add = `
  INSERT INTO users (id, username, username_key, password_hash, roles, created_at, disabled_at)
  VALUES (:id, :username, :usernameKey, :passwordHash, :roles, :createdAt, :disabledAt)
  ON CONFLICT DO NOTHING`

// Most sign-ins bring nothing new; the last condition keeps them from rewriting the row. A user with a password here is
// not the application's to change.
const recordExternal = `
  INSERT INTO users (id, username, username_key, password_hash, roles, created_at, disabled_at)
  VALUES (:id, :username, :usernameKey, NULL, :roles, :createdAt, :disabledAt)
  ON CONFLICT (id) DO UPDATE
    SET username = excluded.username, username_key = excluded.username_key, roles = excluded.roles
    WHERE password_hash IS NULL
      AND (username, username_key, roles) IS NOT (excluded.username, excluded.username_key, excluded.roles)`

const replaceHash = 'UPDATE users SET password_hash = :to WHERE id = :id AND password_hash = :from'
const setPassword = `
  UPDATE users SET password_hash = :passwordHash WHERE id = :id AND password_hash IS NOT NULL`
const setRoles = 'UPDATE users SET roles = :roles WHERE id = :id AND password_hash IS NOT NULL'
const disable = 'UPDATE users SET disabled_at = :now WHERE id = :id AND disabled_at IS NULL'

function writtenUser(user: UserRecord, usernameKey: string): Values {
  return {
    id: storableText(user.id),
    username: storableText(user.username),
    usernameKey: storableText(usernameKey),
    roles: JSON.stringify(user.roles),
    createdAt: user.createdAt,
    disabledAt: user.disabledAt,
  }
}

/** Users in SQLite. */
export function sqliteUsers(database: Database, writeRevocations: SqliteRevocations['writeRevocations']): UserStore {
  return {
    async findUserByName(usernameKey) {
      const row = database.get(findWithPassword, { usernameKey }) ?? database.get(findWithoutPassword, { usernameKey })
      return row && userRecord(row)
    },

    async findUser(id) {
      const row = database.get(findById, { id })
      return row && userRecord(row)
    },

    async listUsers() {
      return database.all(list).map(userRecord)
    },

    async addUser(user, usernameKey, event) {
      const values = { ...writtenUser(user, usernameKey), passwordHash: user.passwordHash }
      return database.transaction(() => {
        if (database.get(findWithPassword, { usernameKey }) !== undefined) return false
        if (database.run(add, values) === 0) return false
        writeEvent(database, event)
        return true
      })
    },

    async recordExternalUser(user, usernameKey) {
      await database.transaction(() => database.run(recordExternal, writtenUser(user, usernameKey)))
    },

    async replacePasswordHash(id, from, to) {
      return database.transaction(() => database.run(replaceHash, { id, from, to }) === 1)
    },

    async changePassword({ id, passwordHash, keepSession, now, event }) {
      return database.transaction(() => {
        if (database.run(setPassword, { id, passwordHash }) === 0) return false
        const ending = { userId: id, except: keepSession, now, reason: 'password_changed' } as const
        const endedSessions = endSessionsOfUser(database, ending)
        writeRevocations(revokedSessions(endedSessions), now)
        writeEvent(database, { ...event, endedSessions })
        return true
      })
    },

    async disableUser(id, now, event) {
      return database.transaction(() => {
        if (database.run(disable, { id, now }) === 0) return false
        const ending = { userId: id, except: undefined, now, reason: 'user_disabled' } as const
        const endedSessions = endSessionsOfUser(database, ending)
        writeRevocations([...revokedSessions(endedSessions), { kind: 'user', id }], now)
        writeEvent(database, { ...event, endedSessions })
        return true
      })
    },

    async setRoles({ id, roles, applyNow, now, event }) {
      return database.transaction(() => {
        if (database.run(setRoles, { id, roles: JSON.stringify(roles) }) === 0) return false
        if (applyNow) writeRevocations([{ kind: 'claims', id }], now)
        writeEvent(database, event)
        return true
      })
    },
  }
}
