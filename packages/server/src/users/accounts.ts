import { encodeBase64url } from '@pawl/protocol'
import type { RevocationStore } from '../revocations/revocation-store.ts'
import type { Random } from '../secrets/random.ts'
import type { Device, SecurityEvent } from '../security-events/security-event.ts'
import { type Authenticate, readExternalUser } from './external-user.ts'
import type { PasswordHashing } from './password-hash.ts'
import { type PasswordRefusal, refusePassword } from './password-rules.ts'
import { isRole } from './role.ts'
import { type UserRecord, usernameKey } from './user.ts'
import type { UserStore } from './user-store.ts'
import { isUsername } from './username.ts'

const idBytes = 16

/** A user as the rest of the server may see him: the hash of his password stays here. */
export type Account = Omit<UserRecord, 'passwordHash'>

/** Outcome of a sign-in. */
export type SignInOutcome = { readonly user: Account } | 'invalid_credentials' | 'busy'

/** Outcome of somebody's own registration. */
export type RegisterUserOutcome =
  | { readonly outcome: 'added'; readonly user: Account }
  | { readonly outcome: 'malformed_username' | 'username_taken' | 'busy' }
  | PasswordRefused

/** Outcome of adding a user. */
export type AddUserOutcome = RegisterUserOutcome | { readonly outcome: 'malformed_role' }

/** Outcome of setting a password. `no_password`: the application authenticates this user itself. */
export type SetPasswordOutcome =
  | { readonly outcome: 'changed'; readonly user: Account }
  | { readonly outcome: 'unknown_user' | 'no_password' | 'busy' }
  | PasswordRefused

/** Outcome of setting roles. `roles_elsewhere`: the application gives the roles of this user. */
export type SetRolesOutcome =
  | { readonly outcome: 'changed'; readonly user: Account }
  | { readonly outcome: 'unknown_user' | 'roles_elsewhere' | 'malformed_role' }

/** Outcome of a user's own change of password. */
export type ChangePasswordOutcome = { readonly outcome: 'changed' | 'invalid_credentials' | 'busy' } | PasswordRefused

/** A new password that does not meet the rules. */
export interface PasswordRefused {
  readonly outcome: 'password_refused'
  readonly reason: PasswordRefusal
}

/** Users: who may sign in, and with what. */
export interface Accounts {
  /**
   * Checks a password. Unknown users, wrong passwords and disabled users are answered alike and cost alike.
   *
   * @returns the user, `invalid_credentials`, or `busy` when too many passwords wait to be checked (503)
   */
  readonly signIn: (credentials: { readonly username: string; readonly password: string }) => Promise<SignInOutcome>
  /** Adds a user at his own wish; he gets no role. */
  readonly register: (registration: {
    readonly username: string
    readonly password: string
    readonly device?: Device
  }) => Promise<RegisterUserOutcome>
  /** Adds a user at an administrator's wish. */
  readonly addUser: (user: {
    readonly username: string
    readonly password: string
    readonly roles?: readonly string[]
  }) => Promise<AddUserOutcome>
  /** Changes a user's own password and ends his sessions but `keepSession`. */
  readonly changePassword: (change: {
    readonly userId: string
    readonly currentPassword: string
    readonly newPassword: string
    readonly keepSession?: string
    readonly device?: Device
  }) => Promise<ChangePasswordOutcome>
  /** Sets a password as an administrator and ends all sessions of the user. */
  readonly setPassword: (username: string, newPassword: string) => Promise<SetPasswordOutcome>
  /**
   * Replaces the roles of a user as an administrator.
   *
   * @param options.applyNow whether access tokens that say otherwise are refused from now on, with the word to refresh;
   *   otherwise they speak of the old roles until they expire
   */
  readonly setRoles: (
    username: string,
    roles: readonly string[],
    options?: { readonly applyNow?: boolean },
  ) => Promise<SetRolesOutcome>
  /** The application's own claims of a user have changed: tokens of before are refused, with the word to refresh. */
  readonly claimsChanged: (userId: string) => Promise<'told' | 'unknown_user'>
  /** Disables a user and ends all his sessions. */
  readonly disable: (username: string) => Promise<'disabled' | 'unknown_user' | 'already_disabled'>
  readonly list: () => Promise<readonly Account[]>
}

/**
 * Accounts over a store.
 *
 * @param options.now the store's instant in milliseconds
 * @param options.random draws user ids
 * @param options.authenticate the application's own sign-in; asked instead of the password check where it is given
 */
export function createAccounts(options: {
  readonly store: UserStore & Pick<RevocationStore, 'addRevocation'>
  readonly now: () => Promise<number>
  readonly hashing: PasswordHashing
  readonly random: Random
  readonly authenticate?: Authenticate
}): Accounts {
  const { store, now, hashing, random, authenticate } = options

  async function findByName(username: string): Promise<UserRecord | undefined> {
    return isUsername(username) ? await store.findUserByName(usernameKey(username)) : undefined
  }

  async function signInWithPassword(username: string, password: string): Promise<SignInOutcome> {
    const found = await findByName(username)
    const matches = await hashing.verify(password, found?.passwordHash ?? null)
    if (matches === 'busy') return 'busy'
    if (!matches || found === undefined || found.disabledAt !== null) return 'invalid_credentials'
    await rehash(found, password)
    return { user: accountOf(found) }
  }

  async function signInWithApplication(ask: Authenticate, username: string, password: string): Promise<SignInOutcome> {
    const answer = readExternalUser(await ask({ username, password }))
    if (answer === undefined) return 'invalid_credentials'
    const { id, username: name, roles } = answer
    await store.recordExternalUser(
      { id, username: name, passwordHash: null, roles, createdAt: await now(), disabledAt: null },
      usernameKey(name),
    )
    const user = await store.findUser(id)
    if (user === undefined) throw new Error('the store does not find a user that it has just written down')
    return user.disabledAt === null ? { user: accountOf(user) } : 'invalid_credentials'
  }

  /** The password is at hand only now. When the hasher is busy it can wait for the next sign-in. */
  async function rehash(user: UserRecord, password: string): Promise<void> {
    if (user.passwordHash === null || !hashing.needsRehash(user.passwordHash)) return
    const fresh = await hashing.hash(password)
    if (fresh !== 'busy') await store.replacePasswordHash(user.id, user.passwordHash, fresh.phc)
  }

  async function add(
    user: { readonly username: string; readonly password: string; readonly roles: readonly string[] },
    actor: SecurityEvent['actor'],
    device: Device | undefined,
  ): Promise<RegisterUserOutcome> {
    const { username, password, roles } = user
    if (!isUsername(username)) return { outcome: 'malformed_username' }
    const made = await hashNewPassword(password)
    if ('outcome' in made) return made
    const createdAt = await now()
    const id = `usr_${encodeBase64url(random(idBytes))}`
    const record: UserRecord = {
      id,
      username,
      passwordHash: made.phc,
      roles: [...new Set(roles)],
      createdAt,
      disabledAt: null,
    }
    const event: SecurityEvent = { type: 'user_added', at: createdAt, actor, userId: id, ...(device && { device }) }
    const added = await store.addUser(record, usernameKey(username), event)
    return added ? { outcome: 'added', user: accountOf(record) } : { outcome: 'username_taken' }
  }

  async function hashNewPassword(
    password: string,
  ): Promise<{ readonly phc: string } | { readonly outcome: 'busy' } | PasswordRefused> {
    const reason = await refusePassword(password)
    if (reason !== undefined) return { outcome: 'password_refused', reason }
    const made = await hashing.hash(password)
    return made === 'busy' ? { outcome: 'busy' } : made
  }

  return {
    signIn: ({ username, password }) =>
      authenticate === undefined
        ? signInWithPassword(username, password)
        : signInWithApplication(authenticate, username, password),

    register: ({ username, password, device }) => add({ username, password, roles: [] }, 'user', device),

    addUser: async ({ username, password, roles = [] }) =>
      roles.every(isRole)
        ? await add({ username, password, roles }, 'admin', undefined)
        : { outcome: 'malformed_role' },

    changePassword: async ({ userId, currentPassword, newPassword, keepSession, device }) => {
      const user = await store.findUser(userId)
      const matches = await hashing.verify(currentPassword, user?.passwordHash ?? null)
      if (matches === 'busy') return { outcome: 'busy' }
      if (!matches || user === undefined || user.disabledAt !== null) return { outcome: 'invalid_credentials' }
      const made = await hashNewPassword(newPassword)
      if ('outcome' in made) return made
      const at = await now()
      const event: SecurityEvent = { type: 'password_changed', at, actor: 'user', userId, ...(device && { device }) }
      const kept = keepSession === undefined ? {} : { keepSession }
      const changed = await store.changePassword({ id: userId, passwordHash: made.phc, ...kept, now: at, event })
      return changed ? { outcome: 'changed' } : { outcome: 'invalid_credentials' }
    },

    setPassword: async (username, newPassword) => {
      const user = await findByName(username)
      if (user === undefined) return { outcome: 'unknown_user' }
      if (user.passwordHash === null) return { outcome: 'no_password' }
      const made = await hashNewPassword(newPassword)
      if ('outcome' in made) return made
      const at = await now()
      const event: SecurityEvent = { type: 'password_changed', at, actor: 'admin', userId: user.id }
      const changed = await store.changePassword({ id: user.id, passwordHash: made.phc, now: at, event })
      return changed ? { outcome: 'changed', user: accountOf(user) } : { outcome: 'unknown_user' }
    },

    setRoles: async (username, roles, { applyNow = false } = {}) => {
      if (!roles.every(isRole)) return { outcome: 'malformed_role' }
      const user = await findByName(username)
      if (user === undefined) return { outcome: 'unknown_user' }
      if (user.passwordHash === null) return { outcome: 'roles_elsewhere' }
      const at = await now()
      const distinct = [...new Set(roles)]
      const changed = await store.setRoles({
        id: user.id,
        roles: distinct,
        applyNow,
        now: at,
        event: {
          type: 'user_roles_changed',
          at,
          actor: 'admin',
          userId: user.id,
          evidence: { roles: distinct.join(', '), before: user.roles.join(', '), applyNow },
        },
      })
      if (!changed) return { outcome: 'unknown_user' }
      // Until the change was there to be seen, refreshes read the old roles. Their tokens bear instants later than `at`,
      // and none later than now.
      const seen = await now()
      if (applyNow && seen > at) await store.addRevocation({ kind: 'claims', id: user.id, now: seen })
      return { outcome: 'changed', user: { ...accountOf(user), roles: distinct } }
    },

    claimsChanged: async (userId) => {
      if ((await store.findUser(userId)) === undefined) return 'unknown_user'
      const at = await now()
      const event: SecurityEvent = { type: 'claims_changed', at, actor: 'admin', userId }
      await store.addRevocation({ kind: 'claims', id: userId, now: at, event })
      return 'told'
    },

    disable: async (username) => {
      const user = await findByName(username)
      if (user === undefined) return 'unknown_user'
      const at = await now()
      const disabled = await store.disableUser(user.id, at, {
        type: 'user_disabled',
        at,
        actor: 'admin',
        userId: user.id,
      })
      return disabled ? 'disabled' : 'already_disabled'
    },

    list: async () => (await store.listUsers()).map(accountOf),
  }
}

function accountOf({ passwordHash: _, ...account }: UserRecord): Account {
  return account
}
