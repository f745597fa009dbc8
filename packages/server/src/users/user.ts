/** A user as stored. Users of an application that brings its own `authenticate` hook have no password hash here. */
export interface UserRecord {
  /** Subject of the tokens; `usr_` and 22 base64url characters, or the application's own id. */
  readonly id: string
  readonly username: string
  /** PHC string, or null for users that the application authenticates itself. */
  readonly passwordHash: string | null
  readonly roles: readonly string[]
  readonly createdAt: number
  readonly disabledAt: number | null
}

/** Usernames are told apart without regard to case, width or composition. */
export function usernameKey(username: string): string {
  return username.normalize('NFKC').toLowerCase()
}
