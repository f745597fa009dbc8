import { z } from 'zod'
import type { Random } from '../secrets/random.ts'
import { digestSecret } from '../secrets/secret-digest.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import type { Ticket, TicketStore } from './ticket-store.ts'

/** How long an authorization code counts, in milliseconds (standards AZ-8). */
const codeMilliseconds = 60_000

const handleForm = /^[A-Za-z0-9_-]{43}$/

/** What an authorization code stands for (standards AZ-8). */
export interface CodeDocument {
  readonly redirectUri: string
  readonly codeChallenge: string
  readonly scope: readonly string[]
  readonly resources: readonly string[]
  readonly nonce?: string
  /** The user's session at the pages, on which the code was given. */
  readonly grantedBy: string
  /** Milliseconds since 1970. */
  readonly authenticatedAt: number
  readonly acr: string | null
  readonly amr: readonly string[]
}

const codeDocument: z.ZodType<CodeDocument> = z.object({
  redirectUri: z.string(),
  codeChallenge: z.string(),
  scope: z.array(z.string()),
  resources: z.array(z.string()),
  nonce: z.string().exactOptional(),
  grantedBy: z.string(),
  authenticatedAt: z.number(),
  acr: z.string().nullable(),
  amr: z.array(z.string()),
})

/** The user's session at the pages, as far as a code tells of it. */
export interface GrantingSession {
  readonly id: string
  readonly userId: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly amr: readonly string[]
}

/**
 * Gives a code for a request that the user has agreed to: 256 random bits, of which only the digest is kept.
 *
 * @param now the store's instant, in milliseconds
 * @param pushed digest of the pushed request that it answers, which is used up by it (RFC 9126 section 4)
 * @returns undefined when the pushed request was used or has expired
 */
export async function issueCode(
  grant: {
    readonly request: AuthorizationRequest
    readonly session: GrantingSession
    readonly now: number
    readonly pushed?: Uint8Array
  },
  { tickets, random }: { readonly tickets: TicketStore; readonly random: Random },
): Promise<string | undefined> {
  const { request, session, now, pushed } = grant
  const code = Buffer.from(random(32)).toString('base64url')
  const document: CodeDocument = {
    redirectUri: request.redirectUri,
    codeChallenge: request.codeChallenge,
    scope: [...request.scope],
    resources: [...request.resources],
    ...(request.nonce !== undefined && { nonce: request.nonce }),
    grantedBy: session.id,
    authenticatedAt: session.createdAt,
    acr: request.acr,
    amr: [...session.amr],
  }
  const ticket: Ticket = {
    hash: digestSecret(code),
    kind: 'code',
    clientId: request.client.id,
    userId: session.userId,
    userCodeHash: null,
    document: JSON.stringify(document),
    createdAt: now,
    expiresAt: now + codeMilliseconds,
    usedAt: null,
    sessionId: null,
    polledAt: null,
  }
  const given =
    pushed === undefined
      ? await tickets.addTicket(ticket, Number.MAX_SAFE_INTEGER)
      : await tickets.exchangeTicket(pushed, ticket)
  return given ? code : undefined
}

/** A code that was presented, whether it still counts or not. */
export interface PresentedCode {
  readonly now: number
  readonly ticket: Ticket
  readonly document: CodeDocument
}

/** Finds what a presented code stands for. Undefined: it is none of this server's, or long gone. */
export async function findCode(code: string, tickets: TicketStore): Promise<PresentedCode | undefined> {
  if (!handleForm.test(code)) return undefined
  const { now, ticket } = await tickets.findTicket(digestSecret(code))
  if (ticket?.kind !== 'code') return undefined
  return { now, ticket, document: codeDocument.parse(JSON.parse(ticket.document)) }
}
