import { type BearerChallenge, readBearerChallenge } from './bearer-challenge.ts'
import { ClientError } from './client-error.ts'
import { withSignal } from './deadline.ts'
import type { HeldSession } from './held-session.ts'
import { type Departure, type OutgoingRequest, readOutgoing } from './outgoing-request.ts'
import type { Renewal } from './renewal.ts'

/** What the application's requests need. */
export interface AuthorizedFetchParts extends Departure {
  readonly held: Pick<HeldSession, 'standing' | 'bearer' | 'renewals'>
  readonly renewal: Pick<Renewal, 'renew'>
  readonly allowedOrigins: ReadonlySet<string>
  readonly monotonic: () => number
  readonly visible: () => boolean
  readonly isDisposed: () => boolean
}

/** How long an API that refused a new access token is not answered with yet another renewal. */
const refusalMilliseconds = 60_000

/**
 * How often a request renews because what the access token says of the user has changed: an administrator's change is told
 * twice, and the renewal may fall in between.
 */
const mostForClaims = 2

/** `fetch` with a session: renews before sending where that is needed, and after a 401 once, or twice at most. */
export function createAuthorizedFetch(parts: AuthorizedFetchParts): typeof globalThis.fetch {
  const { held, renewal, allowedOrigins, monotonic, visible, isDisposed } = parts
  /** By origin: when it last refused an access token that was just made. Each renewal moves the session, so it counts. */
  const refusedNew = new Map<string, number>()

  /** Waits for a renewal, but not longer than the application wants to wait for its answer. */
  async function renewFor({ signal }: OutgoingRequest): Promise<void> {
    const renewed = renewal.renew()
    await (signal === undefined ? renewed : withSignal(renewed, signal))
  }

  async function prepare(request: OutgoingRequest): Promise<void> {
    const standing = held.standing()
    if (standing === 'none' || standing === 'fresh') return
    if (standing === 'expired' || request.onlyOnce) await renewFor(request)
    else if (standing === 'due' && visible()) void renewal.renew()
    if (!request.onlyOnce) return
    const now = held.standing()
    if (now === 'expired' || now === 'unknown') throw new ClientError('body_not_replayable')
  }

  /** The refusal of an access token, if a newer one might change the answer (RFC 6750 section 3.1). */
  function refusalOf(response: Response, bearer: string | undefined): BearerChallenge | undefined {
    if (response.status !== 401) return undefined
    const challenge = readBearerChallenge(response.headers.get('WWW-Authenticate'))
    if (challenge === undefined) return undefined
    // Without an error the request carried no token: an access cookie goes away by itself when it expires.
    const missing = challenge.error === undefined && bearer === undefined
    return challenge.error === 'invalid_token' || missing ? challenge : undefined
  }

  function mayRenewFor(origin: string): boolean {
    return monotonic() - (refusedNew.get(origin) ?? Number.NEGATIVE_INFINITY) >= refusalMilliseconds
  }

  async function sendAuthorized(request: OutgoingRequest, origin: string): Promise<Response> {
    await prepare(request)
    for (let renewals = 1; ; renewals += 1) {
      const before = held.renewals()
      const bearer = held.bearer()
      const response = await request.send(bearer)
      const refusal = refusalOf(response, bearer)
      if (request.onlyOnce || refusal === undefined || held.standing() === 'none' || !mayRenewFor(origin))
        return response
      if (renewals > (refusal.reason === 'claims_stale' ? mostForClaims : 1)) {
        refusedNew.set(origin, monotonic())
        return response
      }
      // Parallel requests: whoever is refused after somebody else's renewal needs none of his own (T8.1).
      if (held.renewals() === before) await renewFor(request)
      if (held.renewals() === before) return response
      await response.body?.cancel()
    }
  }

  return async (input, init) => {
    if (isDisposed()) throw new ClientError('disposed')
    const request = readOutgoing(input, init, parts)
    const origin = request.url?.origin
    if (origin === undefined || !allowedOrigins.has(origin) || request.hasAuthorization) return request.pass()
    return sendAuthorized(request, origin)
  }
}
