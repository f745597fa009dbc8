import { expect, test } from 'vitest'
import type { SessionMove } from '../../tokens/session-store.ts'
import { type StorageFactory, type StorageFixture, storageFor } from './fixture.ts'
import {
  aClient,
  addUser,
  aMove,
  anEnding,
  anEvent,
  aPeek,
  aRepeat,
  aSession,
  emptyOutbox,
  inOrder,
  moved,
  namedBytes,
  openSession,
  outbox,
  stored,
} from './records.ts'

const racers = 100

/** The engine, and where it has them, a second node on the same store to take turns with. */
async function nodesOf(fixture: StorageFixture): Promise<StorageFixture['storage'][]> {
  return fixture.connect === undefined ? [fixture.storage] : [fixture.storage, await fixture.connect()]
}

/** What happens when writes meet: on one node always, on two where the engine can have two. */
export function sessionRaceContract(factory: StorageFactory): void {
  async function withNodes() {
    const fixture = await storageFor(factory)
    const user = await addUser(fixture.storage, 'ada')
    const nodes = await nodesOf(fixture)
    const node = (index: number) => nodes[index % nodes.length] ?? fixture.storage
    return { ...fixture, user, node }
  }

  test('B1 T1.1 of 100 moves at one generation exactly one wins, and the row is the winner’s', async () => {
    const { storage, clock, user, node } = await withNodes()
    const session = await openSession(storage, 'tab', user)
    await emptyOutbox(storage)
    const moves = Array.from({ length: racers }, (_, index): SessionMove => {
      const event = anEvent('session_rolled_forward', clock.now(), { evidence: { racer: index } })
      return aMove(session, clock.now(), { recent: namedBytes(`racer ${index}`, 176), event })
    })
    const answers = await Promise.all(moves.map((move, index) => node(index).moveSession(move)))
    const winners = moves.filter((_, index) => answers[index])
    expect(winners).toHaveLength(1)
    for (const winner of winners) {
      expect(await stored(storage, session)).toEqual(moved(session, winner))
      expect(await outbox(storage)).toEqual([winner.event])
    }
  })

  test('B1 a chain of 20 stampedes moves 20 generations', async () => {
    const { storage, clock, user, node } = await withNodes()
    let session = await openSession(storage, 'tab', user)
    for (let generation = 0; generation < 20; generation += 1) {
      const move = aMove(session, clock.now())
      const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => node(index).moveSession(move)))
      expect(answers.filter(Boolean)).toHaveLength(1)
      session = moved(session, move)
    }
    expect(await stored(storage, session)).toEqual(session)
  })

  test('F9 of many sessions moved at once each gets its own answer', async () => {
    const { storage, clock, user, node } = await withNodes()
    const sessions = await Promise.all(
      Array.from({ length: racers }, (_, index) =>
        openSession(storage, `tab ${index}`, user, { generation: index % 3 }),
      ),
    )
    // All claim generation 1: a third of them is right.
    const answers = await Promise.all(
      sessions.map((session, index) => node(index).moveSession(aMove({ ...session, generation: 1 }, clock.now()))),
    )
    expect(answers).toEqual(sessions.map((session) => session.generation === 1))
    for (const session of sessions) {
      const move = aMove(session, clock.now())
      expect(await stored(storage, session)).toEqual(session.generation === 1 ? moved(session, move) : session)
    }
  })

  test('B4 every one of 100 repeats at once is counted', async () => {
    const { storage, clock, user, node } = await withNodes()
    const session = await openSession(storage, 'tab', user)
    const repeats = Array.from({ length: racers }, (_, index) => node(index).countRepeat(aRepeat(session, clock.now())))
    const counted = (await Promise.all(repeats)).filter(Boolean).length
    expect((await stored(storage, session))?.repeats).toBe(counted)
    expect(counted).toBe(racers)
  })

  test('B4 T2.5 every one of 100 peeks and repeats at once is counted, and no holder is lost', async () => {
    const { storage, clock, user, node } = await withNodes()
    const session = await openSession(storage, 'tab', user)
    const answers = await Promise.all(
      Array.from({ length: racers }, (_, index) => {
        if (index % 2 === 0) return node(index / 2).countPeek(aPeek(session, clock.now()))
        const holder = namedBytes(`holder ${index % 3}`, 4)
        return node((index - 1) / 2).countRepeat(aRepeat(session, clock.now(), { holder }))
      }),
    )
    expect(answers.every(Boolean)).toBe(true)
    const row = await stored(storage, session)
    expect(row).toMatchObject({ peeks: racers / 2, repeats: racers / 2 })
    const bytes = Buffer.from(row?.repeatHolders ?? [])
    const places = [0, 4, 8, 12].map((start) => bytes.toString('hex', start, start + 4))
    const holders = [0, 1, 2].map((index) => Buffer.from(namedBytes(`holder ${index}`, 4)).toString('hex'))
    expect(inOrder(places)).toEqual(inOrder([...holders, '00000000']))
  })

  test('a move and the repeats of the generation it leaves have one order', async () => {
    const { storage, clock, user, node } = await withNodes()
    const session = await openSession(storage, 'tab', user)
    const move = aMove(session, clock.now())
    const repeat = (index: number): Promise<boolean> => node(index).countRepeat(aRepeat(session, clock.now()))
    const answers = await Promise.all([repeat(0), repeat(1), node(0).moveSession(move), repeat(0), repeat(1)])
    expect(answers[2]).toBe(true)
    expect(await stored(storage, session)).toEqual(moved(session, move))
  })

  test('F6 B3 B8 once an ending is acknowledged no move, no repeat and no peek succeeds, whatever was under way', async () => {
    const { storage, clock, user, node } = await withNodes()
    for (let round = 0; round < 20; round += 1) {
      const session = await openSession(storage, `tab ${round}`, user)
      const move = aMove(session, clock.now())
      const before = [
        node(round).moveSession(move),
        node(round + 1).countRepeat(aRepeat(session, clock.now())),
        node(round).countPeek(aPeek(session, clock.now())),
      ]
      const ended = await node(round).endSession(anEnding(session, clock.now(), { reason: 'replay' }))
      expect(ended).toBe(true)
      const [won] = await Promise.all(before)
      const row = await stored(storage, session)
      expect(row).toMatchObject({ generation: won ? 1 : 0, revokedAt: clock.now(), revokedReason: 'replay' })
      for (const current of [session, moved(session, move)]) {
        expect(await node(round + 1).moveSession(aMove(current, clock.now()))).toBe(false)
        expect(await node(round + 1).countRepeat(aRepeat(current, clock.now()))).toBe(false)
        expect(await node(round).countPeek(aPeek(current, clock.now()))).toBe(false)
      }
      expect(await stored(storage, session)).toEqual(row)
    }
  })

  test('B8 of many endings at once one is the first', async () => {
    const { storage, clock, user, node } = await withNodes()
    const session = await openSession(storage, 'tab', user)
    await emptyOutbox(storage)
    const reasons = ['logout', 'replay', 'revoked_by_admin', 'revoked_by_user'] as const
    const answers = await Promise.all(
      reasons.map((reason, index) => node(index).endSession(anEnding(session, clock.now() + index, { reason }))),
    )
    expect(answers.filter(Boolean)).toHaveLength(1)
    const first = answers.indexOf(true)
    expect(await stored(storage, session)).toEqual({
      ...session,
      revokedAt: clock.now() + first,
      revokedReason: reasons[first],
    })
    expect(await outbox(storage)).toHaveLength(1)
  })

  test('F7 no session of a disabled user lives, in whatever order sign-in and disabling meet', async () => {
    const { storage, clock, node } = await withNodes()
    for (let round = 0; round < 20; round += 1) {
      const user = await addUser(storage, `user ${round}`)
      const session = aSession(`tab ${round}`, user, clock.now())
      const open = () => node(round).openSession(session, anEvent('session_opened', clock.now()))
      const disable = () => node(round + 1).disableUser(user.id, clock.now(), anEvent('user_disabled', clock.now()))
      const [opened, disabled] =
        round % 2 === 0
          ? await Promise.all([open(), disable()])
          : await Promise.all([disable(), open()]).then(([second, first]) => [first, second] as const)
      expect(disabled).toBe(true)
      const row = await stored(storage, session)
      if (opened === 'opened') expect(row).toMatchObject({ revokedReason: 'user_disabled' })
      else expect(row).toBeUndefined()
    }
  })

  test('F7 no session of a removed client lives, in whatever order sign-in and removal meet', async () => {
    const { storage, clock, user, node } = await withNodes()
    for (let round = 0; round < 20; round += 1) {
      const clientId = `app-${round}`
      await storage.addClient(aClient(clientId), anEvent('client_added', clock.now()))
      const session = aSession(`tab ${round}`, user, clock.now(), { clientId })
      const open = () => node(round).openSession(session, anEvent('session_opened', clock.now()))
      const remove = () => node(round + 1).removeClient(clientId, clock.now(), anEvent('client_removed', clock.now()))
      const [opened, removed] =
        round % 2 === 0
          ? await Promise.all([open(), remove()])
          : await Promise.all([remove(), open()]).then(([second, first]) => [first, second] as const)
      expect(removed).toBe(true)
      const row = await stored(storage, session)
      if (opened === 'opened') expect(row).toMatchObject({ revokedReason: 'client_removed' })
      else expect(row).toBeUndefined()
    }
  })

  test('F7 B3 moves that meet the disabling of their user end with a revoked session', async () => {
    const { storage, clock, user, node } = await withNodes()
    const sessions = await Promise.all(
      Array.from({ length: 20 }, (_, index) => openSession(storage, `tab ${index}`, user)),
    )
    const moves = sessions.map((session, index) => node(index).moveSession(aMove(session, clock.now())))
    expect(await node(1).disableUser(user.id, clock.now(), anEvent('user_disabled', clock.now()))).toBe(true)
    const won = await Promise.all(moves)
    for (const [index, session] of sessions.entries()) {
      const row = await stored(storage, session)
      expect(row).toMatchObject({ generation: won[index] ? 1 : 0, revokedReason: 'user_disabled' })
    }
  })
}
