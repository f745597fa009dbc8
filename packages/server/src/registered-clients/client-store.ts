import type { SecurityEvent } from '../security-events/security-event.ts'
import type { ClientRecord } from './client.ts'

/** Registered clients at rest. */
export interface ClientStore {
  findClient(id: string): Promise<ClientRecord | undefined>
  listClients(): Promise<readonly ClientRecord[]>
  /** Adds a client, and declares its access lifetime, where it has one of its own, from then on. False: the id is in use. */
  addClient(client: ClientRecord, event: SecurityEvent): Promise<boolean>
  /**
   * Gives a client that has one secret a further one, which is the newer of the two from then on. False: there is no such
   * client, it has no secret, or it has two already.
   */
  addClientSecret(id: string, secretHash: Uint8Array, event: SecurityEvent): Promise<boolean>
  /** Takes one of its two secrets from a client. False: there is no such client, or it does not have two. */
  removeClientSecret(id: string, which: 'newer' | 'older', event: SecurityEvent): Promise<boolean>
  /**
   * Lets a self-registered client stay until a later instant.
   *
   * @returns false: it is none, it has expired at `now`, or it stays as long in any case
   */
  keepClient(id: string, expiresAt: number, now: number): Promise<boolean>
  /**
   * Housekeeping: deletes up to `limit` self-registered clients that have expired at `now`, with an event for each, and
   * tells how many there were. Nothing of theirs is alive any more: see self-registration.ts.
   */
  removeExpiredClients(now: number, limit: number): Promise<number>
  /**
   * Removes a client and ends its sessions with reason `client_removed` in one transaction, with the entries of the
   * revocation feed that this owes. False: unknown.
   */
  removeClient(id: string, now: number, event: SecurityEvent): Promise<boolean>
}
