export type { AccessTokenClaims, AccessTokenRefusalReason, ClaimsOf, StandardSchema } from '@pawl/protocol'
export type { RequestHead } from './bearer-credential.ts'
export { claimsOf } from './middleware/request-claims.ts'
export { type AccessTokenRefusal, challenge, refusalReply, refusalResponse } from './refusal.ts'
export type { Requirement, VerifyOptions, WhenStale } from './requirement.ts'
export type { ProtectedResourceMetadata } from './resource-metadata.ts'
export type {
  FeedReport,
  RevocationFeed,
  RevocationSource,
  RevocationSurroundings,
} from './revocation-source.ts'
export { createVerifier, type Verification, type Verifier } from './verifier.ts'
export type { IssuerOptions, KeySetFetch, VerifierOptions } from './verifier-options.ts'
