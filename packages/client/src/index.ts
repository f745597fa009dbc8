export type { AttemptStore, Generation } from './attempt-ids.ts'
export { type Client, createClient } from './client.ts'
export { ClientError, type ClientErrorCode } from './client-error.ts'
export type { ClientOptions } from './client-options.ts'
export type { EnvironmentOptions } from './environment.ts'
export { indexedDbAttempts } from './indexed-db-attempts.ts'
export type {
  ActiveSession,
  OfflineSession,
  Session,
  SessionListener,
  SignedOutReason,
  SignedOutSession,
  StaleSession,
  UserDocument,
} from './session.ts'
export type { SessionClient } from './session-client.ts'
export type { RefusedSignIn, SignInCredentials, SignInOutcome } from './sign-in.ts'
export type { SignOutOptions, SignOutOutcome } from './sign-out.ts'
export type { CookieAccess } from './state-cookie.ts'
export { customStore, type TextSlot } from './stored-tokens/custom-store.ts'
export { indexedDbStore } from './stored-tokens/indexed-db-store.ts'
export { type DangerouslyReadable, localStorageStore } from './stored-tokens/local-storage-store.ts'
export { memoryAttempts } from './stored-tokens/memory-attempts.ts'
export { memoryStore } from './stored-tokens/memory-store.ts'
export {
  createTokenClient,
  type StoredTokensClient,
  type TokenClient,
  type TokenClientOptions,
} from './stored-tokens/token-client.ts'
export type { TokenStore } from './stored-tokens/token-store.ts'
export type { TransientFailure } from './transient-failure.ts'
export type { WebStorage } from './web-storage.ts'
