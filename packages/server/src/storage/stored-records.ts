import {
  clientAuthenticationMethods,
  type GrantType,
  grantTypes,
  type SessionEndReason,
  sessionEndReasons,
  signatureAlgorithms,
} from '@pawl/protocol'
import { z } from 'zod'
import type { Consent } from '../authorizations/consent-store.ts'
import type { Ticket, TicketKind } from '../authorizations/ticket-store.ts'
import type { RefreshKeyRecord, SigningKeyRecord } from '../keys/key-store.ts'
import type { AssertionKeys } from '../registered-clients/assertion-keys.ts'
import type { ClientRecord } from '../registered-clients/client.ts'
import type { FailureCount } from '../throttling/failure-store.ts'
import type { LostWrites } from '../tokens/lost-writes-store.ts'
import type { SessionRecord } from '../tokens/session.ts'
import type { UserRecord } from '../users/user.ts'
import {
  bytes,
  bytesOrNull,
  id,
  integer,
  integerOrNull,
  oneOf,
  type Row,
  text,
  textList,
  textOrNull,
} from './stored-columns.ts'

/** Length of a session's id in bytes. */
export const sessionIdBytes = 16

/** Length of a refresh key's id in bytes. */
export const keyIdBytes = 8

/** Every reason for which a session can have ended. */
export const endReasons: readonly SessionEndReason[] = Object.keys(sessionEndReasons).filter(
  (key): key is SessionEndReason => Object.hasOwn(sessionEndReasons, key),
)

const clientTypes = ['public', 'confidential'] as const satisfies readonly ClientRecord['type'][]
const policies = ['rotating', 'strict', 'shared-store'] as const satisfies readonly ClientRecord['policy'][]
const exchangePolicies = ['own', 'received'] as const satisfies readonly ClientRecord['exchange'][]
const deliveries = ['cookie', 'cookie-memory', 'body'] as const satisfies readonly SessionTerms['delivery'][]

function isGrantType(word: string): word is GrantType {
  return grantTypes.some((known) => known === word)
}

/** What is alike in most sessions of a client: what was granted and how. Stored once; a session names it by number. */
export type SessionTerms = Pick<SessionRecord, 'clientId' | 'scope' | 'resources' | 'acr' | 'amr' | 'delivery'>

const documentOfTerms = z.object({
  scope: z.array(z.string()),
  resources: z.array(z.string()),
  acr: z.string().nullable().default(null),
  amr: z.array(z.string()),
  delivery: z.enum(deliveries),
})

/** Terms as they are stored: the same text for the same terms. */
export function termsDocument({ clientId, scope, resources, acr, amr, delivery }: SessionTerms): string {
  return JSON.stringify({ clientId, scope, resources, acr, amr, delivery })
}

/** Reads what {@link termsDocument} wrote. Frozen, so that many sessions can share it. */
export function parseTerms(clientId: string, document: string): SessionTerms {
  const terms = documentOfTerms.parse(JSON.parse(document))
  for (const list of [terms.scope, terms.resources, terms.amr]) Object.freeze(list)
  return Object.freeze({ clientId, ...terms })
}

/**
 * Reads a session of the columns `session_id`, `user_id`, `refresh_key_id`, … and `last_address`, `last_user_agent`.
 *
 * @param terms those that the row names
 * @param generation the row's, which engines keep in different forms
 */
export function sessionRecord(row: Row, terms: SessionTerms, generation: number): SessionRecord {
  return {
    id: id(row, 'session_id'),
    userId: text(row, 'user_id'),
    ...terms,
    generation,
    tokenHash: bytes(row, 'token_hash'),
    refreshKeyId: id(row, 'refresh_key_id'),
    seed: bytes(row, 'seed'),
    recent: bytes(row, 'recent'),
    createdAt: integer(row, 'opened_at'),
    ...(row['authenticated_at'] !== null && { authenticatedAt: integer(row, 'authenticated_at') }),
    lastUsedAt: integer(row, 'last_used_at'),
    idleExpiresAt: integer(row, 'idle_expires_at'),
    absoluteExpiresAt: integer(row, 'absolute_expires_at'),
    binding: textOrNull(row, 'binding'),
    openedFrom: { address: textOrNull(row, 'opened_address'), userAgent: textOrNull(row, 'opened_user_agent') },
    lastUsedFrom: { address: textOrNull(row, 'last_address'), userAgent: textOrNull(row, 'last_user_agent') },
    repeats: integer(row, 'repeats'),
    repeatHolders: bytes(row, 'repeat_holders'),
    peeks: integer(row, 'peeks'),
    revokedAt: integerOrNull(row, 'revoked_at'),
    revokedReason: row['revoked_reason'] === null ? null : oneOf(row, 'revoked_reason', endReasons),
  }
}

/** Reads a user; `user_id` and `user_created_at` are named so that a session can be read from the same row. */
export function userRecord(row: Row): UserRecord {
  return {
    id: text(row, 'user_id'),
    username: text(row, 'username'),
    passwordHash: textOrNull(row, 'password_hash'),
    roles: textList(row, 'roles'),
    createdAt: integer(row, 'user_created_at'),
    disabledAt: integerOrNull(row, 'disabled_at'),
  }
}

const publicJwk = z.discriminatedUnion('kty', [
  z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string() }),
  z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string() }),
  z.object({ kty: z.literal('RSA'), n: z.string(), e: z.string() }),
])

const documentOfAssertionKeys: z.ZodType<AssertionKeys> = z.union([
  z.object({
    algorithm: z.enum(signatureAlgorithms),
    jwks: z.array(z.object({ kid: z.string().exactOptional(), jwk: publicJwk })),
  }),
  z.object({ algorithm: z.enum(signatureAlgorithms), jwksUri: z.string() }),
])

/** A client's assertion keys as they are stored; null where it has none. */
export function assertionKeysDocument({ assertionKeys }: Pick<ClientRecord, 'assertionKeys'>): string | null {
  return assertionKeys === undefined ? null : JSON.stringify(assertionKeys)
}

/** Reads a registered client. */
export function clientRecord(row: Row): ClientRecord {
  return {
    id: text(row, 'id'),
    type: oneOf(row, 'type', clientTypes),
    authentication: oneOf(row, 'authentication', clientAuthenticationMethods),
    secretHash: bytesOrNull(row, 'secret_hash'),
    ...(row['previous_secret_hash'] !== null && { previousSecretHash: bytes(row, 'previous_secret_hash') }),
    ...(row['assertion_keys'] !== null && {
      assertionKeys: documentOfAssertionKeys.parse(JSON.parse(text(row, 'assertion_keys'))),
    }),
    redirectUris: textList(row, 'redirect_uris'),
    // A grant that only a newer release knows is one that this one does not answer.
    grants: textList(row, 'grants').filter(isGrantType),
    scopes: textList(row, 'scopes'),
    resources: textList(row, 'resources'),
    policy: oneOf(row, 'policy', policies),
    accessSeconds: integerOrNull(row, 'access_seconds'),
    createdAt: integer(row, 'created_at'),
    ...(row['exchange'] !== null && { exchange: oneOf(row, 'exchange', exchangePolicies) }),
    ...(row['name'] !== null && { name: text(row, 'name') }),
    ...(row['expires_at'] !== null && {
      selfRegistration: {
        accessTokenHash: bytes(row, 'registration_token_hash'),
        expiresAt: integer(row, 'expires_at'),
      },
    }),
  }
}

/** Reads a signing key. */
export function signingKeyRecord(row: Row): SigningKeyRecord {
  return {
    kid: text(row, 'kid'),
    algorithm: oneOf(row, 'algorithm', signatureAlgorithms),
    publicJwk: text(row, 'public_jwk'),
    sealedPrivateKey: bytes(row, 'sealed_private_key'),
    secretId: text(row, 'secret_id'),
    createdAt: integer(row, 'created_at'),
    activeFrom: integer(row, 'active_from'),
  }
}

/** Reads a refresh key. */
export function refreshKeyRecord(row: Row): RefreshKeyRecord {
  return {
    id: id(row, 'id'),
    createdAt: integer(row, 'created_at'),
    activeFrom: integer(row, 'active_from'),
    retiredAt: integerOrNull(row, 'retired_at'),
  }
}

/** Reads a count of failures at the store's instant `now`. */
export function failureCount(row: Row, now: number): FailureCount {
  return { count: integer(row, 'count'), endsAt: integer(row, 'ends_at'), now }
}

/** Reads what the store remembers of writes that it has lost. */
export function lostWritesRecord(row: Row): LostWrites {
  return {
    sessions: integer(row, 'sessions'),
    noticedAt: integerOrNull(row, 'noticed_at'),
    intactUntil: integerOrNull(row, 'intact_until'),
    settledAt: integerOrNull(row, 'settled_at'),
  }
}

const ticketKinds = ['code', 'request', 'device'] as const satisfies readonly TicketKind[]

/** Reads a ticket. */
export function ticketRecord(row: Row): Ticket {
  return {
    hash: new Uint8Array(bytes(row, 'hash')),
    kind: oneOf(row, 'kind', ticketKinds),
    clientId: text(row, 'client_id'),
    userId: textOrNull(row, 'user_id'),
    userCodeHash: row['user_code_hash'] === null ? null : new Uint8Array(bytes(row, 'user_code_hash')),
    document: text(row, 'document'),
    createdAt: integer(row, 'created_at'),
    expiresAt: integer(row, 'expires_at'),
    usedAt: integerOrNull(row, 'used_at'),
    sessionId: textOrNull(row, 'session_id'),
    polledAt: integerOrNull(row, 'polled_at'),
  }
}

/** Reads a consent. */
export function consentRecord(row: Row): Consent {
  return {
    userId: text(row, 'user_id'),
    clientId: text(row, 'client_id'),
    scope: textList(row, 'scope'),
    resources: textList(row, 'resources'),
    grantedAt: integer(row, 'granted_at'),
  }
}
