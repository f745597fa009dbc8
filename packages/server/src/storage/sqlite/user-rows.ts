import type { UserRecord } from '../../users/user.ts'
import { integer, integerOrNull, text, textList, textOrNull } from './columns.ts'
import type { Row } from './database.ts'

/** The columns that {@link userRecord} reads, by names that no column of a joined session has. */
export const userColumns = `
  users.id AS user_id, username, password_hash, roles, users.created_at AS user_created_at, disabled_at`

/** Reads a user. */
export function userRecord(row: Row): UserRecord {
  return {
    id: text(row, 'user_id'),
    username: text(row, 'username'),
    passwordHash: textOrNull(row, 'password_hash'),
    roles: textList(text(row, 'roles'), 'roles'),
    createdAt: integer(row, 'user_created_at'),
    disabledAt: integerOrNull(row, 'disabled_at'),
  }
}
