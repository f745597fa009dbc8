import type { RevocationEntry } from '@pawl/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SessionRecord } from '../../tokens/session.ts'
import { memoryStorage } from '../memory/memory-storage.ts'
import type { Storage } from '../store-ports.ts'
import { builtInClientId, type StorageFactory } from './fixture.ts'
import {
  aClient,
  aMove,
  anEnding,
  anEvent,
  aPeek,
  aRefreshKey,
  aRepeat,
  aSession,
  aSigningKey,
  aUser,
  inOrder,
  laptop,
  namedBytes,
} from './records.ts'

/** One call, in numbers that a random source can draw and a failing run can be read by. */
interface Call {
  readonly name: keyof typeof calls
  /** Picks the user, client or key. */
  readonly subject: number
  readonly session: number
  /** A generation, a number of milliseconds or a choice, as the call has it. */
  readonly value: number
  readonly flag: boolean
}

const users = [aUser('ada'), aUser('bob'), aUser('app', { passwordHash: null })] as const

function userOf(call: Call): (typeof users)[number] {
  return users[call.subject] ?? users[0]
}

function sessionOf(call: Call, now: number): SessionRecord {
  return aSession(`tab ${call.session}`, userOf(call), now, {
    generation: call.value,
    clientId: call.flag ? builtInClientId : `client ${call.subject}`,
    scope: call.flag ? [] : ['read', `scope ${call.subject}`],
    refreshKeyId: aRefreshKey(`key ${call.subject}`).id,
    idleExpiresAt: now + 20,
    absoluteExpiresAt: now + 40 + call.session,
    lastUsedFrom: call.value === 1 ? { address: null, userAgent: 'Other' } : laptop,
  })
}

function usernameOf(call: Call): string {
  return `name ${call.value % 2}`
}

const calls = {
  addUser: (storage: Storage, call: Call, now: number) =>
    storage.addUser({ ...userOf(call), passwordHash: 'hash 0' }, usernameOf(call), anEvent('user_added', now)),
  recordExternalUser: (storage: Storage, call: Call) =>
    storage.recordExternalUser({ ...userOf(call), username: usernameOf(call), passwordHash: null }, usernameOf(call)),
  replacePasswordHash: (storage: Storage, call: Call) =>
    storage.replacePasswordHash(userOf(call).id, `hash ${call.value}`, `hash ${call.session}`),
  changePassword: (storage: Storage, call: Call, now: number) =>
    storage.changePassword({
      id: userOf(call).id,
      passwordHash: `hash ${call.value}`,
      now,
      event: anEvent('password_changed', now),
      ...(call.flag && { keepSession: sessionOf(call, now).id }),
    }),
  disableUser: (storage: Storage, call: Call, now: number) =>
    call.value > 0 || storage.disableUser(userOf(call).id, now, anEvent('user_disabled', now)),
  addClient: (storage: Storage, call: Call, now: number) =>
    storage.addClient(aClient(`client ${call.subject}`), anEvent('client_added', now)),
  removeClient: (storage: Storage, call: Call, now: number) =>
    call.value > 0 || storage.removeClient(`client ${call.subject}`, now, anEvent('client_removed', now)),
  openSession: (storage: Storage, call: Call, now: number) =>
    storage.openSession(sessionOf(call, now), anEvent('session_opened', now)).catch(() => 'rejected'),
  moveSession: (storage: Storage, call: Call, now: number) =>
    storage.moveSession(
      aMove(sessionOf(call, now), now, {
        idleExpiresAt: now + 20,
        ...(call.flag && {
          event: anEvent('session_rolled_forward', now),
          generation: call.subject + 1,
          lostSince: now - call.session,
        }),
        usedFrom: call.subject === 1 ? { address: null, userAgent: null } : laptop,
      }),
    ),
  countRepeat: (storage: Storage, call: Call, now: number) =>
    storage.countRepeat(
      aRepeat(sessionOf(call, now), now, {
        ...(call.flag && { event: anEvent('attempt_id_reused', now) }),
        ...(call.subject > 0 && { holder: namedBytes(`holder ${call.subject + call.session}`, 4) }),
      }),
    ),
  countPeek: (storage: Storage, call: Call, now: number) =>
    storage.countPeek(
      aPeek(sessionOf(call, now), now, call.flag ? { event: anEvent('session_superseded_use', now) } : {}),
    ),
  endSession: (storage: Storage, call: Call, now: number) => storage.endSession(anEnding(sessionOf(call, now), now)),
  endUserSessions: async (storage: Storage, call: Call, now: number) => {
    const event = anEvent('session_ended', now)
    const ending = { userId: userOf(call).id, now, reason: 'logout', event } as const
    const except = call.flag ? { except: sessionOf(call, now).id } : {}
    return inOrder(await storage.endUserSessions({ ...ending, ...except }))
  },
  endLiveSessions: async (storage: Storage, call: Call, now: number) => {
    const event = anEvent('session_ended', now)
    const batch = { after: '', limit: call.flag ? 100 : 0, now, reason: 'restored', event } as const
    return inOrder(await storage.endLiveSessions(batch))
  },
  settleLostWrites: (storage: Storage, call: Call, now: number) =>
    call.value > 0 || storage.settleLostWrites(now, anEvent('store_restored', now)),
  removeEndedSessions: (storage: Storage, call: Call, now: number) =>
    storage.removeEndedSessions(now - call.value, 100),
  addSigningKey: async (storage: Storage, call: Call, now: number) =>
    storage.addSigningKey(
      aSigningKey(`key ${call.subject}`),
      (await storage.keysVersion()) + (call.value === 0 ? 1 : 0),
      anEvent('signing_key_added', now),
    ),
  removeSigningKey: (storage: Storage, call: Call, now: number) =>
    storage.removeSigningKey(
      `key ${call.subject}`,
      anEvent(call.flag ? 'signing_key_killed' : 'signing_key_removed', now),
    ),
  replaceSealedKey: (storage: Storage, call: Call, now: number) =>
    storage.replaceSealedKey(
      {
        kid: `key ${call.subject}`,
        fromSecretId: call.flag ? 'secret-1' : 'secret-2',
        toSecretId: call.flag ? 'secret-2' : 'secret-1',
        sealedPrivateKey: namedBytes(`sealed ${call.value}`, 3),
      },
      anEvent('signing_key_resealed', now),
    ),
  addRefreshKey: async (storage: Storage, call: Call, now: number) =>
    storage.addRefreshKey(
      aRefreshKey(`key ${call.subject}`),
      (await storage.keysVersion()) + (call.value === 0 ? 1 : 0),
      anEvent('refresh_key_added', now),
    ),
  killSigningKey: (storage: Storage, call: Call, now: number) =>
    storage.killSigningKey(`key ${call.subject}`, anEvent('signing_key_killed', now)),
  setRoles: (storage: Storage, call: Call, now: number) =>
    storage.setRoles({
      id: userOf(call).id,
      roles: [`role ${call.value}`],
      applyNow: call.flag,
      now,
      event: anEvent('user_roles_changed', now),
    }),
  addRevocation: (storage: Storage, call: Call, now: number) =>
    storage.addRevocation({
      kind: call.flag ? 'claims' : 'session',
      id: userOf(call).id,
      now,
      ...(call.value > 1 && { event: anEvent('claims_changed', now) }),
    }),
  declareAccessLifetime: (storage: Storage, call: Call, now: number) =>
    storage.declareAccessLifetime({ milliseconds: call.value, until: now + call.session }),
  removeEndedRevocations: (storage: Storage, call: Call) => storage.removeEndedRevocations(call.session),
  startRevocationEpoch: (storage: Storage, call: Call) => storage.startRevocationEpoch(`epoch-${call.value}`),
  retireRefreshKey: (storage: Storage, call: Call, now: number) =>
    storage.retireRefreshKey(aRefreshKey(`key ${call.subject}`).id, now, anEvent('refresh_key_retired', now)),
  countFailures: (storage: Storage, call: Call) =>
    storage.countFailures(`key ${call.subject}`, 1 + call.session, call.value * 3),
  replaceFailures: (storage: Storage, call: Call) =>
    storage.replaceFailures(`key ${call.subject}`, call.session, call.value * 3),
  readFailures: (storage: Storage, call: Call) => storage.readFailures(`key ${call.subject}`),
  forgetFailures: (storage: Storage, call: Call) => storage.forgetFailures(`key ${call.subject}`),
  removeEndedFailures: (storage: Storage, call: Call) => storage.removeEndedFailures(call.session),
  forgetEvents: async (storage: Storage, call: Call) =>
    storage.forgetEvents((await storage.nextEvents(call.value)).map((entry) => entry.sequence)),
} as const

/** Calls that most histories are made of come more often. */
const names: readonly Call['name'][] = [
  ...Object.keys(calls).filter((name): name is Call['name'] => name in calls),
  ...Array.from({ length: 4 }, () => ['openSession', 'moveSession', 'countRepeat', 'addUser'] as const).flat(),
]

const call: fc.Arbitrary<Call> = fc.record({
  name: fc.constantFrom(...names),
  subject: fc.nat(2),
  session: fc.nat(4),
  value: fc.nat(3),
  flag: fc.boolean(),
})

function sorted(sessions: readonly SessionRecord[]): readonly SessionRecord[] {
  return [...sessions].sort((left, right) => (left.id < right.id ? -1 : 1))
}

/** All that the ports show. Where the order is the engine's to choose it is made one. */
async function everything(storage: Storage): Promise<unknown> {
  const lists = await Promise.all(users.map((user) => storage.listUserSessions(user.id)))
  const ids = [0, 1, 2, 3, 4].map((session) => aSession(`tab ${session}`, users[0], 0).id)
  const now = await storage.storeNow()
  const { version: _, ...keys } = await storage.readKeys()
  return {
    readings: await Promise.all(ids.map((id) => storage.readSession(id))),
    lists: lists.map((list) => ({ ...list, sessions: sorted(list.sessions) })),
    everyone: sorted((await storage.listSessions(100)).sessions),
    users: await storage.listUsers(),
    named: await Promise.all(['name 0', 'name 1'].map((name) => storage.findUserByName(name))),
    clients: await storage.listClients(),
    keys,
    lostWrites: await storage.lostWrites(),
    revocations: await revocationsOf(storage),
    counts: new Map(await storage.countSessionsByRefreshKey(now)),
    events: (await storage.nextEvents(1000)).map(({ event }) => {
      return event.endedSessions === undefined ? event : { ...event, endedSessions: inOrder(event.endedSessions) }
    }),
  }
}

/** The feed, without the epoch that an engine begins with. Entries of one step stand in no order. */
async function revocationsOf(storage: Storage): Promise<unknown> {
  const { position, steps } = await storage.readRevocationSteps(0)
  const told = (entries: readonly RevocationEntry[]) => inOrder(entries.map((entry) => JSON.stringify(entry)))
  const page = await storage.readRevocationPage({ after: undefined, upTo: position.sequence, limit: 1000 })
  return {
    sequence: position.sequence,
    steps: steps.map(({ sequence, entries }) => [sequence, told(entries)]),
    entries: told(page.entries),
    claims: await Promise.all(users.map(({ id }) => storage.claimsChangedAt(id))),
  }
}

/** The engine beside the one in memory: whatever is asked of both, both answer and hold the same. */
export function agreementContract(factory: StorageFactory, histories: number): void {
  test('B1 B3 B4 B6 B8 F6 F7 answers and holds, after any history, what the memory engine does', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 5, maxLength: 60, size: 'max' }), async (history) => {
        const { storage, clock, dispose } = await factory()
        try {
          const model = memoryStorage({ clock: clock.now })
          for (const step of history) {
            clock.advance(step.value)
            const answer = await calls[step.name](storage, step, clock.now())
            expect(answer).toEqual(await calls[step.name](model, step, clock.now()))
          }
          expect(await everything(storage)).toEqual(await everything(model))
        } finally {
          await dispose?.()
        }
      }),
      { numRuns: histories },
    )
  })
}
