import { encodeBase64url } from '@pawl/protocol'
import type { KeyRing } from '../keys/key-ring.ts'
import type { KeyStore } from '../keys/key-store.ts'
import type { ClientStore } from '../registered-clients/client-store.ts'
import type { Revocation, RevocationStore } from '../revocations/revocation-store.ts'
import { longestAccessMilliseconds } from '../revocations/until-rule.ts'
import type { Random } from '../secrets/random.ts'
import type { SecurityEvent } from '../security-events/security-event.ts'
import type { LostWritesStore } from '../tokens/lost-writes-store.ts'
import type { SessionStore } from '../tokens/session-store.ts'
import type { UserStore } from '../users/user-store.ts'
import { type Journal, readJournal } from './journal.ts'

/** What an operator knows of a loss, and what is to become of the sessions. */
export interface RestoreRequest {
  /**
   * The instant of the backup, in milliseconds since 1970. Somewhat too early does no harm: what a journal tells of the
   * time before stands already.
   */
  readonly lostSince: number
  /** Security events as the server logged them, line by line; undefined: there are none. */
  readonly journal?: AsyncIterable<string>
  /** What becomes of every session that the store holds as live and the journal does not end. */
  readonly otherSessions: 'keep' | 'end'
}

/** Outcome of dealing with a restored store. */
export type RestoreOutcome =
  | { readonly outcome: 'in_the_future'; readonly now: number }
  | {
      readonly outcome: 'restored'
      readonly journal: Pick<Journal, 'events' | 'unreadableLines' | 'from' | 'to'> | undefined
      /** What the journal told and this call did again. */
      readonly reapplied: {
        readonly sessions: number
        readonly users: number
        readonly clients: number
        readonly keys: number
      }
      /** Ends that the journal told and that stand already, or of what this store does not hold. */
      readonly standing: number
      /** Names of users whose password was changed since: the one before is valid again. */
      readonly passwordsUndone: readonly string[]
      /** Names of users whose roles were changed since: those before are theirs again. */
      readonly rolesUndone: readonly string[]
      /** Ids of users and clients that were added since and are gone. */
      readonly usersGone: readonly string[]
      readonly clientsGone: readonly string[]
      /** How many further live sessions there were. */
      readonly otherSessions: number
    }

/** What dealing with a restored store works on. */
export interface RestoreDependencies {
  readonly store: SessionStore &
    LostWritesStore &
    UserStore &
    ClientStore &
    Pick<RevocationStore, 'addRevocation' | 'startRevocationEpoch'> &
    Pick<KeyStore, 'countSessionsByRefreshKey'>
  readonly keyRing: () => Promise<Pick<KeyRing, 'kill'>>
  /** The store's instant in milliseconds. */
  readonly now: () => Promise<number>
  readonly random: Random
}

const batch = 500
const epochBytes = 12

/**
 * Deals with a store that was put back to an earlier state (finding F8): does again the ends that a journal of security
 * events tells of, then keeps the other sessions or ends them all. May be called again, and while servers run: whatever
 * stands already is left as it is. Whoever reads the revocation feed begins anew and loses nothing of what it knows.
 */
export async function restore(request: RestoreRequest, dependencies: RestoreDependencies): Promise<RestoreOutcome> {
  const { store, now } = dependencies
  const begun = await now()
  if (request.lostSince > begun) return { outcome: 'in_the_future', now: begun }
  await store.startRevocationEpoch(encodeBase64url(dependencies.random(epochBytes)))
  const journal = request.journal && (await readJournal(request.journal, request.lostSince))
  const reapplied = await reapply(journal, dependencies)
  const others = request.otherSessions === 'end' ? await endEverySession(dependencies) : await countLive(dependencies)
  const at = await now()
  const { sessions, users, clients, keys } = reapplied.done
  await store.settleLostWrites(at, {
    type: 'store_restored',
    at,
    actor: 'admin',
    evidence: { lostSince: request.lostSince, otherSessions: request.otherSessions, sessions, users, clients, keys },
  })
  return {
    outcome: 'restored',
    journal: journal && {
      events: journal.events,
      unreadableLines: journal.unreadableLines,
      from: journal.from,
      to: journal.to,
    },
    reapplied: reapplied.done,
    standing: reapplied.standing,
    ...(await whatIsGone(journal, store)),
    otherSessions: others,
  }
}

interface Reapplied {
  readonly done: { sessions: number; users: number; clients: number; keys: number }
  standing: number
}

async function reapply(journal: Journal | undefined, dependencies: RestoreDependencies): Promise<Reapplied> {
  const reapplied: Reapplied = { done: { sessions: 0, users: 0, clients: 0, keys: 0 }, standing: 0 }
  const count = (kind: keyof Reapplied['done'], again: boolean): void => {
    if (again) reapplied.done[kind] += 1
    else reapplied.standing += 1
  }
  if (journal === undefined) return reapplied
  const { store, keyRing, now } = dependencies
  for (const { id, reason, at } of journal.sessions) {
    const { session, now: read } = await store.readSession(id)
    if (session === undefined) {
      await revokeUnknown({ kind: 'session', id }, at, dependencies)
      count('sessions', false)
      continue
    }
    const { userId, clientId } = session
    const event: SecurityEvent = {
      type: 'session_ended',
      ...restored(read, at),
      sessionId: id,
      userId,
      clientId,
      reason,
    }
    count('sessions', await store.endSession({ id, now: read, reason, event }))
  }
  for (const { id, at } of journal.disabledUsers) {
    const instant = await now()
    count(
      'users',
      await store.disableUser(id, instant, { type: 'user_disabled', ...restored(instant, at), userId: id }),
    )
  }
  for (const { id, at } of journal.removedClients) {
    const instant = await now()
    const client = await store.findClient(id)
    // One of that id that was registered since its removal is another one.
    const removed = client !== undefined && client.createdAt <= at
    const event: SecurityEvent = { type: 'client_removed', ...restored(instant, at), clientId: id }
    count('clients', removed && (await store.removeClient(id, instant, event)))
  }
  for (const { id, at } of journal.killedKeys) {
    const killed = (await (await keyRing()).kill(id)).outcome === 'killed'
    if (!killed) await revokeUnknown({ kind: 'key', id }, at, dependencies)
    count('keys', killed)
  }
  return reapplied
}

/**
 * What was made after the backup and ended before the loss is not in the store, nor is its entry in the feed; its access
 * tokens may still be under way.
 */
async function revokeUnknown(
  revocation: Revocation,
  endedAt: number,
  { store, now }: RestoreDependencies,
): Promise<void> {
  const at = await now()
  if (endedAt + longestAccessMilliseconds > at) await store.addRevocation({ ...revocation, now: at })
}

/** The part of an event that says that something is done again, and when it was done first. */
function restored(at: number, firstAt: number): Pick<SecurityEvent, 'at' | 'actor' | 'evidence'> {
  return { at, actor: 'admin', evidence: { finding: 'restored', firstAt } }
}

/**
 * Ends whatever lives, those that were opened since the store was put back included: where exactly the backup ends
 * nobody can tell for sure, and a session too many is better than one too few.
 */
async function endEverySession({ store, now }: RestoreDependencies): Promise<number> {
  let ended = 0
  for (let after = ''; ; ) {
    const at = await now()
    const event: SecurityEvent = { type: 'session_ended', at, actor: 'admin', reason: 'restored' }
    const ids = await store.endLiveSessions({ after, limit: batch, now: at, reason: 'restored', event })
    ended += ids.length
    const last = ids.at(-1)
    if (last === undefined || ids.length < batch) return ended
    after = last
    await afterOthers()
  }
}

async function countLive({ store, now }: RestoreDependencies): Promise<number> {
  const live = await store.countSessionsByRefreshKey(await now())
  return [...live.values()].reduce((sum, count) => sum + count, 0)
}

/** What the journal tells of and cannot bring back: it holds neither passwords nor secrets, and roles only as a text. */
async function whatIsGone(
  journal: Journal | undefined,
  store: RestoreDependencies['store'],
): Promise<
  Pick<RestoreOutcome & { outcome: 'restored' }, 'passwordsUndone' | 'rolesUndone' | 'usersGone' | 'clientsGone'>
> {
  const usersGone: string[] = []
  const clientsGone: string[] = []
  for (const id of journal?.addedUsers ?? []) if ((await store.findUser(id)) === undefined) usersGone.push(id)
  const removed = new Set(journal?.removedClients.map(({ id }) => id))
  for (const id of journal?.addedClients ?? []) {
    if (!removed.has(id) && (await store.findClient(id)) === undefined) clientsGone.push(id)
  }
  return {
    passwordsUndone: await usernames(journal?.changedPasswords ?? [], store),
    rolesUndone: await usernames(journal?.changedRoles ?? [], store),
    usersGone,
    clientsGone,
  }
}

/** The names of those of the users that are there. */
async function usernames(ids: readonly string[], store: RestoreDependencies['store']): Promise<readonly string[]> {
  const users = await Promise.all(ids.map((id) => store.findUser(id)))
  return users.flatMap((user) => (user === undefined ? [] : [user.username]))
}

/** Lets whatever waits for the store go first. */
function afterOthers(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
