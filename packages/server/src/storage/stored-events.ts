import { z } from 'zod'
import type { SecurityEvent, SecurityEventType } from '../security-events/security-event.ts'
import { endReasons } from './stored-records.ts'

// A record, so that the compiler asks for a type that was added to the union.
const eventTypes: Readonly<Record<SecurityEventType, true>> = {
  session_opened: true,
  session_ended: true,
  session_replayed: true,
  session_superseded_use: true,
  session_ahead_use: true,
  session_rolled_forward: true,
  session_stranger: true,
  attempt_id_reused: true,
  user_added: true,
  user_disabled: true,
  user_roles_changed: true,
  claims_changed: true,
  password_changed: true,
  client_added: true,
  client_removed: true,
  consent_given: true,
  consent_withdrawn: true,
  client_secret_added: true,
  client_secret_removed: true,
  signing_key_added: true,
  signing_key_killed: true,
  signing_key_resealed: true,
  signing_key_removed: true,
  refresh_key_added: true,
  refresh_key_retired: true,
  store_restored: true,
}

const securityEvent: z.ZodType<SecurityEvent> = z.object({
  type: z.custom<SecurityEventType>((value) => typeof value === 'string' && Object.hasOwn(eventTypes, value)),
  at: z.number(),
  actor: z.enum(['user', 'client', 'admin', 'server']),
  sessionId: z.string().exactOptional(),
  userId: z.string().exactOptional(),
  clientId: z.string().exactOptional(),
  keyId: z.string().exactOptional(),
  reason: z.enum(endReasons).exactOptional(),
  device: z.object({ address: z.string().nullable(), userAgent: z.string().nullable() }).exactOptional(),
  endedSessions: z.array(z.string()).exactOptional(),
  evidence: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).exactOptional(),
})

/** How long an event that one node was given to deliver is left to it by the others. */
export const claimMilliseconds = 30_000

/** An event as the outbox holds it. */
export function eventDocument(event: SecurityEvent): string {
  return JSON.stringify(event)
}

/** What is told of a self-registered client that nothing used any more. */
export function expiryEvent(clientId: string, at: number): SecurityEvent {
  return { type: 'client_removed', at, actor: 'server', clientId }
}

/** Reads an event as the outbox holds it. Throws when it is none that this release knows. */
export function parseEvent(document: string): SecurityEvent {
  return securityEvent.parse(JSON.parse(document))
}
