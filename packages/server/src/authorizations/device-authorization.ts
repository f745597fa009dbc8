import { z } from 'zod'
import type { ClientRecord } from '../registered-clients/client.ts'
import type { Random } from '../secrets/random.ts'
import { digestSecret } from '../secrets/secret-digest.ts'
import type { GrantingSession } from './authorization-code.ts'
import type { Ticket, TicketStore } from './ticket-store.ts'

/** How long a device code counts, in seconds: it is typed by a person who has it before his eyes. */
export const deviceSeconds = 600

/** Seconds that a client waits between two polls. */
export const pollSeconds = 5

/** How much earlier a poll may come, in milliseconds: clocks and networks are not that exact. */
const pollLeewayMilliseconds = 500

/** Device codes of one client that may count at once: anyone may ask for a public client, and no table is endless. */
const mostPending = 10_000

/** Without vowels no word comes about, and nothing in it reads like anything else (RFC 8628 section 6.1). */
const alphabet = 'BCDFGHJKLMNPQRSTVWXZ'
const userCodeLength = 8
const handleForm = /^[A-Za-z0-9_-]{43}$/

/** What a device code stands for, and what was decided about it. */
export interface DeviceDocument {
  readonly scope: readonly string[]
  readonly resources: readonly string[]
  readonly decision: {
    readonly allowed: boolean
    /** The user's session at the pages, in which it was decided. */
    readonly grantedBy: string
    /** Milliseconds since 1970. */
    readonly authenticatedAt: number
    readonly amr: readonly string[]
  } | null
}

const deviceDocument: z.ZodType<DeviceDocument> = z.object({
  scope: z.array(z.string()),
  resources: z.array(z.string()),
  decision: z
    .object({ allowed: z.boolean(), grantedBy: z.string(), authenticatedAt: z.number(), amr: z.array(z.string()) })
    .nullable(),
})

/** A device code as it stands. */
export interface DeviceAuthorization {
  /** The store's instant of the read, in milliseconds. */
  readonly now: number
  readonly ticket: Ticket
  readonly document: DeviceDocument
}

/**
 * Begins the sign-in of a device (RFC 8628 section 3.2).
 *
 * @param asked.now the store's instant, in milliseconds
 * @returns undefined when too many of the client's are pending
 */
export async function startDeviceAuthorization(
  asked: {
    readonly client: ClientRecord
    readonly scope: readonly string[]
    readonly resources: readonly string[]
    readonly now: number
  },
  { tickets, random }: { readonly tickets: TicketStore; readonly random: Random },
): Promise<{ readonly deviceCode: string; readonly userCode: string } | undefined> {
  const { client, scope, resources, now } = asked
  const deviceCode = Buffer.from(random(32)).toString('base64url')
  const userCode = drawUserCode(random)
  const document: DeviceDocument = { scope: [...scope], resources: [...resources], decision: null }
  const ticket: Ticket = {
    hash: digestSecret(deviceCode),
    kind: 'device',
    clientId: client.id,
    userId: null,
    userCodeHash: digestSecret(userCode),
    document: JSON.stringify(document),
    createdAt: now,
    expiresAt: now + deviceSeconds * 1000,
    usedAt: null,
    sessionId: null,
    polledAt: null,
  }
  return (await tickets.addTicket(ticket, mostPending)) ? { deviceCode, userCode } : undefined
}

/** Some 34 bits, each letter as likely as any other (standards DG-2). */
function drawUserCode(random: Random): string {
  let code = ''
  while (code.length < userCodeLength) {
    const fair = [...random(userCodeLength)].filter((byte) => byte < 256 - (256 % alphabet.length))
    code += fair.map((byte) => alphabet[byte % alphabet.length]).join('')
  }
  return code.slice(0, userCodeLength)
}

/** A user code as people see it: `BCDF-GHJK`. */
export function shownUserCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`
}

/** What somebody typed, as it was drawn: case, dashes and blanks do not count. Undefined: it cannot be one. */
export function readUserCode(typed: string): string | undefined {
  const code = typed.toUpperCase().replaceAll(/[-\s.]/g, '')
  return /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/.test(code) ? code : undefined
}

/** Finds what a person typed, as long as nobody has decided about it. */
export async function findByUserCode(userCode: string, tickets: TicketStore): Promise<DeviceAuthorization | undefined> {
  const { now, ticket } = await tickets.findTicketByUserCode(digestSecret(userCode))
  const open = ticket?.kind === 'device' && ticket.userId === null && ticket.expiresAt > now
  return open ? { now, ticket, document: documentOf(ticket) } : undefined
}

/** Writes down what a person decided. False: the code does not count any more, or somebody was faster. */
export function decideDevice(
  decision: {
    readonly device: DeviceAuthorization
    readonly session: GrantingSession
    readonly allowed: boolean
    readonly now: number
  },
  tickets: TicketStore,
): Promise<boolean> {
  const { device, session, allowed, now } = decision
  const { id, createdAt, amr, userId } = session
  const decided = { allowed, grantedBy: id, authenticatedAt: createdAt, amr: [...amr] }
  const document = JSON.stringify({ ...device.document, decision: decided } satisfies DeviceDocument)
  return tickets.decideTicket({ hash: device.ticket.hash, userId, document, now })
}

/** Finds a device code that a client presents, however it stands. */
export async function findByDeviceCode(
  deviceCode: string,
  tickets: TicketStore,
): Promise<DeviceAuthorization | undefined> {
  if (!handleForm.test(deviceCode)) return undefined
  const { now, ticket } = await tickets.findTicket(digestSecret(deviceCode))
  return ticket?.kind === 'device' ? { now, ticket, document: documentOf(ticket) } : undefined
}

/** Notes a poll. False: it came too early after the one before. */
export function notePoll({ ticket, now }: DeviceAuthorization, tickets: TicketStore): Promise<boolean> {
  return tickets.pollTicket({ hash: ticket.hash, now, lastBefore: now - pollSeconds * 1000 + pollLeewayMilliseconds })
}

function documentOf(ticket: Ticket): DeviceDocument {
  return deviceDocument.parse(JSON.parse(ticket.document))
}
