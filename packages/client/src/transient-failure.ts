/**
 * Why the server could not be asked, or what it answered instead of an answer. It says nothing about the session: the
 * credential is still there and will be tried again.
 */
export interface TransientFailure {
  /**
   * - `network`: no connection, no name, or the browser does not let the page see the reply
   * - `timeout`: no reply within the deadline
   * - `server_error`: 5xx
   * - `throttled`: 429
   * - `superseded`: a newer refresh token exists, and the browser has not shown it yet
   * - `locked`: the store could not be read or written, as a keychain before it is unlocked
   * - `cancelled`: a sign-in, a sign-out or `dispose()` came in between
   * - `unexpected_reply`: anything else, such as the page of a captive portal or a firewall's 403
   */
  readonly kind:
    | 'network'
    | 'timeout'
    | 'server_error'
    | 'throttled'
    | 'superseded'
    | 'locked'
    | 'cancelled'
    | 'unexpected_reply'
  /** HTTP status, if there was a reply. */
  readonly status?: number | undefined
  /** `error` of the reply, if it had one. */
  readonly error?: string | undefined
  /** `reason` of the reply, if it had one. */
  readonly reason?: string | undefined
  /** By this number the server's log knows the request. */
  readonly requestId?: string | undefined
  /** What the reply's `Retry-After` asked for, in seconds. */
  readonly retryAfterSeconds?: number | undefined
}
