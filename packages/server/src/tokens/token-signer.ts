import type { SignatureAlgorithm } from '@pawl/protocol'

/** The key that signs access tokens at an instant. */
export interface SigningKey {
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  /** Length of its signatures in bytes, so that a token's size is known before it is signed. */
  readonly signatureBytes: number
  /** Signs the ASCII of a JWS signing input; ES256 as raw R || S (RFC 7518 section 3.4). */
  readonly sign: (signingInput: string) => Uint8Array
}

/** A published key, good for checking only. */
export interface VerificationKey {
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  readonly verify: (signingInput: string, signature: Uint8Array) => boolean
}

/** What the heart needs of the key ring; filled by the assembler, for tokens do not know keys. */
export interface TokenSigner {
  /** The key to sign with now. Throws when there is none: that is a fault of the server, never of a token. */
  signingKey(): Promise<SigningKey>
  /** The published key of that id. */
  verificationKey(kid: string): Promise<VerificationKey | undefined>
}

/** A refresh key as the derivation uses it. */
export interface RefreshKey {
  /** 11 base64url characters (8 bytes). */
  readonly id: string
  /** 256 bits, derived from a server secret; never stored. */
  readonly key: Uint8Array
}

/** What the heart needs of the refresh keys. */
export interface RefreshKeys {
  /** The key that an advance at `now` (milliseconds) derives with: the newest active one. */
  activeRefreshKey(now: number): Promise<RefreshKey>
  /**
   * The key of that id; `not_loaded` if the store knows the id but this node has no secret for it (503, never
   * `invalid_grant`); `unknown` if the store never saw it or has retired it (garbage).
   */
  refreshKey(id: string): Promise<RefreshKey | 'not_loaded' | 'unknown'>
}
