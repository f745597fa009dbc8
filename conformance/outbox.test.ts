import type { Storage } from '@pawl/server'
import { describe, expect, test } from 'vitest'
import { accountChanges } from './running-server/audited-account-changes.ts'
import { type Change, type Expected, sessionChanges, type Writer } from './running-server/audited-changes.ts'
import { type Engine, engines, startServer } from './running-server/started-server.ts'

const changes = [...sessionChanges, ...accountChanges]
const password = 'violet-harbour-seventeen'

/** A store that writes what a verb changes, but not its event. */
function forgetting(verb: Writer, storage: Storage): Storage {
  const newest = async () => (await storage.nextEvents(1000)).at(-1)?.sequence ?? 0
  const silent =
    <Given extends readonly unknown[], Answer>(call: (...given: Given) => Promise<Answer>) =>
    async (...given: Given): Promise<Answer> => {
      const before = await newest()
      const answer = await call(...given)
      const written = (await storage.nextEvents(1000)).map(({ sequence }) => sequence)
      await storage.forgetEvents(written.filter((sequence) => sequence > before))
      return answer
    }
  const verbs: Pick<Storage, Writer> = {
    addClient: silent(storage.addClient),
    addSigningKey: silent(storage.addSigningKey),
    addUser: silent(storage.addUser),
    appendEvent: silent(storage.appendEvent),
    changePassword: silent(storage.changePassword),
    countPeek: silent(storage.countPeek),
    disableUser: silent(storage.disableUser),
    endSession: silent(storage.endSession),
    endUserSessions: silent(storage.endUserSessions),
    moveSession: silent(storage.moveSession),
    openSession: silent(storage.openSession),
    rememberConsent: silent(storage.rememberConsent),
    removeClient: silent(storage.removeClient),
    killSigningKey: silent(storage.killSigningKey),
    setRoles: silent(storage.setRoles),
    withdrawConsent: silent(storage.withdrawConsent),
    addRevocation: silent(storage.addRevocation),
  }
  return { ...storage, [verb]: verbs[verb] }
}

interface Audit {
  readonly title: string
  readonly expected: readonly Expected[]
  readonly found: readonly unknown[]
}

/** Makes changes on one server, one after the other, and reads the outbox after each. */
async function audit(
  made: readonly Change[],
  wishes: { readonly engine?: Engine; readonly without?: Writer },
): Promise<readonly Audit[]> {
  let [client, movesToLose] = ['', 0]
  await using server = await startServer({
    ...(wishes.engine !== undefined && { engine: wishes.engine }),
    configuration: { registration: true },
    through: (storage) => {
      const store = wishes.without === undefined ? storage : forgetting(wishes.without, storage)
      return {
        ...store,
        // The delivery in the background finds nothing to take away.
        nextEvents: async () => [],
        openSession: (session, event, ticket) =>
          store.openSession({ ...session, clientId: client || session.clientId }, event, ticket),
        moveSession: async (move) => {
          if (movesToLose === 0) return store.moveSession(move)
          movesToLose -= 1
          return true
        },
      }
    },
  })
  const { storage } = server
  const begin = async () => {
    await storage.forgetEvents((await storage.nextEvents(1000)).map(({ sequence }) => sequence))
  }
  const audits: Audit[] = []
  for (const [index, { title, make }] of changes.entries()) {
    if (!made.some((change) => change.title === title)) continue
    client = ''
    const user = { username: `user-${index}`, password }
    await server.addUser(user.username, password)
    await begin()
    const openFor = (clientId: string) => {
      client = clientId
    }
    const loseMove = () => {
      movesToLose = 1
    }
    const expected = await make({ server, user, begin, openFor, loseMove })
    audits.push({ title, expected, found: (await storage.nextEvents(1000)).map(({ event }) => event) })
  }
  return audits
}

describe.each(engines)('T29.1 the outbox on %s', (engine) => {
  test('has exactly one row for each change and none for what only refreshes or looks', {
    timeout: 60_000,
  }, async () => {
    const audits = await audit(changes, { engine })
    expect(audits).toHaveLength(changes.length)
    for (const { title, expected, found } of audits) {
      expect(found, title).toEqual(expected.map((event) => expect.objectContaining(event)))
      expect(JSON.stringify(found), title).not.toMatch(/pawl_rt_|eyJ|violet-harbour|lantern/)
    }
  })

  test('has the keys that a fresh server makes for itself', async () => {
    await using server = await startServer({
      engine,
      through: (storage) => ({ ...storage, nextEvents: async () => [] }),
    })
    const events = (await server.storage.nextEvents(100)).map(({ event }) => event)
    expect(events.map(({ type }) => type).toSorted()).toEqual(['refresh_key_added', 'signing_key_added', 'user_added'])
    for (const { type, actor, keyId } of events) {
      if (type !== 'user_added') expect({ actor, keyId }).toEqual({ actor: 'server', keyId: expect.any(String) })
    }
  })
})

describe('T29.1 is red as soon as one event is not written', () => {
  const writers = new Set(changes.flatMap(({ writer }) => writer ?? []))

  test.each([...writers])('with %s', { timeout: 60_000 }, async (without) => {
    const audits = await audit(
      changes.filter(({ writer }) => writer === without),
      { without },
    )
    expect(audits.length).toBeGreaterThan(0)
    for (const { title, expected, found } of audits) expect(found.length, title).toBeLessThan(expected.length)
  })
})
