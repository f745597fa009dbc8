import type { UserRecord, UserStore } from '@pawl/server'
import { integer, isStorable, storableText } from '@pawl/server/stored-columns'
import { eventDocument } from '@pawl/server/stored-events'
import { userRecord } from '@pawl/server/stored-records'
import { revokedSessions } from '@pawl/server/stored-revocations'
import type { Database } from './database.ts'
import { writingEvent } from './events.ts'
import type { WriteRevocations } from './revocations.ts'
import { userColumns } from './session-columns.ts'
import type { SessionsEnding } from './session-endings.ts'
import { reading, type Statement, telling, type Value } from './statement.ts'

const written = 'id, username, username_key, password_hash, roles, created_at, disabled_at'

function valuesOf(user: UserRecord, usernameKey: string, passwordHash: string | null): readonly Value[] {
  return [
    storableText(user.id),
    storableText(user.username),
    storableText(usernameKey),
    passwordHash,
    JSON.stringify(user.roles),
    user.createdAt,
    user.disabledAt,
  ]
}

function statements(schema: string) {
  const users = `"${schema}".users`
  return {
    findById: reading('find_user', `SELECT ${userColumns} FROM ${users} WHERE id = $2`),
    // Of those who share a name the one with a password comes first.
    findByName: reading(
      'find_user_by_name',
      `SELECT ${userColumns} FROM ${users} WHERE username_key = $2 ORDER BY (password_hash IS NULL), number LIMIT 1`,
    ),
    list: reading('list_users', `SELECT ${userColumns} FROM ${users} ORDER BY number`),
    add: telling({
      schema,
      name: 'add_user',
      change: `
        INSERT INTO ${users} (${written})
        SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::bigint, $7::bigint
        WHERE NOT EXISTS (SELECT FROM ${users} WHERE username_key = $3 AND password_hash IS NOT NULL)
        ON CONFLICT DO NOTHING RETURNING number`,
      document: '$8',
    }),
    // Most sign-ins bring nothing new; the last condition keeps them from rewriting the row. A user with a password here
    // is not the application's to change.
    recordExternal: {
      name: 'record_external_user',
      text: `
        INSERT INTO ${users} AS known (${written}) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO UPDATE
          SET username = excluded.username, username_key = excluded.username_key, roles = excluded.roles
          WHERE known.password_hash IS NULL AND (known.username, known.username_key, known.roles)
            IS DISTINCT FROM (excluded.username, excluded.username_key, excluded.roles)`,
    },
    replaceHash: {
      name: 'replace_password_hash',
      text: `UPDATE ${users} SET password_hash = $3 WHERE id = $1 AND password_hash = $2 RETURNING number`,
    },
    setPassword: {
      name: 'set_password',
      text: `UPDATE ${users} SET password_hash = $2 WHERE id = $1 AND password_hash IS NOT NULL RETURNING number`,
    },
    setRoles: {
      name: 'set_roles',
      text: `UPDATE ${users} SET roles = $2 WHERE id = $1 AND password_hash IS NOT NULL RETURNING number`,
    },
    disable: {
      name: 'disable_user',
      text: `UPDATE ${users} SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL RETURNING number`,
    },
  } satisfies Record<string, Statement>
}

/** Users in PostgreSQL. */
export function postgresUsers(
  database: Database,
  schema: string,
  {
    endSessions,
    writeRevocations,
  }: { readonly endSessions: SessionsEnding; readonly writeRevocations: WriteRevocations },
): UserStore {
  const { findById, findByName, list, add, recordExternal, replaceHash, setPassword, setRoles, disable } =
    statements(schema)
  const writeEvent = writingEvent(schema)

  async function found(statement: Statement, text: string): Promise<UserRecord | undefined> {
    if (!isStorable(text)) return undefined
    const { rows } = await database.read(statement, [text])
    const [row] = rows
    return row && userRecord(row)
  }

  return {
    findUserByName: (usernameKey) => found(findByName, usernameKey),
    findUser: (id) => found(findById, id),

    async listUsers() {
      return (await database.read(list)).rows.map(userRecord)
    },

    async addUser(user, usernameKey, event) {
      const values = [...valuesOf(user, usernameKey, user.passwordHash), eventDocument(event)]
      return (await database.change(add, values)).length > 0
    },

    async recordExternalUser(user, usernameKey) {
      await database.change(recordExternal, valuesOf(user, usernameKey, null))
    },

    async replacePasswordHash(id, from, to) {
      if (!isStorable(id)) return false
      return (await database.change(replaceHash, [id, from, to])).length > 0
    },

    async changePassword({ id, passwordHash, keepSession, now, event }) {
      if (!isStorable(id)) return false
      return database.transaction(
        async (run) => {
          const [user] = await run(setPassword, [id, passwordHash])
          if (user === undefined) return false
          const ending = {
            user: integer(user, 'number'),
            except: keepSession,
            now,
            reason: 'password_changed',
          } as const
          const endedSessions = await endSessions.ofUser(run, ending)
          await writeRevocations(run, revokedSessions(endedSessions), now)
          await run(writeEvent, [eventDocument({ ...event, endedSessions })])
          return true
        },
        { durable: true },
      )
    },

    async disableUser(id, now, event) {
      if (!isStorable(id)) return false
      return database.transaction(
        async (run) => {
          const [user] = await run(disable, [id, now])
          if (user === undefined) return false
          const ending = { user: integer(user, 'number'), except: undefined, now, reason: 'user_disabled' } as const
          const endedSessions = await endSessions.ofUser(run, ending)
          await writeRevocations(run, [...revokedSessions(endedSessions), { kind: 'user', id }], now)
          await run(writeEvent, [eventDocument({ ...event, endedSessions })])
          return true
        },
        { durable: true },
      )
    },

    async setRoles({ id, roles, applyNow, now, event }) {
      if (!isStorable(id)) return false
      return database.transaction(
        async (run) => {
          if ((await run(setRoles, [id, JSON.stringify(roles)])).length === 0) return false
          if (applyNow) await writeRevocations(run, [{ kind: 'claims', id }], now)
          await run(writeEvent, [eventDocument(event)])
          return true
        },
        { durable: true },
      )
    },
  }
}
