import type { SignatureAlgorithm } from '@pawl/protocol'
import type { SecurityEvent } from '../security-events/security-event.ts'

/** A key pair for access tokens as stored: the private half sealed under one of the server's secrets. */
export interface SigningKeyRecord {
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  /** Public JWK (RFC 7517) as JSON text, without `use`, `alg` and `kid`. */
  readonly publicJwk: string
  /** Private key in PKCS #8, sealed; see key-sealing.ts. */
  readonly sealedPrivateKey: Uint8Array
  /** Id of the secret that sealed it. */
  readonly secretId: string
  readonly createdAt: number
  /** From when it signs, unless a newer key does. Published from the start. */
  readonly activeFrom: number
}

/** The same private key in a new envelope. */
export interface SealedKeyReplacement {
  readonly kid: string
  /** Id of the secret that it was sealed under when it was read. */
  readonly fromSecretId: string
  readonly toSecretId: string
  readonly sealedPrivateKey: Uint8Array
}

/** A refresh key id that was ever used. The key itself is derived from a secret and never stored. */
export interface RefreshKeyRecord {
  /** 11 base64url characters (8 bytes). */
  readonly id: string
  readonly createdAt: number
  /** From when new tokens are derived with it, unless a newer active key exists. */
  readonly activeFrom: number
  /** Set once no live session names it and a newer key is active. */
  readonly retiredAt: number | null
}

/** Keys at rest. `keysVersion` grows with every change, so that a node can keep what it has read until it does. */
export interface KeyStore {
  /** Cheap: asked before every use of a cached key ring. */
  keysVersion(): Promise<number>
  /** Everything at once, with the version it belongs to and the store's instant. */
  readKeys(): Promise<{
    readonly version: number
    readonly now: number
    readonly signingKeys: readonly SigningKeyRecord[]
    readonly refreshKeys: readonly RefreshKeyRecord[]
  }>
  /** Adds a signing key if the version is still the one read, so that of several nodes only one rotates. */
  addSigningKey(key: SigningKeyRecord, expectedVersion: number, event: SecurityEvent): Promise<boolean>
  /** Deletes a signing key, and revokes at `event.at` what it has signed. False: unknown. */
  killSigningKey(kid: string, event: SecurityEvent): Promise<boolean>
  /** Deletes a signing key that no token needs any more. False: unknown. */
  removeSigningKey(kid: string, event: SecurityEvent): Promise<boolean>
  /**
   * Exchanges the envelope of a signing key for one under another secret, if it is still sealed under `fromSecretId`.
   * False: the key is gone, or somebody else has sealed it anew meanwhile.
   */
  replaceSealedKey(replacement: SealedKeyReplacement, event: SecurityEvent): Promise<boolean>
  /** Writes down a refresh key id if it was never seen; under the same version condition. */
  addRefreshKey(key: RefreshKeyRecord, expectedVersion: number, event: SecurityEvent): Promise<boolean>
  /** Live (neither revoked nor expired) sessions by the refresh key their current token was made with. */
  countSessionsByRefreshKey(now: number): Promise<ReadonlyMap<string, number>>
  /** Marks a refresh key as retired if no live session names it at `now`. */
  retireRefreshKey(id: string, now: number, event: SecurityEvent): Promise<boolean>
}
