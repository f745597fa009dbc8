import type { SecurityEvent } from '../security-events/security-event.ts'

/** What a user has allowed a client, until it is taken back. */
export interface Consent {
  readonly userId: string
  readonly clientId: string
  readonly scope: readonly string[]
  readonly resources: readonly string[]
  /** Milliseconds since 1970. */
  readonly grantedAt: number
}

/** Consents at rest: at most one for each user and client. */
export interface ConsentStore {
  findConsent(userId: string, clientId: string): Promise<Consent | undefined>
  /** A user's consents, the newest first. */
  listConsents(userId: string): Promise<readonly Consent[]>
  /** Writes a consent in the place of an earlier one, if there is one. */
  rememberConsent(consent: Consent, event: SecurityEvent): Promise<void>
  /**
   * Takes a consent back: with it go the tickets that the user granted to the client, and the sessions that the client
   * has of the user end with reason `consent_withdrawn`, all in one transaction that keeps new ones from being opened.
   * False: there is none.
   */
  withdrawConsent(withdrawal: {
    readonly userId: string
    readonly clientId: string
    readonly now: number
    readonly event: SecurityEvent
  }): Promise<boolean>
}
