import type { ClientAuthenticationMethod, GrantType } from '@pawl/protocol'
import type { AssertionKeys } from './assertion-keys.ts'

/** How the refresh tokens of a client behave; the columns of the ratchet's decision table that a client can choose. */
export type RotationPolicy = 'rotating' | 'strict' | 'shared-store'

/**
 * Which access tokens a client may exchange for narrower ones: those issued to it, or also those that were sent to it
 * because they name one of its resources.
 */
export type ExchangePolicy = 'own' | 'received'

/** A registered client. */
export interface ClientRecord {
  readonly id: string
  readonly type: 'public' | 'confidential'
  readonly authentication: ClientAuthenticationMethod
  /** SHA-256 of the secret (a random string of at least 128 bits), or null for clients without one. */
  readonly secretHash: Uint8Array | null
  /** SHA-256 of the secret before that one, while both count; absent: only one does. */
  readonly previousSecretHash?: Uint8Array
  /** How it signs who it is, with `private_key_jwt`; absent with every other method. */
  readonly assertionKeys?: AssertionKeys
  readonly redirectUris: readonly string[]
  readonly grants: readonly GrantType[]
  /** Scope values it may ask for. */
  readonly scopes: readonly string[]
  /** Resources it may ask tokens for, and (confidential) whose tokens it may introspect. */
  readonly resources: readonly string[]
  readonly policy: RotationPolicy
  /** Lifetime of its access tokens in seconds; null: the server's setting. */
  readonly accessSeconds: number | null
  readonly createdAt: number
  /** Absent: it exchanges no access tokens, and may at most peek with refresh tokens. */
  readonly exchange?: ExchangePolicy
  /** What it calls itself, for people; absent: they see its id. */
  readonly name?: string
  /** Of a client that registered itself; absent: an administrator stands behind it. */
  readonly selfRegistration?: SelfRegistration
}

/** What there is of a client that registered itself at `/oauth/register`, and of no other. */
export interface SelfRegistration {
  /** SHA-256 of the token by which it may read and withdraw its registration (RFC 7592). */
  readonly accessTokenHash: Uint8Array
  /** When the registration is forgotten unless it is used before; milliseconds since 1970. */
  readonly expiresAt: number
}

/** Id of the built-in public client as which the first-party endpoints act. */
export const firstPartyClientId = 'first-party'

/** Id of the built-in public client of the playground; it can sign in in development only. */
export const playgroundClientId = 'playground'

/** Id of the built-in client as which people are signed in at the server's own pages; it has no grant at all. */
export const pagesClientId = 'pages'

/** Clients that exist without being registered: no store holds them, and nobody can register or remove them. */
export const builtInClientIds: ReadonlySet<string> = new Set([firstPartyClientId, playgroundClientId, pagesClientId])

/** Whether an id is the URL of a document in which the client describes itself; see client-id-document.ts. */
export function isClientIdUrl(id: string): boolean {
  return id.startsWith('https://')
}

/** Whether a client has no row in any store: a built-in one, or one that describes itself. */
export function isUnstoredClient(id: string): boolean {
  return builtInClientIds.has(id) || isClientIdUrl(id)
}
