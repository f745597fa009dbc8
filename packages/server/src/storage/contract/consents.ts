import { expect, test } from 'vitest'
import type { Storage } from '../store-ports.ts'
import { type StorageFactory, storageFor } from './fixture.ts'
import { aClient, addUser, anEvent, aSession, aTicket, openSession } from './records.ts'

/** What users have allowed clients. */
export function consentContract(factory: StorageFactory): void {
  const aConsent = (userId: string, clientId: string, grantedAt: number, scope: readonly string[] = ['read']) => ({
    userId,
    clientId,
    scope,
    resources: ['https://api.example'],
    grantedAt,
  })
  const remember = (storage: Storage, consent: ReturnType<typeof aConsent>) =>
    storage.rememberConsent(consent, anEvent('consent_given', consent.grantedAt))
  const withdraw = (storage: Storage, userId: string, clientId: string, now: number) =>
    storage.withdrawConsent({ userId, clientId, now, event: anEvent('consent_withdrawn', now, { userId, clientId }) })

  test('AZ-11 a consent is remembered, the next one takes its place, and a user’s are listed newest first', async () => {
    const { storage, reopen } = await storageFor(factory)
    expect(await storage.findConsent('usr_1', 'app')).toBeUndefined()
    await remember(storage, aConsent('usr_1', 'app', 1))
    await remember(storage, aConsent('usr_1', 'other', 2))
    await remember(storage, aConsent('usr_2', 'app', 3))
    const newer = aConsent('usr_1', 'app', 4, ['read', 'write'])
    await remember(storage, newer)
    const after = (await reopen?.()) ?? storage
    expect(await after.findConsent('usr_1', 'app')).toEqual(newer)
    expect(await after.listConsents('usr_1')).toEqual([newer, aConsent('usr_1', 'other', 2)])
    expect(await after.listConsents('usr_3')).toEqual([])
  })

  test('withdrawn: the client’s sessions of that user end, its tickets go, and nobody else’s', async () => {
    const { storage, clock } = await storageFor(factory)
    const [ada, bob] = [await addUser(storage, 'ada'), await addUser(storage, 'bob')]
    for (const id of ['app', 'other']) await storage.addClient(aClient(id), anEvent('client_added', 1))
    const granting = await openSession(storage, 'pages', ada)
    const ended = await openSession(storage, 'ended', ada, { clientId: 'app' })
    const kept = [
      granting,
      await openSession(storage, 'other client', ada, { clientId: 'other' }),
      await openSession(storage, 'other user', bob, { clientId: 'app' }),
    ]
    const ticket = aTicket('code', clock.now(), { userId: ada.id })
    const others = [
      aTicket('of bob', clock.now(), { userId: bob.id }),
      aTicket('of other', clock.now(), { userId: ada.id, clientId: 'other' }),
    ]
    for (const added of [ticket, ...others]) await storage.addTicket(added, 10)
    await remember(storage, aConsent(ada.id, 'app', clock.now()))

    expect(await withdraw(storage, ada.id, 'app', clock.now())).toBe(true)
    expect(await withdraw(storage, ada.id, 'app', clock.now())).toBe(false)
    expect(await storage.findConsent(ada.id, 'app')).toBeUndefined()
    expect((await storage.readSession(ended.id)).session).toMatchObject({
      revokedAt: clock.now(),
      revokedReason: 'consent_withdrawn',
    })
    for (const session of kept) expect((await storage.readSession(session.id)).session).toEqual(session)
    expect((await storage.findTicket(ticket.hash)).ticket).toBeUndefined()
    for (const other of others) expect((await storage.findTicket(other.hash)).ticket).toEqual(other)

    const session = aSession('late', ada, clock.now(), { clientId: 'app' })
    const opening = { hash: ticket.hash, grantedBy: granting.id }
    expect(await storage.openSession(session, anEvent('session_opened', 1), opening)).toBe('ticket_spent')
  })

  test('a withdrawal between many openings leaves no live session behind', async () => {
    const { storage, connect, clock } = await storageFor(factory)
    const second = (await connect?.()) ?? storage
    const user = await addUser(storage, 'ada')
    await storage.addClient(aClient('app'), anEvent('client_added', 1))
    const granting = await openSession(storage, 'pages', user)
    await remember(storage, aConsent(user.id, 'app', clock.now()))
    const tickets = Array.from({ length: 12 }, (_, index) => aTicket(`code ${index}`, clock.now(), { userId: user.id }))
    for (const ticket of tickets) await storage.addTicket(ticket, 100)
    const opening = tickets.map((ticket, index) =>
      (index % 2 === 0 ? storage : second).openSession(
        aSession(`session ${index}`, user, clock.now(), { clientId: 'app' }),
        anEvent('session_opened', clock.now()),
        { hash: ticket.hash, grantedBy: granting.id },
      ),
    )
    const [withdrawn] = await Promise.all([withdraw(second, user.id, 'app', clock.now()), ...opening])
    expect(withdrawn).toBe(true)
    const { sessions } = await storage.listUserSessions(user.id)
    expect(sessions.map(({ id }) => id)).toEqual([granting.id])
  })
}
