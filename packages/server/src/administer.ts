import { parseCompactJws } from '@pawl/protocol'
import type { Administration, SessionListing, TokenInspection } from './administration.ts'
import type { Settings } from './configuration/settings.ts'
import type { KeyRing } from './keys/key-ring.ts'
import { moveStore } from './move/move-store.ts'
import type { Registrations } from './registered-clients/registrations.ts'
import { restore } from './restore/restore.ts'
import type { Random } from './secrets/random.ts'
import type { Storage } from './storage/store-ports.ts'
import { checkAccessToken } from './tokens/check-access-token.ts'
import { endSession, recogniseRefreshToken } from './tokens/end-session.ts'
import { type PresentedRefreshToken, parseRefreshToken } from './tokens/refresh-token.ts'
import { countRepeatHolders } from './tokens/repeat-holders.ts'
import { type SessionRecord, sessionEnd, sessionEndRule } from './tokens/session.ts'
import { expiryReason } from './tokens/session-standing.ts'
import type { Accounts } from './users/accounts.ts'
import { type UserRecord, usernameKey } from './users/user.ts'

/** What administration works with; filled by the assembler. */
export interface AdministrationParts {
  readonly storage: Storage
  /** Opens the store, once. */
  readonly opened: () => Promise<void>
  /** The key ring, not opened: administration must work where a start fails. */
  readonly keyRing: () => Promise<KeyRing>
  readonly accounts: Accounts
  readonly registrations: Registrations
  readonly settings: Settings
  /** Path of the file with generated secrets, whether or not it is there. */
  readonly secretsFile: string
  /** Draws an id that nothing else has. */
  readonly newId: () => string
  /** Source of unguessable bytes. */
  readonly random: Random
}

/** Puts the operators' calls together. */
export function createAdministration(parts: AdministrationParts): Administration {
  const { storage, opened, keyRing, accounts, registrations, settings, secretsFile, newId, random } = parts

  async function findUser(username: string): Promise<UserRecord | undefined> {
    await opened()
    return storage.findUserByName(usernameKey(username))
  }

  async function inspectRefreshToken(presented: PresentedRefreshToken): Promise<TokenInspection> {
    const named = {
      kind: 'refresh_token',
      keyId: presented.keyId,
      sessionId: presented.sessionId,
      generation: presented.generation,
    } as const
    const found = await recogniseRefreshToken(presented, { sessions: storage, refreshKeys: await keyRing() })
    if (found.kind === 'not_loaded') return { ...named, standing: 'key_not_loaded' }
    if (found.kind === 'unknown') return { ...named, standing: 'not_genuine' }
    const { session, now } = found
    const { user } = await storage.readSession(session.id)
    const disabled = user === undefined || user.disabledAt !== null ? ('user_disabled' as const) : null
    const ended = session.revokedReason ?? expiryReason(session, now) ?? disabled
    const gap = presented.generation - session.generation
    const standing = gap === 0 ? 'current' : gap < 0 ? 'superseded' : 'ahead'
    return { ...named, standing, session: listingOf(session), ended }
  }

  async function inspectAccessToken(token: string): Promise<TokenInspection> {
    const jws = parseCompactJws(token)
    if (jws === undefined) return { kind: 'unknown' }
    const dependencies = { sessions: storage, signer: await keyRing(), clock: storage }
    const check = await checkAccessToken(token, { issuer: settings.issuer, audience: undefined }, dependencies)
    const verdict = check.kind === 'active' ? 'active' : check.reason
    return { kind: 'access_token', header: jws.header, claims: jws.payload, verdict }
  }

  return {
    migrate: async () => {
      await opened()
      return { engine: storage.engine }
    },
    addUser: async (user) => {
      await opened()
      return accounts.addUser(user)
    },
    listUsers: async () => {
      await opened()
      return accounts.list()
    },
    disableUser: async (username) => {
      await opened()
      return accounts.disable(username)
    },
    setRoles: async (username, roles, options) => {
      await opened()
      return accounts.setRoles(username, roles, options)
    },
    claimsChanged: async (userId) => {
      await opened()
      return accounts.claimsChanged(userId)
    },
    setPassword: async (username, password) => {
      await opened()
      return accounts.setPassword(username, password)
    },
    addClient: async (registration) => {
      await opened()
      // The ids of users and clients share the `sub` of tokens, so they must not meet (standards TK-7).
      if ((await storage.findUser(registration.id)) !== undefined) {
        return { ok: false, field: 'id', message: `There is a user of the id ${registration.id}. Choose another one.` }
      }
      return registrations.register(registration)
    },
    listClients: async () => {
      await opened()
      return registrations.list()
    },
    addClientSecret: async (id, secret) => {
      await opened()
      return registrations.addSecret(id, secret)
    },
    removeClientSecret: async (id, which) => {
      await opened()
      return registrations.removeSecret(id, which)
    },
    removeClient: async (id) => {
      await opened()
      return registrations.remove(id)
    },
    listSessions: async ({ username, limit }) => {
      await opened()
      if (username === undefined) {
        const { now, sessions } = await storage.listSessions(limit)
        return { outcome: 'listed', now, sessions: sessions.map(listingOf) }
      }
      const user = await findUser(username)
      if (user === undefined) return { outcome: 'unknown_user' }
      const { now, sessions } = await storage.listUserSessions(user.id)
      return { outcome: 'listed', now, sessions: sessions.slice(0, limit).map(listingOf) }
    },
    revokeSession: async (id) => {
      await opened()
      const { session, now } = await storage.readSession(id)
      if (session === undefined) return 'unknown_session'
      const ended = await endSession(
        { session, now, reason: 'revoked_by_admin', actor: 'admin' },
        { sessions: storage },
      )
      return ended ? 'revoked' : 'already_ended'
    },
    revokeUserSessions: async (username) => {
      const user = await findUser(username)
      if (user === undefined) return { outcome: 'unknown_user' }
      const now = await storage.storeNow()
      const reason = 'revoked_by_admin'
      const event = { type: 'session_ended', at: now, actor: 'admin', userId: user.id, reason } as const
      return { outcome: 'revoked', sessionIds: await storage.endUserSessions({ userId: user.id, now, reason, event }) }
    },
    listKeys: async () => {
      await opened()
      return (await keyRing()).list()
    },
    rotateKey: async () => {
      await opened()
      return (await keyRing()).rotate()
    },
    killKey: async (kid) => {
      await opened()
      return (await keyRing()).kill(kid)
    },
    resealKeys: async () => {
      await opened()
      return (await keyRing()).reseal()
    },
    inspectToken: async (token) => {
      await opened()
      const presented = parseRefreshToken(token)
      return presented === undefined ? inspectAccessToken(token) : inspectRefreshToken(presented)
    },
    restore: async (request) => {
      await opened()
      return restore(request, { store: storage, keyRing, now: () => storage.storeNow(), random })
    },
    backUp: async (target) => {
      if (storage.backUp === undefined) return { outcome: 'not_here', engine: storage.engine }
      const { spare = [] } = target
      return storage.backUp({ ...target, spare: [...spare, secretsFile] })
    },
    move: async ({ to, destination }) => {
      if (storage.transferSource === undefined) return { outcome: 'impossible', engine: storage.engine }
      if (to.transferTarget === undefined) return { outcome: 'impossible', engine: to.engine }
      return moveStore({ source: storage.transferSource(), target: to.transferTarget(), destination, id: newId() })
    },
    undoMove: async () =>
      storage.transferSource === undefined
        ? { kind: 'impossible', engine: storage.engine }
        : storage.transferSource().comeBack(),
    checkStorage: async () => {
      await opened()
      const problems = await storage.findDamage()
      const lostWrites = problems.length === 0 ? await storage.lostWrites() : undefined
      const diagnosis = problems.length === 0 ? await storage.diagnose?.() : undefined
      const { facts = [], warnings = [] } = diagnosis ?? {}
      return { engine: storage.engine, now: await storage.storeNow(), problems, facts, warnings, lostWrites }
    },
  }
}

function listingOf(session: SessionRecord): SessionListing {
  const {
    id,
    userId,
    clientId,
    scope,
    resources,
    generation,
    createdAt,
    lastUsedAt,
    idleExpiresAt,
    absoluteExpiresAt,
    delivery,
    lastUsedFrom,
    repeats,
    peeks,
    revokedAt,
    revokedReason,
  } = session
  return {
    id,
    userId,
    clientId,
    scope,
    resources,
    generation,
    createdAt,
    lastUsedAt,
    idleExpiresAt,
    absoluteExpiresAt,
    delivery,
    lastUsedFrom,
    repeats,
    peeks,
    revokedAt,
    revokedReason,
    repeatHolders: countRepeatHolders(session.repeatHolders),
    endsAt: sessionEnd(session),
    endsBy: sessionEndRule(session),
  }
}
