export type { AttemptStore, Generation } from './attempt-ids.ts'
export { type Client, createClient } from './client.ts'
export { ClientError, type ClientErrorCode } from './client-error.ts'
export type { ClientOptions } from './client-options.ts'
export { indexedDbAttempts } from './indexed-db-attempts.ts'
export type {
  ActiveSession,
  Session,
  SessionListener,
  SignedOutReason,
  SignedOutSession,
  StaleSession,
  UserDocument,
} from './session.ts'
export type { SignInCredentials, SignInOutcome } from './sign-in.ts'
export type { SignOutOptions, SignOutOutcome } from './sign-out.ts'
export type { CookieAccess } from './state-cookie.ts'
export type { TransientFailure } from './transient-failure.ts'
