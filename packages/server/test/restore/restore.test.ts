import { describe, expect, test } from 'vitest'
import { type RestoreRequest, restore } from '../../src/restore/restore.ts'
import type { SecurityEvent } from '../../src/security-events/security-event.ts'
import {
  aClient,
  addUser,
  aMove,
  anEnding,
  anEvent,
  emptyOutbox,
  inOrder,
  openSession,
  outbox,
  stored,
} from '../../src/storage/contract/records.ts'
import { usernameKey } from '../../src/users/user.ts'
import { installation, minute } from '../keys/keys-fixture.ts'
import { seededRandom } from '../secrets/seeded-random.ts'

const lasting = { idleExpiresAt: Number.MAX_SAFE_INTEGER, absoluteExpiresAt: Number.MAX_SAFE_INTEGER }

async function* lines(events: readonly SecurityEvent[]): AsyncIterable<string> {
  for (const event of events) yield JSON.stringify({ level: 30, event, sequence: 1, msg: event.type })
}

/** A store as a backup brought it back, ten minutes after the backup. */
async function restoredStore() {
  const place = installation()
  const { storage } = place
  const ring = place.node()
  await ring.open()
  const [ada, bob] = [await addUser(storage, 'ada'), await addUser(storage, 'bob')]
  for (const id of ['app', 'tool']) await storage.addClient(aClient(id), anEvent('client_added', 1))
  const sessions = {
    stolen: await openSession(storage, 'stolen', ada, lasting),
    kept: await openSession(storage, 'kept', ada, lasting),
    ofApp: await openSession(storage, 'of app', ada, { ...lasting, clientId: 'app' }),
    ofBob: await openSession(storage, 'of bob', bob, lasting),
  }
  await emptyOutbox(storage)
  const lostSince = place.now()
  place.pass(10 * minute)
  const at = place.now() - minute
  const run = (more: Partial<RestoreRequest> = {}, events?: readonly SecurityEvent[]) =>
    restore(
      { lostSince, otherSessions: 'keep', ...(events !== undefined && { journal: lines(events) }), ...more },
      { store: storage, keyRing: async () => ring, now: () => storage.storeNow(), random: seededRandom() },
    )
  return { place, storage, ring, ada, bob, sessions, at, run }
}

describe('after a backup was put back (F8)', () => {
  test('what the journal tells of is done again, once, and told', async () => {
    const { place, storage, ring, ada, bob, sessions, at, run } = await restoredStore()
    const { kid } = await ring.signingKey()
    const journal: readonly SecurityEvent[] = [
      {
        type: 'session_replayed',
        at,
        actor: 'client',
        sessionId: sessions.stolen.id,
        userId: ada.id,
        reason: 'replay',
      },
      { type: 'user_disabled', at, actor: 'admin', userId: bob.id, endedSessions: [sessions.ofBob.id] },
      { type: 'client_removed', at, actor: 'admin', clientId: 'app', endedSessions: [sessions.ofApp.id] },
      { type: 'signing_key_killed', at, actor: 'admin', keyId: kid },
      { type: 'session_ended', at, actor: 'user', sessionId: 'AAAAAAAAAAAAAAAAAAAAAA', reason: 'logout' },
    ]
    expect(await run({}, journal)).toEqual({
      outcome: 'restored',
      journal: { events: 5, unreadableLines: 0, from: at, to: at },
      reapplied: { sessions: 3, users: 1, clients: 1, keys: 1 },
      standing: 1,
      passwordsUndone: [],
      rolesUndone: [],
      usersGone: [],
      clientsGone: [],
      otherSessions: 1,
    })
    const now = place.now()
    const ended = { revokedAt: now }
    expect(await stored(storage, sessions.stolen)).toMatchObject({ ...ended, revokedReason: 'replay' })
    expect(await stored(storage, sessions.ofBob)).toMatchObject({ ...ended, revokedReason: 'user_disabled' })
    expect(await stored(storage, sessions.ofApp)).toMatchObject({ ...ended, revokedReason: 'client_removed' })
    expect(await stored(storage, sessions.kept)).toEqual(sessions.kept)
    expect((await storage.findUser(bob.id))?.disabledAt).toBe(now)
    expect((await storage.listClients()).map(({ id }) => id)).toEqual(['tool'])
    expect(await ring.verificationKey(kid)).toBeUndefined()
    expect((await ring.signingKey()).kid).not.toBe(kid)

    const told = await outbox(storage)
    expect(inOrder(told.map(({ type }) => type))).toEqual(
      inOrder([
        ...['session_ended', 'session_ended', 'session_ended', 'user_disabled', 'client_removed'],
        ...['signing_key_added', 'signing_key_killed', 'store_restored'],
      ]),
    )
    expect(told.find(({ sessionId }) => sessionId === sessions.stolen.id)).toEqual({
      type: 'session_ended',
      at: now,
      actor: 'admin',
      sessionId: sessions.stolen.id,
      userId: ada.id,
      clientId: sessions.stolen.clientId,
      reason: 'replay',
      evidence: { finding: 'restored', firstAt: at },
    })

    await emptyOutbox(storage)
    const { signingKeys } = await storage.readKeys()
    expect(await run({}, journal)).toMatchObject({
      reapplied: { sessions: 0, users: 0, clients: 0, keys: 0 },
      standing: 7,
    })
    expect((await outbox(storage)).map(({ type }) => type)).toEqual(['store_restored'])
    expect((await storage.readKeys()).signingKeys).toEqual(signingKeys)
  })

  test('T6.1 whoever reads the revocation feed begins anew, and is told of every end that the journal tells of', async () => {
    const { place, storage, ring, ada, sessions, run } = await restoredStore()
    const before = await storage.readRevocationSteps(0)
    const at = place.now() - minute
    const old = place.now() - 2 * 86_400 * 1000
    const journal: readonly SecurityEvent[] = [
      { type: 'session_ended', at: old, actor: 'user', sessionId: 'of long ago', reason: 'logout' },
      { type: 'session_ended', at, actor: 'user', sessionId: 'made after the backup', reason: 'logout' },
      {
        type: 'session_replayed',
        at,
        actor: 'client',
        sessionId: sessions.stolen.id,
        userId: ada.id,
        reason: 'replay',
      },
      { type: 'signing_key_killed', at, actor: 'admin', keyId: 'added after the backup' },
      { type: 'signing_key_killed', at, actor: 'admin', keyId: (await ring.signingKey()).kid },
    ]
    const { kid } = await ring.signingKey()
    await run({ lostSince: old }, journal)
    const { position, steps } = await storage.readRevocationSteps(before.position.sequence)
    expect(position.epoch).not.toBe(before.position.epoch)
    expect(inOrder(steps.flatMap(({ entries }) => entries.map(({ kind, id }) => `${kind} ${id}`)))).toEqual(
      inOrder([
        'session made after the backup',
        `session ${sessions.stolen.id}`,
        'key added after the backup',
        `key ${kid}`,
      ]),
    )
  })

  test('a client that was registered anew since its removal is another one, and stays', async () => {
    const { place, storage, at, run } = await restoredStore()
    const journal: readonly SecurityEvent[] = [{ type: 'client_removed', at, actor: 'admin', clientId: 'app' }]
    expect(await run({}, journal)).toMatchObject({ reapplied: { clients: 1 }, standing: 0 })
    await storage.addClient(aClient('app', { createdAt: place.now() }), anEvent('client_added', 1))
    expect(await run({}, journal)).toMatchObject({ reapplied: { clients: 0 }, standing: 1 })
    expect(await storage.findClient('app')).toBeDefined()
  })

  test('names what a journal cannot bring back: passwords, roles, users, clients', async () => {
    const { storage, ada, at, run } = await restoredStore()
    const external = { id: 'ext', username: 'eve', passwordHash: null, roles: [], createdAt: 1, disabledAt: null }
    await storage.recordExternalUser(external, usernameKey('eve'))
    const journal: readonly SecurityEvent[] = [
      { type: 'password_changed', at, actor: 'user', userId: ada.id },
      { type: 'user_roles_changed', at, actor: 'admin', userId: 'ext' },
      { type: 'user_roles_changed', at, actor: 'admin', userId: 'usr_gone' },
      { type: 'user_added', at, actor: 'admin', userId: 'usr_gone' },
      { type: 'password_changed', at, actor: 'user', userId: 'usr_gone' },
      { type: 'client_added', at, actor: 'admin', clientId: 'gone' },
      { type: 'client_added', at, actor: 'admin', clientId: 'brief' },
      { type: 'client_removed', at, actor: 'admin', clientId: 'brief' },
    ]
    expect(await run({}, journal)).toMatchObject({
      passwordsUndone: ['ada'],
      rolesUndone: ['eve'],
      usersGone: ['usr_gone'],
      clientsGone: ['gone'],
    })
  })

  test('the other sessions end only if that was chosen, all of them, and with a reason of their own', async () => {
    const { storage, place, sessions, at, run } = await restoredStore()
    await storage.endSession(anEnding(sessions.ofApp, at, { reason: 'logout' }))
    const user = await addUser(storage, 'many')
    const many = await Promise.all(
      Array.from({ length: 1001 }, (_, index) => openSession(storage, `${index}`, user, lasting)),
    )
    await emptyOutbox(storage)
    const journal: readonly SecurityEvent[] = [
      { type: 'session_replayed', at, actor: 'client', sessionId: sessions.stolen.id, reason: 'replay' },
    ]
    expect(await run({ otherSessions: 'end' }, journal)).toMatchObject({
      reapplied: { sessions: 1 },
      otherSessions: 1003,
    })
    expect(await stored(storage, sessions.stolen)).toMatchObject({ revokedReason: 'replay' })
    expect(await stored(storage, sessions.ofApp)).toMatchObject({ revokedReason: 'logout' })
    for (const session of [sessions.kept, sessions.ofBob, ...many]) {
      expect(await stored(storage, session)).toMatchObject({ revokedReason: 'restored', revokedAt: place.now() })
    }
    expect((await storage.listSessions(10)).sessions).toEqual([])
    const batches = (await outbox(storage)).filter(({ reason }) => reason === 'restored')
    expect(batches.map(({ endedSessions }) => endedSessions?.length)).toEqual([500, 500, 3])
  })

  test('settles what sessions have shown of the loss', async () => {
    const { storage, place, sessions, run } = await restoredStore()
    const lostSince = sessions.kept.lastUsedAt
    await storage.moveSession(aMove(sessions.kept, place.now(), { generation: 5, lostSince }))
    expect(await storage.lostWrites()).toMatchObject({ sessions: 1 })
    expect(await run()).toMatchObject({ journal: undefined, otherSessions: 4 })
    expect(await storage.lostWrites()).toMatchObject({ sessions: 0, settledAt: place.now() })
  })

  test('an instant in the future is refused, and nothing is changed', async () => {
    const { storage, place, run } = await restoredStore()
    expect(await run({ lostSince: place.now() + 1, otherSessions: 'end' })).toEqual({
      outcome: 'in_the_future',
      now: place.now(),
    })
    expect((await storage.listSessions(10)).sessions).toHaveLength(4)
    expect(await outbox(storage)).toEqual([])
  })
})
