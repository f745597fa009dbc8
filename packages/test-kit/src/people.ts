import type { Authenticate, ClaimsHook, Storage } from '@pawl/server'
import { usernameKey } from '@pawl/server/user'

/** What a test says about a user. What it leaves out stays as it was. */
export interface PersonOptions {
  /** Default: none. */
  readonly roles?: readonly string[]
  /** The application's own claims in the user's access tokens, as of the next sign-in or refresh. Default: none. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** Default: {@link testPassword}. */
  readonly password?: string
  /** Subject of the user's tokens, which cannot change later. Default: the name, percent-encoded, after `user-`. */
  readonly id?: string
}

/** A user as a test has described him. */
export interface Person extends Required<PersonOptions> {
  readonly username: string
}

/** Password of everyone who was given no other. */
export const testPassword = 'a password for tests'

/** The users of a test, in the place of an application's own user table. No password is hashed on the way. */
export interface People {
  /** Adds the user, or changes what the options name. */
  readonly describe: (username: string, options?: PersonOptions) => Promise<Person>
  /** Asked by the server when somebody signs in. */
  readonly authenticate: Authenticate
  /** Asked by the server for every access token of a session. */
  readonly claims: ClaimsHook
}

/**
 * Nobody at first.
 *
 * @param options.authenticate the application's own, asked for users whom the test has not described
 * @param options.claims the application's own; what the test says about a user goes over it
 */
export function createPeople(options: {
  readonly store: Pick<Storage, 'recordExternalUser'>
  readonly now: () => number
  readonly authenticate: Authenticate | undefined
  readonly claims: ClaimsHook | undefined
}): People {
  const { store, now } = options
  const byName = new Map<string, Person>()
  const byId = new Map<string, Person>()
  return {
    describe: async (username, described = {}) => {
      const key = usernameKey(username)
      const id = `user-${encodeURIComponent(username)}`
      const before = byName.get(key) ?? { username, id, roles: [], claims: {}, password: testPassword }
      const person = { ...before, ...described, id: byName.get(key)?.id ?? described.id ?? id }
      byName.set(key, person)
      byId.set(person.id, person)
      const { roles } = person
      const record = { id: person.id, username, passwordHash: null, roles, createdAt: now(), disabledAt: null }
      await store.recordExternalUser(record, key)
      return person
    },
    authenticate: async (credentials) => {
      const person = byName.get(usernameKey(credentials.username))
      if (person === undefined) return await options.authenticate?.(credentials)
      const { id, username, roles, password } = person
      return credentials.password === password ? { id, username, roles } : undefined
    },
    claims: async (subject) => ({ ...(await options.claims?.(subject)), ...byId.get(subject.userId)?.claims }),
  }
}
