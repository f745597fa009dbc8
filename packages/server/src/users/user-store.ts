import type { SecurityEvent } from '../security-events/security-event.ts'
import type { UserRecord } from './user.ts'

/** Users at rest. Changes that must end sessions do so in the same transaction, after locking the user's row. */
export interface UserStore {
  findUserByName(usernameKey: string): Promise<UserRecord | undefined>
  findUser(id: string): Promise<UserRecord | undefined>
  listUsers(): Promise<readonly UserRecord[]>
  /** False: another user with a password has this username key already, or the id is in use. */
  addUser(user: UserRecord, usernameKey: string, event: SecurityEvent): Promise<boolean>
  /** Writes down a user that the application authenticated, or brings name and roles up to date. Leaves `disabledAt`. */
  recordExternalUser(user: UserRecord, usernameKey: string): Promise<void>
  /** Replaces a password hash if it still is `from`; a rehash under new parameters, no event, no session ends. */
  replacePasswordHash(id: string, from: string, to: string): Promise<boolean>
  /** Sets a new password hash and ends the user's sessions but `keepSession`, with reason `password_changed`. */
  changePassword(change: {
    readonly id: string
    readonly passwordHash: string
    readonly keepSession?: string
    readonly now: number
    readonly event: SecurityEvent
  }): Promise<boolean>
  /**
   * Replaces the roles of a user with a password here. With `applyNow`, what tokens of before `now` say of him counts as
   * out of date: a `claims` entry in the revocation feed. False: unknown, or the application's to give roles to.
   */
  setRoles(change: {
    readonly id: string
    readonly roles: readonly string[]
    readonly applyNow: boolean
    readonly now: number
    readonly event: SecurityEvent
  }): Promise<boolean>
  /** Disables a user and ends all sessions with reason `user_disabled`. False: unknown or disabled already. */
  disableUser(id: string, now: number, event: SecurityEvent): Promise<boolean>
}
