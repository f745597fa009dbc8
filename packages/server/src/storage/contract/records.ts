import { createHash } from 'node:crypto'
import type { Ticket } from '../../authorizations/ticket-store.ts'
import type { RefreshKeyRecord, SigningKeyRecord } from '../../keys/key-store.ts'
import type { ClientRecord } from '../../registered-clients/client.ts'
import type { Device, SecurityEvent, SecurityEventType } from '../../security-events/security-event.ts'
import type { SessionRecord } from '../../tokens/session.ts'
import type { PeekCount, RepeatCount, SessionEnding, SessionMove } from '../../tokens/session-store.ts'
import { type UserRecord, usernameKey } from '../../users/user.ts'
import type { Storage } from '../store-ports.ts'
import { builtInClientId } from './fixture.ts'

/** Bytes that look random and are the same for the same name. */
export function namedBytes(name: string, length: number): Uint8Array {
  const block = (index: number): Buffer => createHash('sha256').update(`${index}:${name}`).digest()
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, index) => block(index))
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length))
}

/** {@link namedBytes} as base64url. */
export function namedId(name: string, length = 16): string {
  return Buffer.from(namedBytes(name, length)).toString('base64url')
}

/** The place from which everyone signs in here. */
export const laptop: Device = { address: '203.0.113.7', userAgent: `Mozilla/5.0 ${'x'.repeat(108)}` }

/** An event of a type, done by a user unless said otherwise. */
export function anEvent(type: SecurityEventType, at: number, more: Partial<SecurityEvent> = {}): SecurityEvent {
  return { type, at, actor: 'user', ...more }
}

/** A user with a password; the same one for the same name. */
export function aUser(name: string, more: Partial<UserRecord> = {}): UserRecord {
  return {
    id: `usr_${namedId(name)}`,
    username: name,
    passwordHash: `$argon2id$v=19$m=19456,t=2,p=1$${name}`,
    roles: [],
    createdAt: 1,
    disabledAt: null,
    ...more,
  }
}

/** A public client that may refresh, and nothing else. */
export function aClient(id: string, more: Partial<ClientRecord> = {}): ClientRecord {
  return {
    id,
    type: 'public',
    authentication: 'none',
    secretHash: null,
    redirectUris: [],
    grants: ['refresh_token'],
    scopes: [],
    resources: [],
    policy: 'rotating',
    accessSeconds: null,
    createdAt: 1,
    ...more,
  }
}

/** A signing key; what it holds is of no use. */
export function aSigningKey(kid: string, more: Partial<SigningKeyRecord> = {}): SigningKeyRecord {
  return {
    kid,
    algorithm: 'ES256',
    publicJwk: `{"kty":"EC","x":"${kid}"}`,
    sealedPrivateKey: namedBytes(kid, 150),
    secretId: 'secret-1',
    createdAt: 1,
    activeFrom: 2,
    ...more,
  }
}

/** A refresh key; the same id for the same name. */
export function aRefreshKey(name: string, more: Partial<RefreshKeyRecord> = {}): RefreshKeyRecord {
  return { id: namedId(name, 8), createdAt: 1, activeFrom: 2, retiredAt: null, ...more }
}

/** How long after its opening a session of {@link aSession} expires unused. */
export const idleMilliseconds = 1000
/** How long after its opening a session of {@link aSession} expires in any case. */
export const absoluteMilliseconds = 5000

/** A session that was just opened at `now`. */
export function aSession(
  name: string,
  user: UserRecord,
  now: number,
  more: Partial<SessionRecord> = {},
): SessionRecord {
  return {
    id: namedId(name),
    userId: user.id,
    clientId: builtInClientId,
    scope: [],
    resources: ['http://localhost:8080'],
    generation: 0,
    tokenHash: namedBytes(`${name} token 0`, 32),
    refreshKeyId: namedId('refresh key', 8),
    seed: namedBytes(`${name} seed`, 32),
    recent: new Uint8Array(176),
    createdAt: now,
    lastUsedAt: now,
    idleExpiresAt: now + idleMilliseconds,
    absoluteExpiresAt: now + absoluteMilliseconds,
    binding: null,
    acr: null,
    amr: ['pwd'],
    delivery: 'cookie',
    openedFrom: laptop,
    lastUsedFrom: laptop,
    repeats: 0,
    repeatHolders: new Uint8Array(16),
    peeks: 0,
    revokedAt: null,
    revokedReason: null,
    ...more,
  }
}

/** An authorization code that nobody has used yet. */
export function aTicket(name: string, now: number, more: Partial<Ticket> = {}): Ticket {
  return {
    hash: namedBytes(name, 32),
    kind: 'code',
    clientId: 'app',
    userId: null,
    userCodeHash: null,
    document: `{"about":"${name}"}`,
    createdAt: now,
    expiresAt: now + 100,
    usedAt: null,
    sessionId: null,
    polledAt: null,
    ...more,
  }
}

/** The move of a session to its next generation. */
export function aMove(session: SessionRecord, now: number, more: Partial<SessionMove> = {}): SessionMove {
  const generation = session.generation + 1
  return {
    id: session.id,
    expectedGeneration: session.generation,
    now,
    generation,
    tokenHash: namedBytes(`${session.id} token ${generation}`, 32),
    refreshKeyId: session.refreshKeyId,
    recent: namedBytes(`${session.id} recent ${generation}`, 176),
    idleExpiresAt: now + idleMilliseconds,
    usedFrom: laptop,
    ...more,
  }
}

/** What a session looks like after a move. */
export function moved(session: SessionRecord, move: SessionMove): SessionRecord {
  const { generation, tokenHash, refreshKeyId, recent, idleExpiresAt, now, usedFrom } = move
  const written = { generation, tokenHash, refreshKeyId, recent, idleExpiresAt }
  const counters = { repeats: 0, repeatHolders: new Uint8Array(16), peeks: 0 }
  return { ...session, ...written, lastUsedAt: now, lastUsedFrom: usedFrom, ...counters }
}

/** A repeat of a session's current generation. */
export function aRepeat(session: SessionRecord, now: number, more: Partial<RepeatCount> = {}): RepeatCount {
  return { id: session.id, expectedGeneration: session.generation, now, ...more }
}

/** A peek at a session's current generation. */
export function aPeek(session: SessionRecord, now: number, more: Partial<PeekCount> = {}): PeekCount {
  return { id: session.id, expectedGeneration: session.generation, now, ...more }
}

/** The end of a session by logout. */
export function anEnding(session: SessionRecord, now: number, more: Partial<SessionEnding> = {}): SessionEnding {
  const event = anEvent('session_ended', now, { sessionId: session.id })
  return { id: session.id, now, reason: 'logout', event, ...more }
}

/** Adds a user, and fails if there was none to add. */
export async function addUser(storage: Storage, name: string, more: Partial<UserRecord> = {}): Promise<UserRecord> {
  const user = aUser(name, more)
  if (!(await storage.addUser(user, usernameKey(user.username), anEvent('user_added', 1, { userId: user.id })))) {
    throw new Error(`user ${name} was not added`)
  }
  return user
}

/** Opens a session, and fails if it was not opened. */
export async function openSession(
  storage: Storage,
  name: string,
  user: UserRecord,
  more: Partial<SessionRecord> = {},
): Promise<SessionRecord> {
  const now = await storage.storeNow()
  const session = aSession(name, user, now, more)
  const answer = await storage.openSession(session, anEvent('session_opened', now, { sessionId: session.id }))
  if (answer !== 'opened') throw new Error(`session ${name} was not opened: ${answer}`)
  return session
}

/** The session as it stands. */
export async function stored(storage: Storage, session: SessionRecord): Promise<SessionRecord | undefined> {
  return (await storage.readSession(session.id)).session
}

/** Every event in the outbox, in order. */
export async function outbox(storage: Storage): Promise<readonly SecurityEvent[]> {
  return (await storage.nextEvents(1_000_000)).map((entry) => entry.event)
}

/** Empties the outbox, so that what comes next stands alone in it. */
export async function emptyOutbox(storage: Storage): Promise<void> {
  await storage.forgetEvents((await storage.nextEvents(1_000_000)).map((entry) => entry.sequence))
}

/** Texts in an order that does not depend on the engine. */
export function inOrder(texts: Iterable<string>): readonly string[] {
  return [...texts].sort((left, right) => (left < right ? -1 : 1))
}
