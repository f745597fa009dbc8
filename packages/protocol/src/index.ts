export {
  type AccessTokenClaims,
  accessTokenType,
  reservedClaims,
  type SignatureAlgorithm,
  signatureAlgorithms,
} from './access-token-claims.ts'
export { type AccessTokenRefusalReason, accessTokenRefusalReasons } from './access-token-refusals.ts'
export { decodeBase64url, encodeBase64url, type Octets } from './base64url.ts'
export { type CompactJws, parseCompactJws } from './compact-jws.ts'
export {
  attemptCookieName,
  type CookieNames,
  cookieNames,
  formatMirroredAttempt,
  formatSessionState,
  type MirroredAttempt,
  parseMirroredAttempt,
  parseSessionState,
  type SessionState,
} from './cookies.ts'
export {
  type ErrorCode,
  type ErrorRow,
  errorTable,
  type RefusalReason,
  refusalReasons,
  type SessionEndReason,
  sessionEndReasons,
} from './error-table.ts'
export {
  type ClientAuthenticationMethod,
  clientAssertionJwtType,
  clientAssertionType,
  clientAuthenticationMethods,
  type GrantType,
  grantTypes,
  tokenTypes,
} from './grant-types.ts'
export { isJsonObject, parseJsonObject } from './json-object.ts'
export { readRefreshTokenGeneration } from './refresh-token-generation.ts'
export type { Refusal } from './refusal.ts'
export {
  formatRevocationEvent,
  formatRevocationPosition,
  largestRevocationEvent,
  parseRevocationMessage,
  parseRevocationPosition,
  type RevocationEntry,
  type RevocationKind,
  type RevocationMessage,
  type RevocationPosition,
  revocationEntryLimits,
  revocationFeedPath,
  revocationFeedScope,
  revocationHeartbeatMilliseconds,
  revocationKinds,
} from './revocation-feed.ts'
export type {
  BodyTokenReply,
  ConsentListEntry,
  CookieTokenReply,
  ErrorDocument,
  SessionDocument,
  SessionListEntry,
  UserDocument,
} from './session-documents.ts'
export type { ClaimsOf, StandardIssue, StandardResult, StandardSchema } from './standard-schema.ts'
export { testKeyMember } from './test-key.ts'
