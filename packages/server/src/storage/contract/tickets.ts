import { expect, test } from 'vitest'
import { type StorageFactory, storageFor } from './fixture.ts'
import { aClient, addUser, anEnding, anEvent, aSession, aTicket, namedBytes, openSession } from './records.ts'

/** Authorization codes, pushed requests and device codes. */
export function ticketContract(factory: StorageFactory): void {
  async function withTicket(more: Parameters<typeof aTicket>[2] = {}) {
    const fixture = await storageFor(factory)
    const { storage, clock } = fixture
    const user = await addUser(storage, 'ada')
    await storage.addClient(aClient('app'), anEvent('client_added', 1))
    const granting = await openSession(storage, 'pages', user)
    const ticket = aTicket('code', clock.now(), { userId: user.id, ...more })
    expect(await storage.addTicket(ticket, 10)).toBe(true)
    const open = (name: string, on = storage) => {
      const now = clock.now()
      const session = aSession(name, user, now, { clientId: 'app' })
      return on.openSession(session, anEvent('session_opened', now), { hash: ticket.hash, grantedBy: granting.id })
    }
    return { ...fixture, user, granting, ticket, open }
  }

  test('a ticket is read as it was written, by its digest alone', async () => {
    const { storage, clock, ticket, reopen } = await withTicket()
    const after = (await reopen?.()) ?? storage
    expect(await after.findTicket(ticket.hash)).toEqual({ now: clock.now(), ticket })
    expect((await after.findTicket(namedBytes('other', 32))).ticket).toBeUndefined()
    expect((await after.findTicketByUserCode(ticket.hash)).ticket).toBeUndefined()
    await expect(after.addTicket(ticket, 10)).rejects.toThrow()
  })

  test('TK-2 of 50 sessions opened at once on one ticket, on several nodes, one is', async () => {
    const { storage, connect, ticket, open, user } = await withTicket()
    const second = (await connect?.()) ?? storage
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) => open(`racer ${index}`, index % 2 === 0 ? storage : second)),
    )
    expect(outcomes.filter((outcome) => outcome === 'opened')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'ticket_spent')).toHaveLength(49)
    const { sessions } = await storage.listUserSessions(user.id)
    const [opened] = sessions.filter(({ clientId }) => clientId === 'app')
    expect(sessions).toHaveLength(2)
    expect((await second.findTicket(ticket.hash)).ticket).toMatchObject({ sessionId: opened?.id })
  })

  test('TK-2 a ticket opens nothing once its time is up, nor one that nobody wrote', async () => {
    const { clock, open, storage, granting, user } = await withTicket()
    const unknown = { hash: namedBytes('other', 32), grantedBy: granting.id }
    const session = aSession('stray', user, clock.now(), { clientId: 'app' })
    expect(await storage.openSession(session, anEvent('session_opened', 1), unknown)).toBe('ticket_spent')
    clock.advance(100)
    expect(await open('late')).toBe('ticket_spent')
    clock.advance(-1)
    expect(await open('in time')).toBe('opened')
  })

  test('a ticket opens nothing once the session that granted it was ended, and stays unused', async () => {
    const { storage, clock, granting, ticket, open } = await withTicket()
    await storage.endSession(anEnding(granting, clock.now()))
    expect(await open('late')).toBe('ticket_spent')
    expect((await storage.findTicket(ticket.hash)).ticket).toEqual(ticket)
  })

  test('a refused opening leaves the ticket as it was', async () => {
    const { storage, clock, user, ticket, open } = await withTicket()
    await storage.removeClient('app', clock.now(), anEvent('client_removed', clock.now()))
    expect(await open('gone')).toBe('client_removed')
    await storage.disableUser(user.id, clock.now(), anEvent('user_disabled', clock.now()))
    expect(await open('off')).toBe('user_disabled')
    expect((await storage.findTicket(ticket.hash)).ticket).toEqual(ticket)
  })

  test('a session remembers when its user signed in, where that was before', async () => {
    const { storage, clock, user } = await withTicket()
    const session = await openSession(storage, 'later', user, { authenticatedAt: clock.now() - 5000 })
    expect((await storage.readSession(session.id)).session).toEqual(session)
    expect(session.authenticatedAt).toBe(clock.now() - 5000)
  })

  test('of 20 exchanges of one ticket at once one succeeds, and of the others nothing is written', async () => {
    const { storage, connect, clock, ticket } = await withTicket({ kind: 'request' })
    const second = (await connect?.()) ?? storage
    const codes = Array.from({ length: 20 }, (_, index) => aTicket(`code ${index}`, clock.now()))
    const outcomes = await Promise.all(
      codes.map((code, index) => (index % 2 === 0 ? storage : second).exchangeTicket(ticket.hash, code)),
    )
    expect(outcomes.filter((exchanged) => exchanged)).toHaveLength(1)
    const found = await Promise.all(codes.map(async ({ hash }) => (await storage.findTicket(hash)).ticket))
    expect(found.map((code) => code !== undefined)).toEqual(outcomes)
    expect((await storage.findTicket(ticket.hash)).ticket?.usedAt).toBe(clock.now())
  })

  test('an exchange for a ticket whose time is up writes nothing', async () => {
    const { storage, clock, ticket } = await withTicket({ kind: 'request' })
    clock.advance(100)
    const code = aTicket('late', clock.now())
    expect(await storage.exchangeTicket(ticket.hash, code)).toBe(false)
    expect((await storage.findTicket(code.hash)).ticket).toBeUndefined()
  })

  test('so many tickets of a kind and client count at once, and no more', async () => {
    const { storage, clock } = await storageFor(factory)
    const add = (name: string, more: Parameters<typeof aTicket>[2] = {}) =>
      storage.addTicket(aTicket(name, clock.now(), more), 2)
    expect([await add('one'), await add('two'), await add('three')]).toEqual([true, true, false])
    expect([await add('kind', { kind: 'device' }), await add('client', { clientId: 'other' })]).toEqual([true, true])
    clock.advance(100)
    expect(await add('later')).toBe(true)
  })

  test('a device code is found by what is typed, and of many decisions at once the first stands', async () => {
    const { storage, connect, clock } = await storageFor(factory)
    const second = (await connect?.()) ?? storage
    const ticket = aTicket('device', clock.now(), { kind: 'device', userCodeHash: namedBytes('typed', 32) })
    await storage.addTicket(ticket, 10)
    expect((await second.findTicketByUserCode(namedBytes('typed', 32))).ticket).toEqual(ticket)
    const decisions = Array.from({ length: 10 }, (_, index) => ({
      hash: ticket.hash,
      userId: `usr_${index}`,
      document: `{"by":${index}}`,
      now: clock.now(),
    }))
    const outcomes = await Promise.all(
      decisions.map((decision, index) => (index % 2 === 0 ? storage : second).decideTicket(decision)),
    )
    expect(outcomes.filter((decided) => decided)).toHaveLength(1)
    const { userId, document } = decisions[outcomes.indexOf(true)] ?? {}
    expect((await storage.findTicket(ticket.hash)).ticket).toEqual({ ...ticket, userId, document })
  })

  test('a device code cannot be decided about once its time is up', async () => {
    const { storage, clock } = await storageFor(factory)
    const ticket = aTicket('device', clock.now(), { kind: 'device', userCodeHash: namedBytes('typed', 32) })
    await storage.addTicket(ticket, 10)
    clock.advance(100)
    const decision = { hash: ticket.hash, userId: 'usr_1', document: '{}', now: clock.now() }
    expect(await storage.decideTicket(decision)).toBe(false)
    expect((await storage.findTicket(ticket.hash)).ticket).toEqual(ticket)
  })

  test('polls of one device code are told apart by the instant of the one before', async () => {
    const { storage, clock } = await storageFor(factory)
    const { hash } = aTicket('device', clock.now())
    const poll = () => storage.pollTicket({ hash, now: clock.now(), lastBefore: clock.now() - 5 })
    expect(await poll()).toBe(false)
    await storage.addTicket(aTicket('device', clock.now()), 10)
    expect(await poll()).toBe(true)
    expect(await poll()).toBe(false)
    clock.advance(5)
    const together = await Promise.all(Array.from({ length: 10 }, poll))
    expect(together.filter((due) => due)).toHaveLength(1)
  })

  test('T9.4 ended tickets go in batches, the oldest first, and no other', async () => {
    const { storage, clock } = await storageFor(factory)
    const tickets = Array.from({ length: 7 }, (_, index) =>
      aTicket(`old ${index}`, clock.now(), { expiresAt: clock.now() + index }),
    )
    for (const ticket of tickets) await storage.addTicket(ticket, 10)
    const limit = clock.now() + 5
    expect(await storage.removeEndedTickets(limit, 4)).toBe(4)
    expect(await storage.removeEndedTickets(limit, 4)).toBe(2)
    expect(await storage.removeEndedTickets(limit, 4)).toBe(0)
    const left = await Promise.all(tickets.map(async ({ hash }) => (await storage.findTicket(hash)).ticket))
    expect(left.filter((ticket) => ticket !== undefined)).toEqual([tickets[6]])
  })
}
