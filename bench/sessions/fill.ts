import { randomBytes } from 'node:crypto'
import type { SessionRecord, Storage } from '@pawl/server'
import { inFlight, upTo } from './in-flight.ts'
import type { TypicalSession } from './typical-session.ts'

/** How many sign-ins are under way at a time. */
const atATime = 64

/** Every user has signed in at two devices. */
export const sessionsPerUser = 2

/** Writes down the users that so many sessions belong to. */
export async function addUsers(storage: Storage, sessions: number): Promise<void> {
  const createdAt = await storage.storeNow()
  await inFlight(upTo(Math.ceil(sessions / sessionsPerUser)), atATime, async (number) => {
    const username = `${usernameOf(number)}@example.com`
    const user = { id: userIdOf(number), username, passwordHash: null, roles: [], createdAt, disabledAt: null }
    await storage.recordExternalUser(user, username)
  })
}

function usernameOf(number: number): string {
  return `person.${String(number).padStart(7, '0')}`
}

function userIdOf(number: number): string {
  return `user-${String(number).padStart(9, '0')}`
}

/**
 * Opens sessions that differ from the typical one as those of a server do, in what is drawn by chance and in whose they
 * are, through the engine's own port. Events are delivered meanwhile, as a server does it.
 *
 * @returns their ids
 */
export async function openSessions(storage: Storage, { opened }: TypicalSession, count: number): Promise<string[]> {
  const ids: string[] = []
  const begun = await storage.storeNow()
  let delivering = Promise.resolve()
  await inFlight(upTo(count), atATime, async (number) => {
    const session = another(opened, number, begun + number)
    const outcome = await storage.openSession(session, {
      type: 'session_opened',
      at: session.createdAt,
      actor: 'user',
      sessionId: session.id,
      userId: session.userId,
      clientId: session.clientId,
      device: session.openedFrom,
    })
    if (outcome !== 'opened') throw new Error(`a session was not opened: ${outcome}`)
    ids.push(session.id)
    if (number % 256 === 255) {
      // One after the other, as a server does it; whoever comes here waits for those before.
      delivering = delivering.then(() => deliver(storage))
      await delivering
    }
  })
  await deliver(storage)
  return ids
}

function another(opened: SessionRecord, number: number, now: number): SessionRecord {
  const device = { address: addressOf(number), userAgent: opened.openedFrom.userAgent }
  return {
    ...opened,
    id: randomBytes(16).toString('base64url'),
    userId: userIdOf(Math.floor(number / sessionsPerUser)),
    tokenHash: new Uint8Array(randomBytes(opened.tokenHash.length)),
    seed: new Uint8Array(randomBytes(opened.seed.length)),
    createdAt: now,
    lastUsedAt: now,
    idleExpiresAt: now + (opened.idleExpiresAt - opened.createdAt),
    absoluteExpiresAt: now + (opened.absoluteExpiresAt - opened.createdAt),
    openedFrom: device,
    lastUsedFrom: device,
  }
}

/** Every second one comes by IPv6. */
function addressOf(number: number): string {
  const [high, low] = [(number >> 8) & 0xff, number & 0xff]
  return number % 2 === 0
    ? `203.0.${high}.${low}`
    : `2001:db8:${high.toString(16)}:${low.toString(16)}:aaaa:bbbb:cccc:dddd`
}

async function deliver(storage: Storage): Promise<void> {
  for (;;) {
    const events = await storage.nextEvents(100)
    if (events.length === 0) return
    await storage.forgetEvents(events.map(({ sequence }) => sequence))
  }
}
