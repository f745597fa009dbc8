import type { Refusal } from '@pawl/protocol'
import type { ClientRecord } from '../registered-clients/client.ts'
import type { Device } from '../security-events/security-event.ts'

/** A token request after its form was read and its client authenticated. */
export interface GrantRequest {
  readonly client: ClientRecord
  /** The one value of a parameter. */
  readonly parameter: (name: string) => string | undefined
  /** All values of `resource` (RFC 8707). */
  readonly resources: readonly string[]
  /** All values of `audience` (RFC 8693 section 2.1). */
  readonly audiences: readonly string[]
  readonly device: Device
  /** Monotonic instant of arrival in milliseconds. */
  readonly arrivedAt: number
  /** Whether nobody waits for the answer any more. */
  readonly hasLeft: () => Promise<boolean>
}

/** What a grant gives: the members of a token response (RFC 6749 section 5.1, RFC 8693 section 2.2.1). */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly expires_in: number
  /** Of a token exchange only. */
  readonly issued_token_type?: string
  readonly scope?: string
  /** Of a sign-in with the scope `openid` only. */
  readonly id_token?: string
  readonly refresh_token?: string
  readonly refresh_in?: number
  readonly refresh_token_timeout?: number
  readonly authorization_expires_in?: number
}

/** Outcome of a grant. */
export type GrantOutcome =
  | { readonly kind: 'granted'; readonly response: TokenResponse; readonly outcome: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** One grant type. Client authentication and the client's right to the grant are settled before it is called. */
export type Grant = (request: GrantRequest) => Promise<GrantOutcome>
