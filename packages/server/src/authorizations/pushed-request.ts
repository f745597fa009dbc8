import type { ClientRecord } from '../registered-clients/client.ts'
import type { Random } from '../secrets/random.ts'
import { digestSecret } from '../secrets/secret-digest.ts'
import type { TicketStore } from './ticket-store.ts'

/** How long a pushed request counts, in seconds: until the person has signed in and agreed (standards FA-22). */
export const pushedSeconds = 590

/** Pushed requests of one client that may count at once: anyone may push for a public client, and no table is endless. */
const mostPending = 10_000

const prefix = 'urn:ietf:params:oauth:request_uri:'
const uriForm = /^urn:ietf:params:oauth:request_uri:([A-Za-z0-9_-]{43})$/

/** Never kept: what only proves who sent the request. */
const credentials = ['client_secret', 'client_assertion', 'client_assertion_type']

/**
 * Keeps an authorization request that a client sent ahead (RFC 9126 section 2.2), under 256 random bits.
 *
 * @param push.now the store's instant, in milliseconds
 * @returns its `request_uri`; undefined when too many of the client's are pending
 */
export async function pushRequest(
  push: { readonly client: ClientRecord; readonly parameters: URLSearchParams; readonly now: number },
  { tickets, random }: { readonly tickets: TicketStore; readonly random: Random },
): Promise<string | undefined> {
  const { client, parameters, now } = push
  const kept = new URLSearchParams([...parameters].filter(([name]) => !credentials.includes(name)))
  kept.set('client_id', client.id)
  const handle = Buffer.from(random(32)).toString('base64url')
  const added = await tickets.addTicket(
    {
      hash: digestSecret(handle),
      kind: 'request',
      clientId: client.id,
      userId: null,
      userCodeHash: null,
      document: kept.toString(),
      createdAt: now,
      expiresAt: now + pushedSeconds * 1000,
      usedAt: null,
      sessionId: null,
      polledAt: null,
    },
    mostPending,
  )
  return added ? prefix + handle : undefined
}

/** A pushed request that still counts. */
export interface PushedRequest {
  /** Digest of its handle, by which it is used up. */
  readonly hash: Uint8Array
  readonly parameters: URLSearchParams
}

/** Finds a pushed request; looking at it does not use it up (standards PA-3). Undefined: it does not count (any more). */
export async function findPushedRequest(
  requestUri: string,
  clientId: string | null,
  tickets: TicketStore,
): Promise<PushedRequest | undefined> {
  const handle = uriForm.exec(requestUri)?.[1]
  if (handle === undefined) return undefined
  const { now, ticket } = await tickets.findTicket(digestSecret(handle))
  const counts = ticket?.kind === 'request' && ticket.usedAt === null && ticket.expiresAt > now
  if (!counts || ticket.clientId !== clientId) return undefined
  return { hash: ticket.hash, parameters: new URLSearchParams(ticket.document) }
}

/** Whether a `request_uri` is of the kind that this server gives. */
export function isPushedUri(requestUri: string): boolean {
  return requestUri.startsWith(prefix)
}
